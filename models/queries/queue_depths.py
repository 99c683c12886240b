"""The queues now, in the last half hour and by the day, from the store: no broker is needed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from operator import or_
from typing import Any

from sqlalchemy import Select, func, select

from models.database import Session
from models.queries.conditions import QUEUED_NOTICE
from models.queries.health import patience
from models.rules.calendar import SHANGHAI
from models.rules.queues import DELIVERY, QUEUES
from models.tables.core import BELL, NOTICE, QUEUE_DAY, SAMPLE

SAMPLE_SPAN = timedelta(seconds=5)
"""The real time that a sample covers."""

SAMPLES_KEPT = timedelta(minutes=30)
"""The real time for which samples are kept."""


DAYS_KEPT = timedelta(days=30)
"""The days for which the figures of each are kept."""


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """The number of rows that wait in a queue, and since when the first of them has been due."""

    waiting: int = 0
    oldest_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue now and in the last half hour, a figure for every sample, the latest last.

    `arrived` are rows that came in, computed from what waits and what was finished; `done` and
    `failed` are what the workers reported. `days` has the most that waited in each day.
    """

    name: str
    now: QueueDepth = QueueDepth()
    depth: tuple[int, ...] = ()
    arrived: tuple[int, ...] = ()
    done: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()
    days: tuple[int, ...] = ()


@dataclass
class _Series:
    depth: list[int | None]
    done: list[int]
    failed: list[int] = field(default_factory=list)


def queues(
    session: Session, now: datetime, wall: datetime, speed: float = 1.0, points: int = 60
) -> tuple[QueueRow, ...]:
    """Return every queue at `now` by the service's clock, and its last samples up to `wall`.

    The service's clock runs `speed` times as fast as `wall`, the system's.
    """
    depths = queue_depths(session, now, wall, speed)
    sampled, days = _samples(session, wall, points), _days(session, wall)
    return tuple(_row(name, depths[name], sampled[name], days[name]) for name in QUEUES)


def _days(session: Session, wall: datetime) -> dict[str, tuple[int, ...]]:
    """Return for each queue the most that waited in each of the last days, the latest last."""
    today = wall.astimezone(SHANGHAI).date()
    days = {today - timedelta(days=n): n for n in range(DAYS_KEPT.days)}
    most = {name: [0] * DAYS_KEPT.days for name in QUEUES}
    columns = QUEUE_DAY.c.day, QUEUE_DAY.c.queue, QUEUE_DAY.c.depth
    for day, queue, depth in session.execute(select(*columns)):
        if day in days and queue in most:
            most[queue][-1 - days[day]] = depth
    return {name: tuple(depths) for name, depths in most.items()}


def queue_depths(
    session: Session, now: datetime, wall: datetime, speed: float = 1.0
) -> dict[str, QueueDepth]:
    """Count what waits in each queue; what is dated after `now` does not wait yet.

    `now` is by the service's clock, which runs `speed` times as fast as `wall`, the system's.
    """
    again_at = now + patience(session, wall) * speed
    depths = {}
    for name in QUEUES:
        count, oldest = session.execute(_waiting(name, now, again_at)).one()
        depths[name] = QueueDepth(count, oldest)
    return depths


def _waiting(name: str, now: datetime, again_at: datetime) -> Select[Any, Any]:
    if name == DELIVERY:
        return select(func.count(), func.min(NOTICE.c.queued_at)).where(QUEUED_NOTICE)
    # a bell that has been rung is due again a little later, and waits until it is answered
    return (
        select(func.count(), func.min(BELL.c.due_at))
        .where(BELL.c.queue == name, BELL.c.ring_at <= again_at)
        .where(BELL.c.due_at <= now)
    )


def _samples(session: Session, wall: datetime, points: int) -> dict[str, _Series]:
    last = sample_time(wall)
    series = {
        name: _Series([None] * (points + 1), [0] * (points + 1), [0] * (points + 1))
        for name in QUEUES
    }
    rows = session.execute(
        select(SAMPLE).where(SAMPLE.c.at > last - SAMPLE_SPAN * (points + 1), SAMPLE.c.at <= last)
    )
    for row in rows:
        of_queue, place = series.get(row.queue), points - round((last - row.at) / SAMPLE_SPAN)
        if of_queue is None or not 0 <= place <= points:
            continue
        if row.process:
            of_queue.done[place] += row.done
            of_queue.failed[place] += row.failed
        else:
            of_queue.depth[place] = row.depth
    return series


def _row(name: str, now: QueueDepth, series: _Series, days: tuple[int, ...]) -> QueueRow:
    depth = _filled(series.depth)
    arrived = [
        max(0, now_waiting - before + done)
        for before, now_waiting, done in zip(depth, depth[1:], series.done[1:], strict=False)
    ]
    return QueueRow(
        name,
        now,
        tuple(
            value if known else 0 for value, known in zip(depth, _since(series.depth), strict=True)
        )[1:],
        tuple(arrived),
        tuple(series.done[1:]),
        tuple(series.failed[1:]),
        days,
    )


def _filled(depth: Sequence[int | None]) -> list[int]:
    """Fill gaps, at which nobody sampled, with the last known depth."""
    filled, known = [], next((d for d in depth if d is not None), 0)
    for sampled in depth:
        known = known if sampled is None else sampled
        filled.append(known)
    return filled


def _since(depth: Sequence[int | None]) -> list[bool]:
    """Return whether anybody had sampled by then: before, nothing is known or drawn."""
    return list(accumulate((sampled is not None for sampled in depth), or_))


def sample_time(wall: datetime) -> datetime:
    """Return the moment under which the samples of a moment are stored."""
    seconds = SAMPLE_SPAN.total_seconds()
    return datetime.fromtimestamp(wall.timestamp() // seconds * seconds, wall.tzinfo)
