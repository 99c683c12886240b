"""Claims: which operator works at which ticket just now."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey
from sqlmodel import Field

from models.tables.columns import BigId, Instant
from models.tables.row import TableRow


class ClaimRow(TableRow, table=True):
    """An operator's claim of a ticket, since `at` by the system's clock; no event of the ticket."""

    __tablename__ = "claim"

    ticket_id: int = Field(sa_column=Column(BigId, ForeignKey("ticket.id"), primary_key=True))
    who: str
    at: datetime = Field(sa_column=Column(Instant, nullable=False))
