"""The processes of the service, and how its queues went: in samples, and by the day."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Column
from sqlmodel import Field

from models.tables.columns import Instant
from models.tables.row import TableRow


class Process(TableRow, table=True):
    """A worker or timekeeper that is, or was, running, by its own report.

    `patience_ms` is a timekeeper's: after how many real milliseconds it rings again.
    """

    __tablename__ = "process"

    name: str = Field(primary_key=True)
    role: str
    started_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    seen_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    doing: str = ""
    lateness_ms: int = 0
    done: int = 0
    failed: int = 0
    patience_ms: int | None = None


class Sample(TableRow, table=True):
    """A sample of a queue: its depth, and what was done in the seconds up to `at`, system time.

    The row without a process says how many rows waited at `at` and the age of the oldest in real
    milliseconds; the rows of processes say how many they finished and how many of them failed.
    """

    __tablename__ = "sample"

    at: datetime = Field(sa_column=Column(Instant, primary_key=True))
    queue: str = Field(primary_key=True)
    process: str = Field(primary_key=True)
    depth: int = 0
    oldest_ms: int = 0
    done: int = 0
    failed: int = 0


class QueueDay(TableRow, table=True):
    """A queue in a day of Shanghai, by the system's time: its most and longest, and its sums.

    `depth` is the most that waited at any sample, `oldest_ms` the longest that a row had waited.
    """

    __tablename__ = "queue_day"

    day: date = Field(primary_key=True)
    queue: str = Field(primary_key=True)
    depth: int = 0
    oldest_ms: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    done: int = 0
    failed: int = 0
