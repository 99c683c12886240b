"""The positions up to which the logs were sent, by channel of events."""

from datetime import datetime

from sqlalchemy import BigInteger, Column
from sqlmodel import Field

from models.tables.columns import Instant
from models.tables.row import TableRow


class EventCursor(TableRow, table=True):
    """The position of a channel of events, shared by all workers.

    What is up to `position` and `line` was taken. A page under way ends with the cursor `through`;
    one that was sent `in_clear` is in the access log. Until `held_until` the worker `holder` sends,
    and nobody else.
    """

    __tablename__ = "event_cursor"

    name: str = Field(primary_key=True)
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    line: int = Field(sa_column=Column(BigInteger, nullable=False))
    through: str | None = None
    in_clear: bool = False
    holder: str | None = None
    held_until: datetime | None = Field(default=None, sa_column=Column(Instant))
    sent_at: datetime | None = Field(default=None, sa_column=Column(Instant))
