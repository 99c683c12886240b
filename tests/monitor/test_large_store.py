"""The queries of the screens use short indexes, however many tickets are closed."""

import os
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from models.database import Session, Store
from models.operations.inbox import add_messages
from models.queries.coming_days import coming_days
from models.queries.event_counts import daily_counts, hourly_counts
from models.queries.failures import failures
from models.queries.health import health
from models.queries.overview import workload
from models.queries.owed_calls import owed_calls
from models.queries.queue_depths import queues
from models.queries.ticket_filter import ALL_OPEN, TicketFilter
from models.queries.ticket_list import list_tickets, queue_position
from models.queries.ticket_order import SortColumn, TicketOrder, ordered_ids
from models.rules.calendar import Calendar
from models.rules.state import RuleContext
from tests.monitor.bulk_tickets import multiply_tickets
from tests.monitor.scene import NOW, fill_scene
from tests.rules.district import POLICY


def _sorted_by(column: SortColumn) -> Callable[[Session], object]:
    return lambda session: ordered_ids(session, ALL_OPEN, TicketOrder(column))


QUERIES: dict[str, Callable[[Session], object]] = {
    "counters": lambda s: workload(s, NOW),
    "days": lambda s: coming_days(s, NOW, RuleContext(POLICY, Calendar())),
    "curve": lambda s: hourly_counts(s, NOW),
    "history": lambda s: daily_counts(s, NOW),
    "calls": lambda s: owed_calls(s, NOW, "survey"),
    "dissatisfied": lambda s: owed_calls(s, NOW, "dissatisfied"),
    "unreachable": lambda s: owed_calls(s, NOW, "unreachable"),
    "failures": failures,
    "queues": lambda s: queues(s, NOW, NOW),
    "health": lambda s: health(s, NOW),
    "list": lambda s: list_tickets(s, ALL_OPEN, offset=500, limit=120),
    "filtered": lambda s: list_tickets(s, TicketFilter(levels=("red",)), offset=0, limit=120),
    "unit": lambda s: list_tickets(s, TicketFilter(units=("城管",)), offset=0, limit=120),
    **{f"by {column}": _sorted_by(column) for column in SortColumn},
    "position": lambda s: queue_position(s, ALL_OPEN, "2026101500081-7"),
}
WIDE = ("ticket", "event", "clock", "inbox", "notice")
"""Tables that grow for ever: no query may scan one of them."""


def _crowd(store: Store) -> None:
    """Fill the store with many more closed tickets than open ones."""
    fill_scene(store)
    count = int(os.environ.get("HOTLINE_TEST_CROWD", "1000"))
    multiply_tickets(store, count, 20 * count)


pytestmark = [pytest.mark.store(fill=_crowd), pytest.mark.slow]


def test_no_screen_scans_a_table_that_grows_for_ever(store: Store) -> None:
    """Check the plan of every query that a refresh runs, on both databases."""
    scanned = {
        name: tables
        for name, query in QUERIES.items()
        if (tables := [table for plan in _plans(store, query) for table in _scanned(plan)])
    }
    assert scanned == {}


def test_any_place_of_a_long_queue_is_found(store: Store) -> None:
    """Pages put together are the whole queue, in order, each ticket once."""
    with store.reading() as session:
        whole = [row.number for row in list_tickets(session, ALL_OPEN).rows]
        parts = [
            row.number
            for offset in range(0, len(whole), 97)
            for row in list_tickets(session, ALL_OPEN, offset=offset, limit=97).rows
        ]
        assert parts == whole
        assert len(set(whole)) == len(whole) > 900
        for place in (0, 1, 40, 500, len(whole) - 1):
            assert queue_position(session, ALL_OPEN, whole[place]) == place


def test_the_counters_are_those_of_the_tickets(store: Store) -> None:
    """The counts along the index equal those of the rows."""
    with store.reading() as session:
        load = workload(session, NOW)
        rows = list_tickets(session, ALL_OPEN).rows
    levels = [row.level for row in rows]
    assert load.counters.open == len(rows)
    assert load.counters.red == levels.count("red")
    assert load.counters.yellow == levels.count("yellow")
    assert load.counters.manual == sum(row.status == "manual" for row in rows)
    assert sum(unit.open for unit in load.units) == sum(row.unit is not None for row in rows)


def test_a_message_that_waits_for_its_day_is_no_load(store: Store) -> None:
    """A message dated later is in no queue yet; one that is due is, with its age."""
    ahead = {"id": "a", "type": "unit.urged", "ticket": "1", "unit": "u", "text": "t", "by": "b"}
    with store.writing() as session:
        add_messages(session, "s", [ahead | {"at": (NOW + timedelta(days=1)).isoformat()}], NOW)
        add_messages(session, "s", [ahead | {"id": "b", "at": NOW.isoformat()}], NOW)
    with store.reading() as session:
        rows = queues(session, NOW + timedelta(minutes=3), NOW)
    intake = next(row for row in rows if row.name == "intake")
    assert intake.now.waiting == 1
    assert intake.now.oldest_at == NOW


def _plans(store: Store, ask: Callable[[Session], object]) -> list[str]:
    """Return the database's plan of each statement that a query runs."""
    asked: list[tuple[str, Any]] = []

    def before(_connection: object, _cursor: object, statement: str, parameters: object,
               _context: object, _many: bool) -> None:  # fmt: skip
        asked.append((statement, parameters))

    with store.reading() as session:
        engine = session.get_bind().engine
        event.listen(engine, "before_cursor_execute", before)
        try:
            ask(session)
        finally:
            event.remove(engine, "before_cursor_execute", before)
        cursor = session.connection().connection.cursor()
        explain = "EXPLAIN QUERY PLAN " if session.dialect == "sqlite" else "EXPLAIN "
        plans = []
        for statement, parameters in asked:
            cursor.execute(explain + statement, parameters)
            plans.append("\n".join(str(row[-1]) for row in cursor.fetchall()))
    return plans


def _scanned(plan: str) -> list[str]:
    """Return the tables that a plan reads from end to end, not by way of an index."""
    names = "|".join(WIDE)
    tables: list[str] = re.findall(rf"Seq Scan on ({names})\b", plan)
    tables += re.findall(rf"^SCAN ({names})\b(?! USING)", plan, re.MULTILINE)
    of_all = "(?:sqlite_autoindex_ticket_1|ticket_received)"
    tables += re.findall(rf"^SCAN (ticket) USING (?:COVERING )?INDEX {of_all}\b", plan, re.M)
    return tables
