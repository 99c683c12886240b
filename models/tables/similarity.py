"""Hashes by which similar letters are found, without what they say."""

from sqlalchemy import Column
from sqlmodel import Field

from models.tables.columns import BigId
from models.tables.row import TableRow


class SimilarityBand(TableRow, table=True):
    """A band of a letter's MinHash signature as a keyed hash; similar letters share some of them.

    Nothing can be read from it without the key. `band` 0 has no hash and is there for every letter
    that was indexed. There is no foreign key: it would lock the ticket's row against the workers.
    """

    __tablename__ = "matter_band"

    ticket_id: int = Field(sa_column=Column(BigId, primary_key=True, autoincrement=False))
    band: int = Field(primary_key=True)
    hash: int | None = Field(default=None, sa_column=Column(BigId, index=True))
