"""The feed of changed heads, and the anchors over it."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field

from models.tables.columns import BigId, Instant
from models.tables.row import TableRow


class Change(TableRow, table=True):
    """The heads that one transaction moved, packed (`models/security/heads.py`).

    `id` is the order of insertion. `position` is given once the transaction is committed: it is
    the order of commit, without a gap, and the cursor of whoever follows the feed.
    """

    __tablename__ = "change"
    # those that have no position yet are found by it too
    __table_args__ = (Index("change_position", "position", unique=True),)

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    position: int | None = Field(default=None, sa_column=Column(BigInteger))
    heads: bytes


class TableHead(TableRow, table=True):
    """The newest head of a protected table: the `digest` of all its rows, as listed at `seq`.

    The feed has it, too, but whoever goes by such a table need not look for it there.
    """

    __tablename__ = "table_head"

    kind: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    digest: bytes


class Anchor(TableRow, table=True):
    """A signed root over the `changes` up to position `through`, chained to the anchor before.

    `previous` is the digest of the anchor before; the first one covers what a store held when it
    was upgraded.
    """

    __tablename__ = "anchor"

    number: int = Field(sa_column=Column(BigId, primary_key=True, autoincrement=False))
    at: datetime = Field(sa_column=Column(Instant, nullable=False))
    through: int = Field(sa_column=Column(BigInteger, nullable=False))
    changes: int
    root: bytes
    previous: bytes
    signature: bytes
