"""Which rows are to be rung for: what waits in the inbox, on a ticket's clocks, for a channel."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ScalarSelect, Select, func, select, update

from models.bulk import RowValues, delete_rows, upsert_rows
from models.database import Session
from models.rules.queues import DELIVERY, QUEUES
from models.tables.core import BELL, NOTICE


@dataclass
class DueRows:
    """Row ids by queue, and how late the latest of them is rung for."""

    ids: dict[str, list[int]] = field(default_factory=dict)
    lateness: timedelta = timedelta()

    @property
    def count(self) -> int:
        """How many rows there are."""
        return sum(map(len, self.ids.values()))


def bell(queue: str, row_id: int, due_at: datetime) -> RowValues:
    """What makes the timekeeper ring for a row at `due_at`."""
    return {"row_id": row_id, "queue": queue, "due_at": due_at, "ring_at": due_at}


def set_bells(session: Session, bells: Iterable[RowValues]) -> None:
    """Let these bells be rung at their time, whatever was set for their rows before."""
    upsert_rows(session.connection(), BELL, list(bells))


def drop_bells(session: Session, rows: Iterable[tuple[str, int]]) -> None:
    """Ring no longer for these rows, given by queue and id."""
    gone = [{"row_id": row_id, "queue": queue} for queue, row_id in rows]
    delete_rows(session.connection(), BELL, gone)


def first_bells(session: Session) -> dict[str, datetime]:
    """When each queue that has anything waiting is to be rung in next; it only reads."""
    found = zip(QUEUES, session.execute(_FIRST_BELLS).one(), strict=True)
    return {queue: at for queue, at in found if at is not None}


def claim_due(
    session: Session, now: datetime, again_at: datetime, most: Mapping[str, int]
) -> DueRows:
    """Take rows that are due at `now`, up to `most` of each queue, in the order they fell due.

    Each is due again at `again_at` unless a worker has dealt with it by then, so that a bell that
    is lost costs only time.
    """
    due = DueRows()
    for queue, limit in most.items():
        found = _due(queue, now).limit(limit).with_for_update(skip_locked=True)
        if rows := session.execute(found).all():
            due.ids[queue] = [row.id for row in rows]
            due.lateness = max(due.lateness, now - min(row.since for row in rows))
            _set(session, queue, due.ids[queue], again_at)
    return due


def ring_again(session: Session, ids: Mapping[str, Sequence[int]], at: datetime) -> None:
    """Let rows, by queue, be due at `at`: no bell could be rung, or another worker held them.

    One that somebody is just dealing with is left alone; it is rung for again in any case.
    """
    for queue, rows in ids.items():
        table, key = (NOTICE, NOTICE.c.id) if queue == DELIVERY else (BELL, BELL.c.row_id)
        own = [session.is_in(key, rows)] + ([] if table is NOTICE else [BELL.c.queue == queue])
        free = session.scalars(select(key).where(*own).with_for_update(skip_locked=True)).all()
        _set(session, queue, free, at)


def _due(queue: str, now: datetime) -> Select[Any]:
    if queue == DELIVERY:
        found = select(NOTICE.c.id, NOTICE.c.ring_at.label("since"))
        return (
            found.where(NOTICE.c.state == "queued")
            .where(NOTICE.c.ring_at <= now)
            .order_by(NOTICE.c.ring_at)
        )
    found = select(BELL.c.row_id.label("id"), BELL.c.due_at.label("since"))
    return found.where(BELL.c.queue == queue, BELL.c.ring_at <= now).order_by(BELL.c.ring_at)


def _set(session: Session, queue: str, ids: Sequence[int], at: datetime) -> None:
    if queue == DELIVERY:
        change = update(NOTICE).where(session.is_in(NOTICE.c.id, ids))
    else:
        change = update(BELL).where(session.is_in(BELL.c.row_id, ids), BELL.c.queue == queue)
    session.execute(change.values(ring_at=at))


def _first_bell(queue: str) -> ScalarSelect[Any]:
    if queue == DELIVERY:
        waiting = select(func.min(NOTICE.c.ring_at)).where(NOTICE.c.state == "queued")
    else:
        waiting = select(func.min(BELL.c.ring_at)).where(BELL.c.queue == queue)
    return waiting.scalar_subquery()


_FIRST_BELLS = select(*map(_first_bell, QUEUES))
