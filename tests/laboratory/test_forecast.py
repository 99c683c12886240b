"""The levels that the coming days bring: counted from clocks, and by letting time pass."""

from collections import Counter
from datetime import datetime

import pytest
from sqlalchemy import select

from models.database import Store
from models.queries.coming_days import coming_days
from models.queries.coming_levels import coming_moments
from models.rulebook import load_rulebook
from models.rules.calendar import SHANGHAI
from models.rules.events import AlertRaised, ClockExpired, TicketDeemedAccepted
from models.rules.lifecycle.decide import fold
from models.rules.state import RuleContext, read_state
from models.rules.vocabulary import ClockName, Level
from models.tables.core import TICKET
from monitor.widgets.coming_levels import next_cards
from scripts.laboratory.forecast import forecast_as_dict, forecast_sheet
from tests.store.factories import at
from tests.store.queries.week import BUREAU, NOW, one_week

pytestmark = pytest.mark.store(fill=one_week, shared=True)
UNTIL = at("2026-11-19T23:59")


def test_the_levels_are_those_that_time_alone_brings(store: Store) -> None:
    """Of the clocks that run now: what begins later, such as a term after silence, has no clock."""
    with store.reading() as session:
        rulebook = load_rulebook(session)
        contexts = {id_: rulebook.context_for(id_) for id_ in rulebook.policies}
        coming = coming_moments(session, NOW, UNTIL, contexts)
        rows = list(session.execute(select(TICKET.c.number, TICKET.c.state, TICKET.c.policy_id)))
    levels = Counter[tuple[datetime, str | None, Level]]()
    ends = Counter[tuple[datetime, str, ClockName]]()
    for number, stored, policy_id in rows:
        state = read_state(number, stored)
        running = {key: clock for key, clock in state.clocks.items() if clock.running}
        for event in fold(state, (), contexts[policy_id], UNTIL):
            match event.data:
                case AlertRaised(level=level, unit=unit, effective_at=moment):
                    if ClockName.HANDLING in running and moment > NOW:
                        levels[moment, unit, level] += 1
                case TicketDeemedAccepted(effective_at=moment, unit=unit):
                    ends[moment, str(unit), ClockName.ACCEPT] += 1
                case ClockExpired(clock=name, due=moment) if name in running:
                    ends[moment, running[name].holder, name] += 1
    counted = {(m.at, m.holder, level): n for m in coming for level, n in m.levels.items()}
    assert counted == levels
    dues = {(m.at, m.holder, name): n for m in coming for name, n in m.dues.items()}
    assert {k: n for k, n in dues.items() if k[2] != ClockName.HANDLING} == ends
    assert sum(levels.values()) == 11


def test_days_and_the_overview_show_the_same_moments(store: Store) -> None:
    with store.reading() as session:
        rulebook = load_rulebook(session)
        contexts = {id_: rulebook.context_for(id_) for id_ in rulebook.policies}
        coming = coming_moments(session, NOW, UNTIL, contexts)
        (policy,) = rulebook.policies.values()
        days = coming_days(session, NOW, RuleContext(policy, rulebook.calendar))
    by_moment: dict[datetime, Counter[Level]] = {}
    for moment in coming:
        if moment.levels:
            by_moment.setdefault(moment.at.astimezone(SHANGHAI), Counter()).update(moment.levels)
    assert {a: dict(levels) for day in days for a, levels in day.moments.items()} == by_moment
    assert next_cards(days, NOW).plain == "11-09 Mon 08:30  1 YEL"
    assert next_cards((), NOW).plain == ""


def test_the_forecast_by_moment_and_unit(store: Store) -> None:
    with store.reading() as session:
        rulebook = load_rulebook(session)
        contexts = {id_: rulebook.context_for(id_) for id_ in rulebook.policies}
        coming = coming_moments(session, NOW, UNTIL, contexts)
    result = forecast_as_dict(coming, NOW, UNTIL)
    first = next(m for m in result["moments"] if m["yellow"])
    assert (first["at"].isoformat(), first["holder"]) == ("2026-11-09T08:30:00+08:00", BUREAU)
    by_moment, by_holder, by_both = forecast_sheet(coming, NOW, UNTIL).tables
    cells = [row[2] for table in (by_moment, by_holder) for row in table.rows]
    assert sum(int(cell or 0) for cell in cells) == 2 * sum(
        int(row[3] or 0) for row in by_both.rows
    )
