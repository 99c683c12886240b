"""What the store need not keep: notices that have long been sent for tickets in the archive.

The log says of each when it was queued and when it was sent, and stays. Messages stay too, since a
late one has the whole life told anew.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from models.database import Session, Store
from models.rules.policy import Policy
from models.rules.vocabulary import NoticeState, Status
from models.tables.core import NOTICE, TICKET

_AT_ONCE = 1_000
"""Rows looked at in one transaction, so that nobody waits for a sweep."""


@dataclass
class NoticePruner:
    """Sweeps the notices from the oldest on, some at a time; `swept` counts those removed."""

    swept: int = 0
    after: int = 0

    def sweep(self, session: Session, now: datetime, policy: Policy) -> bool:
        """Remove what is too old among the next rows; returns whether there may be more."""
        before = now - (policy.keep.notices.wall or timedelta())
        rows = session.execute(
            select(NOTICE.c.id, NOTICE.c.state, NOTICE.c.queued_at, NOTICE.c.sent_at)
            .add_columns(TICKET.c.status)
            .join(TICKET, TICKET.c.id == NOTICE.c.ticket_id)
            .where(NOTICE.c.id > self.after)
            .order_by(NOTICE.c.id)
            .limit(_AT_ONCE)
        ).all()
        gone = [
            row.id
            for row in rows
            if row.state == NoticeState.SENT
            and row.sent_at < before
            and row.status == Status.ARCHIVED
        ]
        session.execute(delete(NOTICE).where(session.is_in(NOTICE.c.id, gone)))
        self.swept += len(gone)
        self.after = rows[-1].id if rows else 0
        # rows come in the order of time: what follows a young one is young
        return len(rows) == _AT_ONCE and rows[-1].queued_at < before


def prune(store: Store, now: datetime, policy: Policy) -> int:
    """Remove all that need not be kept; returns how many notices that were."""
    broom = NoticePruner()
    more = True
    while more:
        with store.writing() as session:
            more = broom.sweep(session, now, policy)
    return broom.swept
