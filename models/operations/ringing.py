"""Which rows are to be rung for: what waits in the inbox, on a ticket's clocks, for a channel."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, Table, literal, select, update

from models.database import Session
from models.rules.queues import DELIVERY, ESCALATION
from models.tables.core import INBOX, NOTICE, TICKET


@dataclass
class Due:
    """Row ids by queue, and how late the latest of them is rung for."""

    ids: dict[str, list[int]] = field(default_factory=dict)
    lateness: timedelta = timedelta()

    @property
    def count(self) -> int:
        """How many rows there are."""
        return sum(map(len, self.ids.values()))


def anything_due(session: Session, now: datetime) -> bool:
    """Whether any row is to be rung for; only reads, so that an idle service writes nothing."""
    return any(
        session.execute(_due(table, now, 1)).first() is not None
        for table in (INBOX, TICKET, NOTICE)
    )


def claim_due(session: Session, now: datetime, again_at: datetime, limit: int) -> Due:
    """Take up to `limit` rows of each kind that are due at `now`, in the order they fell due.

    Each is due again at `again_at` unless a worker has dealt with it by then, so that a bell that
    is lost costs only time.
    """
    due = Due()
    for table in (INBOX, TICKET, NOTICE):
        found = _due(table, now, limit).with_for_update(skip_locked=True)
        rows = session.execute(found).all()
        for row in rows:
            due.ids.setdefault(row.queue, []).append(row.id)
            due.lateness = max(due.lateness, now - row.ring_at)
        _set(session, table, [r.id for r in rows], again_at)
    return due


def ring_again(session: Session, queue_ids: dict[str, list[int]], now: datetime) -> None:
    """Let rows be due at once: their bell could not be rung, or another worker held them."""
    for queue, ids in queue_ids.items():
        _set(session, table_of(queue), ids, now)


def table_of(queue: str) -> Table:
    """What the ids in a bell of this queue are rows of.

    An emergency's clocks ring in `escalation` like all others: only messages jump the queue.
    """
    return {ESCALATION: TICKET, DELIVERY: NOTICE}.get(queue, INBOX)


def _due(table: Table, now: datetime, limit: int) -> Select[Any]:
    if table is TICKET:
        found = select(TICKET.c.id, literal(ESCALATION).label("queue"), TICKET.c.ring_at)
    elif table is NOTICE:
        found = select(NOTICE.c.id, literal(DELIVERY).label("queue"), NOTICE.c.ring_at).where(
            NOTICE.c.state == "queued"
        )
    else:
        found = select(INBOX.c.id, INBOX.c.queue, INBOX.c.ring_at).where(INBOX.c.state == "waiting")
    return found.where(table.c.ring_at <= now).order_by(table.c.ring_at).limit(limit)


def _set(session: Session, table: Table, ids: Sequence[int], at: datetime) -> None:
    chunk = 500
    for start in range(0, len(ids), chunk):
        part = ids[start : start + chunk]
        session.execute(update(table).where(table.c.id.in_(part)).values(ring_at=at))
