"""Samples of the queues and their days, from which the monitor draws how they went."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import case, delete, select

from models.database import Session
from models.queries.queue_depths import (
    DAYS_KEPT,
    SAMPLE_SPAN,
    SAMPLES_KEPT,
    QueueDepth,
    queue_depths,
    sample_time,
)
from models.rules.calendar import SHANGHAI
from models.rules.queues import QUEUES
from models.tables.core import QUEUE_DAY, SAMPLE


def record_sample(
    session: Session,
    process: str,
    finished: Mapping[str, int],
    failed: Mapping[str, int],
    now: datetime,
    wall: datetime,
    speed: float,
) -> None:
    """Write what this process finished since its last sample; the first process also what waits.

    `now` is by the service's clock, which runs `speed` times as fast as `wall`, the system's.
    What was sampled also goes into the day's row of each queue. Samples older than half an hour
    and days older than a month are deleted.
    """
    at = sample_time(wall)
    rows = [
        _row(at, queue, process, done=finished.get(queue, 0), failed=failed.get(queue, 0))
        for queue in QUEUES
        if finished.get(queue) or failed.get(queue)
    ]
    sampled = select(SAMPLE.c.queue).where(SAMPLE.c.at == at, SAMPLE.c.process == "").limit(1)
    if session.execute(sampled).first() is None:
        depths = queue_depths(session, now, wall, speed)
        rows += [_row(at, q, "", **_depth(depths.get(q, QueueDepth()), now, speed)) for q in QUEUES]
        session.execute(delete(SAMPLE).where(SAMPLE.c.at < wall - SAMPLES_KEPT - SAMPLE_SPAN))
    if rows:
        session.execute(session.insert(SAMPLE).on_conflict_do_nothing(), rows)
        _add_to_day(session, rows, wall)


def _add_to_day(session: Session, rows: Sequence[Mapping[str, object]], wall: datetime) -> None:
    """Carry what was sampled over into the rows of this day; nothing is written for idle queues."""
    day = wall.astimezone(SHANGHAI).date()
    figures = ("depth", "oldest_ms", "done", "failed")
    busy = [
        {"day": day, "queue": queue} | {name: row[name] for name in figures}
        for queue in QUEUES
        for row in rows
        if row["queue"] == queue and any(row[name] for name in figures)
    ]
    if not busy:
        return
    insert = session.insert(QUEUE_DAY)
    old, new = QUEUE_DAY.c, insert.excluded
    most = {n: case((old[n] < new[n], new[n]), else_=old[n]) for n in ("depth", "oldest_ms")}
    sums = {n: old[n] + new[n] for n in ("done", "failed")}
    insert = insert.on_conflict_do_update(index_elements=["day", "queue"], set_=most | sums)
    for row in busy:
        session.execute(insert, row)
    session.execute(delete(QUEUE_DAY).where(QUEUE_DAY.c.day <= day - DAYS_KEPT))


def _row(at: datetime, queue: str, process: str, **figures: int) -> dict[str, object]:
    blank = {"depth": 0, "oldest_ms": 0, "done": 0, "failed": 0}
    return {"at": at, "queue": queue, "process": process} | blank | figures


def _depth(depth: QueueDepth, now: datetime, speed: float) -> dict[str, int]:
    age = (now - depth.oldest_at).total_seconds() / speed if depth.oldest_at else 0.0
    return {"depth": depth.waiting, "oldest_ms": max(0, round(age * 1000))}
