"""The health of the service: its processes by their own reports, and what waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select

from models.database import Session
from models.queries.access_log import ALARM_FOR, BEYOND_LIMIT
from models.queries.conditions import FAILED_NOTICE, QUEUED_NOTICE, REFUSED_MESSAGE
from models.rules.queues import MESSAGE_QUEUES
from models.tables.core import ACCESS, BELL, INBOX, NOTICE, PROCESS, TICKET

ALIVE_WITHIN = timedelta(seconds=15)
"""A process that has not reported for longer counts as dead; it reports every few seconds."""

DEFAULT_PATIENCE = timedelta(seconds=30)
"""The time after which a timekeeper rings again for a row that is not finished, by default."""


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """A worker or timekeeper, when it last reported, and how late it was then."""

    name: str
    role: str
    started_at: datetime
    seen_at: datetime
    doing: str
    lateness_ms: int
    done: int
    failed: int

    def is_alive(self, now: datetime) -> bool:
        """Return whether the process has reported lately; `now` is by the system's clock."""
        return now - self.seen_at <= ALIVE_WITHIN


@dataclass(frozen=True, slots=True)
class Health:
    """The processes, and how many messages and notices wait or have failed.

    `limits_passed` is how many persons have lately seen more in clear than the limit, or tried to;
    `quarantined` counts the tickets whose rows are not as the service wrote them.
    """

    processes: tuple[ProcessStatus, ...] = ()
    inbox_waiting: int = 0
    refused: int = 0
    notices_queued: int = 0
    notices_failed: int = 0
    limits_passed: int = 0
    quarantined: int = 0


def health(session: Session, now: datetime) -> Health:
    """Return the processes, and the counts at `now`; messages dated later are no load yet."""
    processes = session.execute(
        select(*(PROCESS.c[f] for f in ProcessStatus.__dataclass_fields__)).order_by(
            PROCESS.c.role, PROCESS.c.name
        )
    )
    # a bell that has been rung is due again a little later, until it is answered
    waiting = BELL.c.queue.in_(MESSAGE_QUEUES), BELL.c.due_at <= now
    counts = [
        select(func.count(BELL.c.row_id)).where(*waiting),
        select(func.count(INBOX.c.id)).where(REFUSED_MESSAGE, INBOX.c.current),
        select(func.count(NOTICE.c.id)).where(QUEUED_NOTICE),
        select(func.count(NOTICE.c.id)).where(FAILED_NOTICE),
        select(func.count(ACCESS.c.who.distinct())).where(
            BEYOND_LIMIT, ACCESS.c.at > now - ALARM_FOR
        ),
        select(func.count(TICKET.c.id)).where(TICKET.c.quarantined_at.is_not(None)),
    ]
    row = session.execute(select(*(c.scalar_subquery() for c in counts))).one()
    return Health(tuple(ProcessStatus(*p) for p in processes), *row)


def quarantined_tickets(session: Session, most: int) -> Sequence[str]:
    """Return the numbers of tickets whose rows are not as the service wrote them."""
    waiting = select(TICKET.c.number).where(TICKET.c.quarantined_at.is_not(None))
    return session.scalars(waiting.order_by(TICKET.c.id).limit(most)).all()


def is_reporting(session: Session, prefix: str, now: datetime) -> bool:
    """Return whether any process whose name begins with `prefix` is alive at `now`."""
    alive = PROCESS.c.name.startswith(prefix, autoescape=True), _alive(now)
    return session.execute(select(PROCESS.c.name).where(*alive).limit(1)).first() is not None


class LastSeen(NamedTuple):
    """The process that reported last, and when."""

    name: str
    seen_at: datetime


def last_seen(session: Session) -> LastSeen | None:
    """Return the process that reported last, by what the table of every release has."""
    last = select(PROCESS.c.name, PROCESS.c.seen_at).order_by(PROCESS.c.seen_at.desc()).limit(1)
    row = session.execute(last).first()
    return None if row is None else LastSeen(*row)


def patience(session: Session, now: datetime) -> timedelta:
    """Return the time after which bells are rung again, as the living timekeepers report it.

    Real time, the longest where they differ; `now` is by the system's clock.
    """
    longest: int | None = session.scalar(select(func.max(PROCESS.c.patience_ms)).where(_alive(now)))
    return DEFAULT_PATIENCE if longest is None else timedelta(milliseconds=longest)


def _alive(now: datetime) -> ColumnElement[bool]:
    return PROCESS.c.seen_at >= now - ALIVE_WITHIN
