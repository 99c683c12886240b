"""Downtime: whenever the service was up, its log by moments is the same."""

import itertools
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from models.database import Store
from models.rules.events import fields
from models.rules.lifecycle.decide import fold
from models.rules.routing.directory import Directory
from models.rules.state import RuleContext, State
from tests.examples import examples
from tests.rules.comparison import holders, running
from tests.rules.district import CALENDAR, POLICY
from tests.rules.log_reading import LogReading, read_log
from tests.rules.moves import for_rules, life
from tests.rules.scenario_runner import NOTICE
from tests.rules.strategies import instants
from tests.store.factories import (
    advance_tickets,
    feed,
    log_of,
    row_of,
    simple_units,
)

UNITS = Directory(simple_units().unit)
_NUMBERS = itertools.count()
_MONTH = 30 * 24 * 60

Line = tuple[datetime, str, bytes]


# Each life has a ticket of its own in one store.
pytestmark = pytest.mark.store(databases=["sqlite"], units=simple_units(), shared=True)


@pytest.mark.slow
@example(begin=datetime.fromisoformat("2024-02-09T00:00+08:00"), seed=741, length=7, awake=[])
@given(
    begin=instants(),
    seed=st.integers(0, 10**6),
    length=st.integers(2, 16),
    awake=st.lists(st.integers(0, 2 * _MONTH).map(lambda n: timedelta(minutes=n)), max_size=6),
)
@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_downtime_changes_nothing_but_the_recording(
    store: Store, begin: datetime, seed: int, length: int, awake: list[timedelta]
) -> None:
    """No level is missing and none there twice, however long the service was down."""
    ticket = f"outage-{next(_NUMBERS)}"
    raws, _ = life(Random(seed), begin, length, ticket)
    messages = [for_rules(raw, arrival) for arrival, raw in enumerate(raws, 1)]
    end = messages[-1].at + timedelta(days=60)
    feed(store, raws, begin)
    for now in sorted(begin + pause for pause in awake if begin + pause < end):
        advance_tickets(store, [ticket], now)
    advance_tickets(store, [ticket], end)

    state = State(ticket)
    resolved = [UNITS.resolve_names(message) for message in messages]
    events = fold(state, resolved, RuleContext(POLICY, CALENDAR), end)
    rows = log_of(store, ticket)
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1)), "no gap"
    log = [_line(row.moment, row.name, row.data) for row in rows if row.name != NOTICE]
    assert log == [_line(e.moment, e.name, fields(e.data)) for e in events if e.name != NOTICE]
    row = row_of(store, ticket)
    reading = read_log((line.name, line.data) for line in rows)
    reading.running = {k: datetime.fromisoformat(str(due)) for k, due in reading.running.items()}
    by_state = LogReading(row.status, row.unit, row.level, running(state), holders(state))
    assert reading == by_state, "the log gives the state"


def _line(moment: datetime, name: str, data: dict[str, Any]) -> Line:
    return moment, name, msgspec.json.encode(data, order="sorted")
