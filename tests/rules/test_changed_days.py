"""Lives under declared days, and under days declared while they run, by rules and second model."""

import os
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from random import Random

import pytest

from models.i18n import lazy
from models.rules.calendar import Calendar, DeclaredDay
from models.rules.events import DecisionWithdrawn, Event
from models.rules.lifecycle.decide import fold
from models.rules.lifecycle.difference import LoggedEvent
from models.rules.lifecycle.refold import fold_from_start, refold_changed, refusals
from models.rules.state import RuleContext, State
from models.rules.vocabulary import EventName
from tests.examples import examples
from tests.rules.comparison import compare, running
from tests.rules.district import CALENDAR, POLICY, instant
from tests.rules.moves import Raw, for_model, for_rules, life
from tests.rules.plain_days import Days
from tests.rules.random_lives import TICKET
from tests.rules.second_model import SecondModel

LIVES = int(os.environ.get("HOTLINE_TEST_LIVES", examples(250)))
AFTERWARDS = timedelta(days=60)
BY_PEOPLE = (
    *(EventName.TICKET_ACCEPTED, EventName.EXTENSION_GRANTED, EventName.REWORK_OPENED),
    *(EventName.RESULT_SUBMITTED, EventName.TICKET_RETURNED, EventName.CONTACT_RECORDED),
)
SELDOM = 1

Overlay = dict[date, DeclaredDay]


def random_life(rng: Random) -> list[Raw]:
    """A life that begins before a holiday or on any day of the autumn."""
    begin = instant("2026-09-21 09:00") + timedelta(hours=rng.randint(0, 2000))
    raws, _ = life(rng, begin, rng.randint(2, 20))
    return raws


def declared_otherwise(rng: Random, around: datetime) -> Overlay:
    """A few days near a moment, each declared the opposite of what it is."""
    days = {around.date() + timedelta(days=rng.randint(-6, 8)) for _ in range(rng.randint(1, 3))}
    return {day: DeclaredDay(not CALENDAR.is_working(day), "某文") for day in days}


def told_by_the_model(raws: list[Raw], overlay: Overlay, end: datetime) -> SecondModel:
    """The life as the second model tells it under these days."""
    model = SecondModel(TICKET, days=Days(overlay))
    for arrival, raw in enumerate(raws, 1):
        model.take(for_model(raw, arrival))
    model.go_to(end, inclusive=True)
    return model


def withdrawals(events: Sequence[Event]) -> list[DecisionWithdrawn]:
    """What is taken back."""
    return [event.data for event in events if isinstance(event.data, DecisionWithdrawn)]


@pytest.mark.slow
def test_lives_under_declared_days_go_as_the_second_model_says() -> None:
    for number in range(LIVES):
        seed = f"declared days {number}"
        rng = Random(seed)
        raws = random_life(rng)
        messages = [for_rules(raw, arrival) for arrival, raw in enumerate(raws, 1)]
        overlay = declared_otherwise(rng, messages[0].at)
        end = messages[-1].at + AFTERWARDS
        state = State(TICKET)
        events = fold(state, messages, RuleContext(POLICY, Calendar(overlay)), end)
        try:
            compare(told_by_the_model(raws, overlay, end), state, events)
        except AssertionError as error:
            error.add_note(f"Random({seed!r})")
            raise


@pytest.mark.slow
def test_days_declared_while_a_ticket_runs_undo_nothing_that_people_did() -> None:
    """Decision 29: what does not fit the new days keeps the old ones; all else moves."""
    former = RuleContext(POLICY, CALENDAR)
    seen: Counter[str] = Counter()
    for number in range(LIVES):
        seed = f"changed days {number}"
        rng = Random(seed)
        raws = random_life(rng)
        messages = {arrival: for_rules(raw, arrival) for arrival, raw in enumerate(raws, 1)}
        now = messages[len(raws)].at + timedelta(hours=rng.randint(0, 100))
        before = fold_from_start(TICKET, messages, former, now)
        refused = refusals(before.events)
        log = [LoggedEvent(n, e.data, e.moment, e.cause) for n, e in enumerate(before.events, 1)]
        overlay = declared_otherwise(rng, messages[len(raws)].at)
        refolded = refold_changed(
            before.state,
            log,
            messages,
            messages.keys() - refused.keys(),
            RuleContext(POLICY, Calendar(overlay)),
            former,
            now,
            lazy("the calendar changed: {document}", document="某文"),
            {day: not declared.working for day, declared in overlay.items()},
        )
        if refolded is None:
            seen["left as it is"] += 1
            continue
        try:
            assert not refolded.refused.keys() - refused.keys(), "what people did stands"
            # an acceptance that came late may turn out to have been in time
            gone = [log[data.of - 1].data for data in withdrawals(refolded.appended)]
            undone = [data.event for data in gone if not getattr(data, "late", False)]
            assert not set(undone) & set(BY_PEOPLE), "and what it was answered"
            state = refolded.state
            kept = {
                date.fromisoformat(day): DeclaredDay(working, "某文")
                for day, working in state.days_kept.items()
            }
            model = told_by_the_model(raws, overlay | kept, now)
            assert (state.status, state.unit, state.level) == (
                model.status,
                model.unit,
                model.level,
            )
            assert running(state) == model.dues
        except AssertionError as error:
            error.add_note(f"Random({seed!r})")
            raise
        seen["kept"] += bool(state.days_kept)
        seen.update(e.data.event for e in refolded.appended)
    rare = [name for name in ("kept", "clock.moved", "decision.withdrawn") if seen[name] < SELDOM]
    assert not rare, "the lives reach what they are meant to try"
    assert seen["left as it is"] < LIVES / 20
