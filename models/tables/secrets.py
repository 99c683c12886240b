"""Secrets of the store, the blind index of encrypted data, and the access log."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index
from sqlmodel import Field

from models.json_types import Json
from models.rules.vocabulary import AccessOutcome
from models.security.chain import REASON
from models.security.encryption import Binding, Encrypted
from models.tables.columns import BigId, EncryptedColumn, Instant, JsonText
from models.tables.partial_index import partial_index
from models.tables.row import TableRow

HASH_KEY = "hashes"
"""The name of the secret with the key of all keyed hashes."""

ANCHOR_KEY = "anchors"
"""The name of the secret with the private key that anchors are signed with."""


class Secret(TableRow, table=True):
    """A secret of the store, encrypted: the key of its hashes, which shows a wrong key file."""

    __tablename__ = "secret"

    name: str = Field(primary_key=True)
    value: Encrypted = Field(
        sa_column=Column(EncryptedColumn(Binding("secret.value", ("name",))), nullable=False)
    )


class TicketSalt(TableRow, table=True):
    """The salt of a ticket's keys, by the ticket's number: without it its texts are erased.

    It is there before the ticket's own row, from its first message on.
    """

    __tablename__ = "ticket_salt"
    __table_args__ = ({"sqlite_with_rowid": False},)

    ticket: str = Field(primary_key=True)
    salt: bytes


class BlindIndex(TableRow, table=True):
    """The keyed hash of a number or name in a ticket; `kind` is phone, identity or name."""

    __tablename__ = "trace"
    __table_args__ = (
        Index("trace_hash", "hash"),
        {"sqlite_with_rowid": False},
    )

    ticket_id: int = Field(sa_column=Column(BigId, ForeignKey("ticket.id"), primary_key=True))
    kind: str = Field(primary_key=True)
    hash: bytes = Field(primary_key=True)


class Access(TableRow, table=True):
    """A line of the access log: somebody saw personal data in clear, changed what only few may
    change, or was denied it.

    It is append-only and chained. `fields` are the names of what was shown, never its content;
    `amount` is how many tickets, rows or denied acts the line stands for.
    """

    __tablename__ = "access"
    __table_args__ = (
        Index("access_ticket", "ticket"),
        Index("access_who", "who", "at"),
        partial_index(
            "access_alarm",
            "at",
            where="outcome IN ('beyond', 'stopped')",
        ),
    )

    id: int = Field(sa_column=Column(BigId, primary_key=True, autoincrement=False))
    at: datetime = Field(sa_column=Column(Instant, nullable=False))
    who: str
    role: str
    act: str
    ticket: str | None = None
    fields: Json = Field(sa_column=Column(JsonText, nullable=False))
    outcome: str = AccessOutcome.DONE
    amount: int = 1
    reason: Encrypted | None = Field(default=None, sa_column=Column(EncryptedColumn(REASON)))
    hash: bytes
