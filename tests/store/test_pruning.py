"""Pruning removes what need not be kept, and nothing else."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from models.database import Store
from models.operations import pruning
from models.operations.pruning import prune
from models.rulebook import load_rulebook
from models.rules.policy import InvalidPolicy, Policy, load_policy
from models.tables.core import EVENT, NOTICE, TICKET
from tests.rules.district import POLICY_TEXT
from tests.store.factories import advance_tickets, at, feed, letter, log_of

SENT = at("2026-12-01T09:00")
LATER = SENT + timedelta(days=181)


def _six_tickets(store: Store) -> None:
    """A dozen notices or more, all sent, and four of the tickets in the archive."""
    numbers = [f"P{n}" for n in range(6)]
    letters = [letter(n, "2026-11-02T09:00", content=n) for n in numbers]
    feed(store, letters, at("2026-11-02T09:00"))
    advance_tickets(store, numbers, SENT)
    with store.writing() as session:
        session.execute(update(NOTICE).values(state="sent", sent_at=SENT))
        closed = TICKET.c.number.in_(numbers[:4])
        session.execute(update(TICKET).where(closed).values(status="archived"))


pytestmark = pytest.mark.store(fill=_six_tickets)


def _policy(store: Store) -> Policy:
    with store.reading() as session:
        return next(iter(load_rulebook(session).policies.values()))


def _left(store: Store) -> dict[str, int]:
    with store.reading() as session:
        query = (
            select(TICKET.c.number, func.count())
            .join(NOTICE, NOTICE.c.ticket_id == TICKET.c.id)
            .group_by(TICKET.c.number)
        )
        return {row[0]: row[1] for row in session.execute(query)}


def test_old_notices_of_closed_tickets_go(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches; failed notices, those of open tickets and the whole log stay."""
    monkeypatch.setattr(pruning, "_BATCH", 2)
    before = _left(store)
    log = [row.hash for row in log_of(store, "P0")]
    with store.writing() as session:
        failed = session.scalar(select(func.min(NOTICE.c.id)))
        session.execute(update(NOTICE).where(NOTICE.c.id == failed).values(state="failed"))
    count = prune(store, LATER, _policy(store))
    after = _left(store)
    assert count == sum(before[n] for n in ("P0", "P1", "P2", "P3")) - 1
    assert sum(after.values()) == before["P4"] + before["P5"] + 1
    assert [row.hash for row in log_of(store, "P0")] == log
    assert prune(store, LATER, _policy(store)) == 0


def test_young_notices_stay(store: Store) -> None:
    """Before half a year has passed nothing is removed."""
    assert prune(store, SENT + timedelta(days=179), _policy(store)) == 0
    with store.reading() as session:
        assert session.scalar(select(func.count(EVENT.c.seq)))


def test_the_policy_says_for_how_long(store: Store) -> None:
    """Another district keeps them for a day only; a length in working days is refused."""
    short = POLICY_TEXT.replace('notices = "180 days"', 'notices = "1 day"')
    assert prune(store, SENT + timedelta(days=2), load_policy(short, "short")) > 0
    working = POLICY_TEXT.replace('notices = "180 days"', 'notices = "5 workdays"')
    with pytest.raises(InvalidPolicy, match="wall-clock"):
        load_policy(working, "working")
