"""Emergencies of which a duty was missed: found by a filter, and marked in all lists."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from models.database import Store
from models.queries.desk_work import desk_items
from models.queries.owed_calls import owed_calls
from models.queries.ticket_filter import TicketFilter
from models.queries.ticket_list import count_tickets, list_tickets
from models.rules.vocabulary import ClockName, Status
from monitor.filters import Filter, read_filter
from monitor.formatting import DEFAULT_OFFICE
from tests.monitor.scene import NOW, play, received

MISSED, FRESH, ORDINARY, LATE, CALM = "M1", "M2", "M3", "M4", "M5"
"""Two emergencies, of which one is of yesterday; a letter; one overdue; one without a unit."""


def _fill(store: Store) -> None:
    """Play five letters, two of them emergencies."""

    def letters() -> Iterator[dict[str, object]]:
        flood = {"emergency": "disaster", "unit": "应急局"}
        yield received(MISSED, NOW - timedelta(hours=26), "海水倒灌", **flood)
        yield received(FRESH, NOW - timedelta(minutes=5), "燃气泄漏", **flood)
        yield received(ORDINARY, NOW - timedelta(minutes=4), "路灯不亮", unit="城管局")
        yield received(LATE, NOW - timedelta(days=2), "占道经营", unit="城管局")
        yield received(CALM, NOW - timedelta(hours=25), "紧急求助", emergency="disaster")
        for number in (MISSED, ORDINARY):
            accepted = {"id": f"{number}-2", "type": "unit.accepted", "ticket": number}
            unit = "应急局" if number == MISSED else "城管局"
            yield {**accepted, "at": (NOW - timedelta(minutes=3)).isoformat(), "unit": unit}

    play(store, [*letters()], NOW)


pytestmark = pytest.mark.store(fill=_fill, shared=True)


def test_overdue_finds_missed_duties_too(store: Store) -> None:
    """All rows that the list marks, and those whose next duty is overdue; `!` leaves them out."""
    with store.reading() as session:
        rows = list_tickets(session, TicketFilter()).rows
        marked = [row.number for row in rows if row.missed]
        late = [r.number for r in rows if r.next_duty is not None and r.next_duty.due < NOW]
        assert MISSED in marked
        for text, expected in (
            ("急 剩:超", marked),
            ("left:over", [r.number for r in rows if r.number in (*marked, *late)]),
            ("!剩:超", [r.number for r in rows if r.number not in (*marked, *late)]),
        ):
            parsed = read_filter(text)
            assert isinstance(parsed, Filter)
            query = parsed.at(NOW, DEFAULT_OFFICE)
            assert [row.number for row in list_tickets(session, query).rows] == expected, text
            assert count_tickets(session, query) == len(expected)
    assert FRESH not in marked


def test_calls_and_desk_work_tell_emergencies(store: Store) -> None:
    """As the list of tickets does."""
    with store.reading() as session:
        missed = {r.number for r in list_tickets(session, TicketFilter()).rows if r.missed}
        calls = owed_calls(session, NOW, ClockName.FIRST_CONTACT).rows
        work = desk_items(session, Status.MANUAL)
    marks = [(call.ticket, call.emergency, call.missed) for call in calls]
    marks += [(item.ticket, item.emergency, item.missed) for item in work]
    for ticket, emergency, is_missed in marks:
        assert bool(emergency) is (ticket in (MISSED, FRESH, CALM))
        assert is_missed is (ticket in missed)
    assert {call.ticket for call in calls} >= {MISSED, ORDINARY}
