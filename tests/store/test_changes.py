"""The feed of changes: in the order of commit, and nothing that commits late is passed over."""

from collections.abc import Sequence

import pytest
from sqlalchemy import func, select

from models.database import Session, Store
from models.operations.advance import advance
from models.operations.changes import hold_positions, settle
from models.rulebook import load_rulebook
from models.security.heads import HeadKind, unpack_heads
from models.tables.core import CHANGE
from tests.store.factories import advance_tickets, at, feed, letter, message, row_of

NOW = at("2026-11-20T09:00")


def _settle(store: Store) -> None:
    with store.writing() as session:
        assert hold_positions(session)
        settle(session)


def _since(store: Store, position: int) -> list[tuple[int, list[tuple[int | str, int]]]]:
    """What the feed lists after a position: by row, the tickets with their last lines."""
    with store.reading() as session:
        rows = session.execute(
            select(CHANGE).where(CHANGE.c.position > position).order_by(CHANGE.c.position)
        ).all()
    return [
        (r.position, [(h.key, h.seq) for h in unpack_heads(r.heads) if h.kind == HeadKind.TICKET])
        for r in rows
    ]


def _last(store: Store) -> int:
    with store.reading() as session:
        last: int = session.scalars(select(func.max(CHANGE.c.position))).one()
        return last


def _advance(session: Session, numbers: Sequence[str]) -> None:
    advance(session, numbers, load_rulebook(session), NOW)


@pytest.mark.store(databases=["postgresql"])
def test_what_commits_late_comes_later(store: Store) -> None:
    """A transaction is held open while others are committed and read; it is not passed over."""
    _settle(store)
    cursor = _last(store)
    feed(store, [letter(n, "2026-11-20T08:00") for n in ("L1", "L2")], NOW)
    with store.writing() as late:
        _advance(late, ["L1"])
        advance_tickets(store, ["L2"], NOW)
        _settle(store)
        first = _since(store, cursor)
        cursor = first[-1][0]
    _settle(store)
    second = _since(store, cursor)
    assert [ticket for _, tickets in first for ticket, _ in tickets] == [row_of(store, "L2").id]
    assert [ticket for _, tickets in second for ticket, _ in tickets] == [row_of(store, "L1").id]


@pytest.mark.store(databases=["postgresql"])
def test_only_one_gives_positions(store: Store) -> None:
    """Who comes while another does so goes on without."""
    with store.writing() as first, store.writing() as second:
        assert hold_positions(first)
        assert not hold_positions(second)


def test_a_ticket_s_lines_come_in_their_order(store: Store) -> None:
    """Also where the transaction that began first is the one that moves the ticket last."""
    _settle(store)
    cursor = _last(store)
    feed(store, [letter(n, "2026-11-20T08:00") for n in ("L1", "L2")], NOW)
    if not store.has_one_writer:
        with store.writing() as early:
            _advance(early, ["L1"])
            advance_tickets(store, ["L2"], NOW)
            feed(store, [message("L2", "unit.accepted", "2026-11-20T08:30")], NOW)
            _advance(early, ["L2"])
    else:
        advance_tickets(store, ["L1", "L2"], NOW)
        feed(store, [message("L2", "unit.accepted", "2026-11-20T08:30")], NOW)
        advance_tickets(store, ["L2"], NOW)
    _settle(store)
    listed = _since(store, cursor)
    second = row_of(store, "L2")
    lines = [seq for _, tickets in listed for ticket, seq in tickets if ticket == second.id]
    assert lines == sorted(lines) and lines[-1] == second.seq and len(lines) == 2
    assert [position for position, _ in listed] == list(
        range(cursor + 1, cursor + 1 + len(listed))
    ), "without a gap"
