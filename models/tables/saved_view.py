"""Saved views: lists of tickets that operators open by a name."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field

from models.security.encryption import Binding, Encrypted
from models.tables.columns import BigId, EncryptedColumn, Instant
from models.tables.row import TableRow


class SavedViewRow(TableRow, table=True):
    """A view that `who` saved at that moment, for all operators where `is_shared`.

    `content` is its name, filter, order and columns: a filter may hold a claimant's words.
    """

    __tablename__ = "saved_view"

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    at: datetime = Field(sa_column=Column(Instant, nullable=False))
    who: str = Field(index=True)
    is_shared: bool
    content: Encrypted = Field(
        sa_column=Column(
            EncryptedColumn(Binding("saved_view.content", ("id", "at", "who"))), nullable=False
        )
    )
