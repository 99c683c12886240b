"""Each queue as it stands, and how it has been going: from the store alone, broker or not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select

from models.database import Session
from models.queries.conditions import QUEUED_NOTICE, WAITING_MESSAGE
from models.rules.queues import DELIVERY, ESCALATION, QUEUES
from models.tables.core import INBOX, NOTICE, SAMPLE, TICKET

EVERY = timedelta(seconds=5)
"""How much time a sample covers, real."""

KEPT = timedelta(minutes=30)
MOST = 20_000
"""Rows of the inbox that are looked at for a picture of the present; a longer queue is said so."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How many rows wait in a queue, and since when the first of them has been due."""

    waiting: int = 0
    oldest_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue now and in the last half hour, a figure for every sample, the latest last.

    `come` are rows that came in, by what waits and what was dealt with; `done` and `failed` are by
    the workers' own word.
    """

    name: str
    now: Depth = Depth()
    depth: tuple[int, ...] = ()
    come: tuple[int, ...] = ()
    done: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Queues:
    """All queues; `more` says that so much waits that the counts are of its beginning only."""

    rows: tuple[QueueRow, ...] = ()
    more: bool = False
    sampled_at: datetime | None = None


@dataclass
class _Series:
    depth: list[int | None]
    done: list[int]
    failed: list[int] = field(default_factory=list)


def queues(session: Session, now: datetime, wall: datetime, points: int = 60) -> Queues:
    """Every queue at `now` by the service's clock, and its last samples up to `wall`."""
    depths = depths_now(session, now, limit=MOST)
    sampled = _samples(session, wall, points)
    latest = session.scalar(select(func.max(SAMPLE.c.at)))
    more = sum(d.waiting for q, d in depths.items() if q not in (ESCALATION, DELIVERY)) >= MOST
    rows = [_row(name, depths.get(name, Depth()), sampled[name]) for name in QUEUES]
    return Queues(tuple(rows), more, latest)


def depths_now(session: Session, now: datetime, limit: int | None = None) -> dict[str, Depth]:
    """What waits in each queue: what is dated after `now` does not wait yet."""
    # what has been rung for is due again after the timekeeper's patience, and waits all the same
    due = (
        select(INBOX.c.queue, INBOX.c.arrived_at)
        .where(WAITING_MESSAGE, INBOX.c.at <= now)
        .order_by(INBOX.c.ring_at)
        .limit(limit)
        .subquery()
    )
    by_queue = select(due.c.queue, func.count(), func.min(due.c.arrived_at)).group_by(due.c.queue)
    found = {row[0]: Depth(row[1], row[2]) for row in session.execute(by_queue)}
    others: dict[str, Select[int, Any]] = {
        DELIVERY: select(func.count(), func.min(NOTICE.c.queued_at)).where(QUEUED_NOTICE),
        ESCALATION: select(func.count(), func.min(TICKET.c.ring_at)).where(TICKET.c.ring_at <= now),
    }
    for name, select_one in others.items():
        count, oldest = session.execute(select_one).one()
        found[name] = Depth(count, oldest)
    return found


def _samples(session: Session, wall: datetime, points: int) -> dict[str, _Series]:
    last = bucket(wall)
    series = {
        name: _Series([None] * (points + 1), [0] * (points + 1), [0] * (points + 1))
        for name in QUEUES
    }
    rows = session.execute(
        select(SAMPLE).where(SAMPLE.c.at > last - EVERY * (points + 1), SAMPLE.c.at <= last)
    )
    for row in rows:
        own, place = series.get(row.queue), points - round((last - row.at) / EVERY)
        if own is None or not 0 <= place <= points:
            continue
        if row.process:
            own.done[place] += row.done
            own.failed[place] += row.failed
        else:
            own.depth[place] = row.depth
    return series


def _row(name: str, now: Depth, series: _Series) -> QueueRow:
    depth = _filled(series.depth)
    come = [
        max(0, here - before + done)
        for before, here, done in zip(depth, depth[1:], series.done[1:], strict=False)
    ]
    return QueueRow(
        name,
        now,
        tuple(depth[1:]),
        tuple(come),
        tuple(series.done[1:]),
        tuple(series.failed[1:]),
    )


def _filled(depth: Sequence[int | None]) -> list[int]:
    """The depths with gaps filled by what was last known: nobody looked at those moments."""
    filled, known = [], next((d for d in depth if d is not None), 0)
    for one in depth:
        known = known if one is None else one
        filled.append(known)
    return filled


def bucket(wall: datetime) -> datetime:
    """The moment that the samples of this moment are kept under."""
    seconds = EVERY.total_seconds()
    return datetime.fromtimestamp(wall.timestamp() // seconds * seconds, wall.tzinfo)
