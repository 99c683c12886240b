"""The frequent statements read by index on SQLite: none looks through a table of the tickets."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from models.database import Session, Store
from models.membership import is_in
from models.operations.bells import claim_due
from models.operations.notices.outgoing import ready_notices
from models.operations.notices.record import record_outcomes
from models.rules.queues import QUEUES
from models.tables.core import INBOX, TICKET
from tests.store.factories import advance_tickets, at, feed, letter, message

pytestmark = pytest.mark.store(databases=["sqlite"])

NOW = at("2026-11-02T10:00")
_LATER = NOW + timedelta(days=30)
_THROUGH = re.compile(r"SCAN (ticket|clock|event|notice|inbox|bell|trace|ticket_salt)\b")


@contextmanager
def _tables_read_through(store: Store) -> Iterator[list[str]]:
    """Collect the statements of the block that look through a whole table, with their plans."""
    scans: list[str] = []

    def look(connection: Any, cursor: Any, statement: str, parameters: Any, *more: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT")):
            first = parameters[0] if more[1] else parameters
            rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", first)
            plan = "\n".join(row[3] for row in rows)
            if _THROUGH.search(plan):
                scans.append(f"{statement}\n{plan}")

    engines = {store.engine, store._read}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", look)
    yield scans
    for engine in engines:
        event.remove(engine, "before_cursor_execute", look)


def test_the_life_of_tickets_is_read_by_index(store: Store) -> None:
    """Letters, an acceptance, a level, a late message and notices touch their tickets alone."""
    numbers = [f"B{n}" for n in range(3)]
    with _tables_read_through(store) as scans:
        feed(store, [letter(number, "2026-11-02T09:30") for number in numbers], NOW)
        with store.writing() as session:
            claim_due(session, NOW, NOW + timedelta(seconds=30), dict.fromkeys(QUEUES, 5000))
        assert advance_tickets(store, numbers, NOW).tickets == 3
        feed(store, [message("B1", "unit.accepted", "2026-11-02T10:00")], NOW)
        advance_tickets(store, numbers, NOW)
        assert advance_tickets(store, numbers, _LATER).tickets == 3
        feed(store, [message("B2", "unit.accepted", "2026-11-02T10:00")], _LATER)
        advance_tickets(store, numbers, _LATER)
        with store.writing() as session:
            notices = ready_notices(session, list(range(1, 200)), _LATER)
            record_outcomes(session, {notice.row: None for notice in notices}, "file", _LATER)
    assert not scans, "\n\n".join(scans)


def _numbers(session: Session, *conditions: Any) -> set[str]:
    return set(session.scalars(select(TICKET.c.number).where(*conditions)))


def test_being_one_of_many_is_combined_with_other_conditions(store: Store) -> None:
    """It may be negated and be one of several conditions, as any other."""
    feed(store, [letter(f"C{n}", "2026-11-02T09:30") for n in range(3)], NOW)
    advance_tickets(store, [f"C{n}" for n in range(3)], NOW)
    first, other = is_in(TICKET.c.number, ["C1"]), is_in(TICKET.c.number, ["C2"])
    with store.reading() as session:
        assert _numbers(session, first) == {"C1"}
        assert _numbers(session, first | other) == {"C1", "C2"}
        assert _numbers(session, ~first) == {"C0", "C2"}
        assert _numbers(session, ~(first | other), TICKET.c.status == "dispatched") == {"C0"}
        facts = session.scalar(select(TICKET.c.facts).where(first))
        assert _numbers(session, is_in(TICKET.c.facts, [facts, b"\0"])) == {"C1"}
        assert _numbers(session, is_in(TICKET.c.facts, [])) == set()
        waiting = is_in(INBOX.c.ticket, ["C1"]) & (INBOX.c.state == "waiting")
        assert session.scalars(select(INBOX.c.id).where(waiting)).all() == []
