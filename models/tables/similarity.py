"""What letters have in common, without what they say."""

from sqlalchemy import Column
from sqlmodel import Field

from models.tables.columns import BigId
from models.tables.row import TableRow


class SimilarityBand(TableRow, table=True):
    """A keyed hash of a part of what a letter says: letters that are alike share some of them.

    Nothing can be read from it without the key. `band` 0 is there for every letter that was looked
    at, without a hash. There is no foreign key: it would lock the ticket's row against the workers.
    """

    __tablename__ = "matter_band"

    ticket_id: int = Field(sa_column=Column(BigId, primary_key=True, autoincrement=False))
    band: int = Field(primary_key=True)
    hash: int | None = Field(default=None, sa_column=Column(BigId, index=True))
