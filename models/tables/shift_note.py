"""Notes by which one shift hands over to the next (交班)."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field

from models.security.encryption import Binding, Encrypted
from models.tables.columns import BigId, EncryptedColumn, Instant
from models.tables.row import TableRow


class ShiftNoteRow(TableRow, table=True):
    """A note for the next shift; no event of any ticket.

    `read_by` is whoever has said for the next shift that it was read, at `read_at`.
    """

    __tablename__ = "shift_note"

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    at: datetime = Field(sa_column=Column(Instant, nullable=False, index=True))
    who: str
    text: Encrypted = Field(
        sa_column=Column(
            EncryptedColumn(Binding("shift_note.text", ("id", "at", "who"))), nullable=False
        )
    )
    read_by: str | None = None
    read_at: datetime | None = Field(default=None, sa_column=Column(Instant))
