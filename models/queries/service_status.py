"""The status of the service by its store: which processes run, what waits, and since when."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, or_, select

from models.database import Session
from models.queries.health import Health, health
from models.rules.calendar import Calendar
from models.rules.queues import QUEUES
from models.rules.vocabulary import OPEN
from models.tables.core import BELL, TICKET, UNIT

NO_LEVEL = "none"

CALENDAR_WARNING = timedelta(days=45)
"""The time before a day that is only a guess from which on that is a fault."""


@dataclass(frozen=True, slots=True)
class QueueBacklog:
    """A queue: how many rows are due in it, and since when the one that has waited longest."""

    rows: int = 0
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """The status of the service; `tickets` counts the open ones by status and level."""

    health: Health
    queues: dict[str, QueueBacklog]
    tickets: dict[tuple[str, str], int]
    units: int


def service_status(session: Session, now: datetime) -> ServiceStatus:
    """Read the status at `now`."""
    rows = session.execute(
        select(BELL.c.queue, func.count(), func.min(BELL.c.due_at))
        .where(BELL.c.due_at <= now)
        .group_by(BELL.c.queue)
    )
    due = {queue: QueueBacklog(count, since) for queue, count, since in rows}
    level = func.coalesce(TICKET.c.level, NO_LEVEL)
    tickets = session.execute(
        select(TICKET.c.status, level, func.count())
        .where(TICKET.c.status.in_(OPEN))
        .group_by(TICKET.c.status, level)
    )
    return ServiceStatus(
        health(session, now),
        {queue: due.get(queue, QueueBacklog()) for queue in QUEUES},
        {(status, name): count for status, name, count in tickets},
        session.scalar(select(func.count()).where(UNIT.c.retired_at.is_(None))) or 0,
    )


class DatabaseServer(NamedTuple):
    """A PostgreSQL server: its version, the time by its clock, and whether it takes no change."""

    version: str
    at: datetime
    is_read_only: bool


def database_server(session: Session) -> DatabaseServer:
    """Return what the PostgreSQL server says of itself."""
    is_set_so = func.current_setting("default_transaction_read_only") == "on"
    row = session.execute(
        select(
            func.current_setting("server_version"),
            func.clock_timestamp(),
            or_(func.pg_is_in_recovery(), is_set_so),
        )
    ).one()
    return DatabaseServer(*row)


def first_provisional_day(calendar: Calendar, today: date, days: int = 366) -> date | None:
    """Return the first of the days from `today` on that nobody has announced or declared."""
    span = (today + timedelta(n) for n in range(days))
    return next((day for day in span if calendar.day(day).provisional), None)
