"""Hashes by which similar letters are found, without what they say."""

from sqlalchemy import Column
from sqlmodel import Field

from models.tables.columns import BigId
from models.tables.row import TableRow


class SimilarityBands(TableRow, table=True):
    """The bands of a letter's MinHash signature as keyed hashes; similar letters share some.

    Nothing can be read from them without the key. They are in one row, and compared by whoever
    looks for similar letters: a row for each, with indexes, took twelve times the room. A letter
    that says too little has none. There is no foreign key: it would lock the ticket's row against
    the workers.
    """

    __tablename__ = "matter_band"

    ticket_id: int = Field(sa_column=Column(BigId, primary_key=True, autoincrement=False))
    hashes: bytes
