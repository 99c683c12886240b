"""What the timekeeper rings for: one narrow row for each thing that waits for its moment."""

from datetime import datetime

from sqlalchemy import Column, Index, String
from sqlmodel import Field

from models.tables.columns import BigId, Instant
from models.tables.row import TableRow


class Bell(TableRow, table=True):
    """A waiting message or a ticket's next moment, and the queue that it is rung in.

    `row_id` is a row of the inbox or, in the queue `escalation`, a ticket. `due_at` is when it
    wants to be dealt with; `ring_at` is when the timekeeper rings next, which is later where a bell
    has been rung and not been answered yet. Apart from the rows that they ring for, since those
    are wide and read by many, and a bell is written several times in a row's life.
    """

    __tablename__ = "bell"
    __table_args__ = (Index("bell_ring", "queue", "ring_at"),)

    row_id: int = Field(sa_column=Column(BigId, primary_key=True, autoincrement=False))
    queue: str = Field(sa_column=Column(String, primary_key=True))
    due_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    ring_at: datetime = Field(sa_column=Column(Instant, nullable=False))
