"""Samples of the queues, from which the monitor draws how they went."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select

from models.database import Session
from models.queries.queue_depths import (
    SAMPLE_SPAN,
    SAMPLES_KEPT,
    QueueDepth,
    queue_depths,
    sample_time,
)
from models.rules.queues import QUEUES
from models.tables.core import SAMPLE


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
    Samples older than half an hour are deleted.
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


def _row(at: datetime, queue: str, process: str, **figures: int) -> dict[str, object]:
    blank = {"depth": 0, "oldest_ms": 0, "done": 0, "failed": 0}
    return {"at": at, "queue": queue, "process": process} | blank | figures


def _depth(depth: QueueDepth, now: datetime, speed: float) -> dict[str, int]:
    age = (now - depth.oldest_at).total_seconds() / speed if depth.oldest_at else 0.0
    return {"depth": depth.waiting, "oldest_ms": max(0, round(age * 1000))}
