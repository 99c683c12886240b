"""The bells that the timekeeper rings: a narrow row for each row that waits for its moment."""

from datetime import datetime

from sqlalchemy import Column, Index, String
from sqlmodel import Field

from models.tables.columns import BigId, Instant
from models.tables.row import TableRow


class Bell(TableRow, table=True):
    """A waiting message or a ticket's next moment, and the queue in which it is rung.

    `row_id` is a row of the inbox or, in the queue `escalation`, a ticket. `due_at` is when it is
    due; `ring_at` is when the timekeeper rings next, which is later while a bell has been rung and
    not been answered. Bells are kept apart from the rows that they ring for: those are wide and
    read by many, and a bell is written several times in a row's life.
    """

    __tablename__ = "bell"
    __table_args__ = (Index("bell_ring", "queue", "ring_at"),)

    row_id: int = Field(sa_column=Column(BigId, primary_key=True, autoincrement=False))
    queue: str = Field(sa_column=Column(String, primary_key=True))
    due_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    ring_at: datetime = Field(sa_column=Column(Instant, nullable=False))
