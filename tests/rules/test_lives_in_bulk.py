"""Thousands of lives around every public holiday of three years, against the second model."""

import os
from collections import Counter
from datetime import date, datetime, time, timedelta
from random import Random

import chinese_calendar
import pytest

from models.rules.calendar import SHANGHAI
from models.rules.lifecycle.decide import fold
from models.rules.lifecycle.moments import next_moment
from models.rules.state import RuleContext, State
from tests.rules.comparison import compare
from tests.rules.district import CALENDAR, POLICY
from tests.rules.moves import for_rules, life
from tests.rules.random_lives import TICKET

CONTEXT = RuleContext(POLICY, CALENDAR)
LIVES_A_YEAR = int(os.environ.get("HOTLINE_TEST_LIVES", "1000"))
AFTERWARDS = timedelta(days=60)
"""By then every term, card and archive that a life leads to has come."""

SELDOM = 3
WANTED = (
    *("ticket.deemed_accepted", "alert.raised", "extension.granted", "extension.refused"),
    *("clock.moved", "clock.expired", "contact.unreachable", "contact.deemed_absent"),
    *("return.approved", "return.refused", "dispute.decided", "result.refused"),
    *("ticket.completed", "rework.opened", "rework.refused", "rating.corrected"),
    *("ticket.withdrawn", "ticket.archived", "ticket.declined", "message.refused"),
    *("ticket.amended", "ticket.reassigned", "contact.proof_asked", "contact.proved"),
    *("conduct.proposed", "conduct.recorded", "revisit.opened"),
)


def begun_near(holiday: date, rng: Random) -> datetime:
    """A moment in the two weeks before a holiday or the days after it, Asia/Shanghai."""
    day = holiday + timedelta(days=rng.randint(-14, 4))
    at = time(rng.randint(0, 23), rng.randint(0, 59), rng.choice((0, 0, rng.randint(0, 59))))
    return datetime.combine(day, at, SHANGHAI)


@pytest.mark.slow
@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_lives_around_every_holiday_go_as_the_second_model_says(year: int) -> None:
    holidays = sorted(day for day in chinese_calendar.holidays if day.year == year)
    seen: Counter[str] = Counter()
    for number in range(LIVES_A_YEAR):
        holiday = holidays[number % len(holidays)]
        seed = f"{holiday} {number}"
        rng = Random(seed)
        raws, model = life(rng, begun_near(holiday, rng), rng.randint(2, 28))
        messages = [for_rules(raw, arrival) for arrival, raw in enumerate(raws, 1)]
        end = messages[-1].at + AFTERWARDS
        state = State(TICKET)
        events = fold(state, messages, CONTEXT, end)
        model.go_to(end, inclusive=True)
        try:
            compare(model, state, events)
            following = next_moment(state)
            assert following is None or following > end, "nothing that is due has been left"
            if state.status == "completed":
                assert state.revisit, "what has nothing open is archived in the end"
            if state.status in ("archived", "declined"):
                assert following is None
        except AssertionError as error:
            error.add_note(f"Random({seed!r})")
            raise
        seen.update({event.name for event in events})
    rare = [name for name in WANTED if seen[name] < SELDOM]
    assert not rare, "the lives reach what they are meant to try"
