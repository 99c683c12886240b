"""Whether the machinery runs: processes by their own word, and what lies waiting."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from models.database import Session
from models.queries.conditions import FAILED_NOTICE, QUEUED_NOTICE, REFUSED_MESSAGE
from models.rules.queues import MESSAGE_QUEUES
from models.tables.core import BELL, INBOX, NOTICE, PROCESS


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """A worker or timekeeper, when it was last seen, and how late it was then."""

    name: str
    role: str
    started_at: datetime
    seen_at: datetime
    doing: str
    lateness_ms: int
    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class Health:
    """The processes, and how many messages and notices wait or have failed."""

    processes: tuple[ProcessStatus, ...] = ()
    inbox_waiting: int = 0
    refused: int = 0
    notices_queued: int = 0
    notices_failed: int = 0


def health(session: Session, now: datetime) -> Health:
    """How the machinery stands; messages dated after `now` wait for their time and are no load."""
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
    ]
    row = session.execute(select(*(c.scalar_subquery() for c in counts))).one()
    return Health(tuple(ProcessStatus(*p) for p in processes), *row)


def is_reporting(session: Session, beginning: str, since: datetime) -> bool:
    """Whether a process whose name has this beginning has been seen since."""
    seen = PROCESS.c.name.startswith(beginning, autoescape=True) & (PROCESS.c.seen_at >= since)
    return session.execute(select(PROCESS.c.name).where(seen).limit(1)).first() is not None
