"""Remove what need not be kept: notices sent or dropped long ago for tickets that are archived.

The log stays, and says when each was queued, and sent or dropped. Messages stay too, since a late
one has all of them folded again; their texts are erased where the policy says when. Old notes of
shifts go with the notices.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import delete, select

from models.database import Session, Store
from models.membership import is_in
from models.operations.access_log import AccessPruner
from models.operations.erasure import TextPruner, UnbegunPruner
from models.operations.shift_notes import prune_shift_notes
from models.rules.policy import Policy
from models.rules.vocabulary import NoticeState, Status
from models.tables.core import NOTICE, TICKET

_BATCH = 1_000
"""Rows read in one transaction, so that nobody waits for the pruning."""


@dataclass
class NoticePruner:
    """Goes through the notices from the oldest on, a batch at a time.

    `removed` counts those that were removed, `after` is the id up to which it has come.
    """

    removed: int = 0
    after: int = 0

    def prune_batch(self, session: Session, now: datetime, policy: Policy) -> bool:
        """Remove what is too old among the next rows; returns whether there may be more."""
        if not self.after:
            prune_shift_notes(session, now, policy)
        before = now - policy.keep.notices.span
        rows = session.execute(
            select(NOTICE.c.id, NOTICE.c.state, NOTICE.c.queued_at, NOTICE.c.sent_at)
            .add_columns(TICKET.c.status)
            .join(TICKET, TICKET.c.id == NOTICE.c.ticket_id)
            .where(NOTICE.c.id > self.after)
            .order_by(NOTICE.c.id)
            .limit(_BATCH)
        ).all()
        ids = [
            row.id
            for row in rows
            if row.state in (NoticeState.SENT, NoticeState.DROPPED)
            and (row.sent_at or row.queued_at) < before
            and row.status == Status.ARCHIVED
        ]
        session.execute(delete(NOTICE).where(is_in(NOTICE.c.id, ids)))
        self.removed += len(ids)
        self.after = rows[-1].id if rows else 0
        # the order of ids is that of time: what follows a young row is young too
        return len(rows) == _BATCH and rows[-1].queued_at < before


class Pruner(Protocol):
    """Removes what need not be kept, a batch at a time; `removed` counts it."""

    removed: int

    def prune_batch(self, session: Session, now: datetime, policy: Policy) -> bool:
        """Remove what is too old among the next rows; returns whether there may be more."""
        ...


def new_pruners() -> list[Pruner]:
    """Return what removes all that need not be kept, one kind after the other."""
    return [NoticePruner(), TextPruner(), UnbegunPruner(), AccessPruner()]


def prune(store: Store, now: datetime, policy: Policy) -> int:
    """Remove all that need not be kept; returns how many rows and tickets' texts."""
    pruners = new_pruners()
    for pruner in pruners:
        more = True
        while more:
            with store.writing() as session:
                more = pruner.prune_batch(session, now, policy)
    return sum(pruner.removed for pruner in pruners)
