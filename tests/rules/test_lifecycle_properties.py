"""Random lives around public holidays: whatever comes in, some things always hold."""

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from models.i18n import render
from models.rules.calendar import SHANGHAI
from models.rules.events import Event, fields
from models.rules.lifecycle.decide import fold
from models.rules.lifecycle.moments import next_moment
from models.rules.messages import Message
from models.rules.policy import load_policy
from models.rules.state import RuleContext, State
from models.rules.vocabulary import CLOSED, OPEN, ClockName, ClockState, Level
from tests.examples import examples
from tests.rules.district import CALENDAR, LIVE_POLICY, POLICY
from tests.rules.random_lives import TICKET, lives
from tests.rules.scenario_runner import NOTICE, fold_step_by_step, without_notices

CONTEXT = RuleContext(POLICY, CALENDAR)
LIVE = RuleContext(load_policy(LIVE_POLICY, "live.toml"), CALENDAR)
AFTERWARDS = timedelta(days=30)

contexts = st.sampled_from([CONTEXT, CONTEXT, CONTEXT, LIVE])


def played(messages: list[Message], context: RuleContext) -> tuple[State, list[Event], datetime]:
    """The life folded at once, to a moment when most of what it leads to has happened."""
    state, now = State(TICKET), messages[-1].at + AFTERWARDS
    return state, fold(state, messages, context, now), now


def key_of(event: Event) -> tuple[str, str | None]:
    """Return the clock that an event is about: evidence runs per unit, proof per purpose."""
    clock = fields(event.data)["clock"]
    of = {"evidence": "unit", "proof": "purpose"}.get(clock)
    return clock, fields(event.data)[of] if of else None


@given(messages=lives(), context=contexts)
@settings(max_examples=examples(200))
def test_clocks_run_one_at_a_time_and_end_as_the_log_says(
    messages: list[Message], context: RuleContext
) -> None:
    state, events, _ = played(messages, context)
    running: dict[tuple[str, str | None], datetime] = {}
    for event in events:
        match event.name:
            case "clock.started":
                assert key_of(event) not in running, "started while it ran"
                assert fields(event.data)["base"] < fields(event.data)["due"]
                running[key_of(event)] = fields(event.data)["due"]
            case "clock.moved":
                assert key_of(event) in running, "moved while it did not run"
                running[key_of(event)] = fields(event.data)["due"]
            case "clock.stopped":
                due = running.pop(key_of(event))
                outcome = fields(event.data)["outcome"]
                assert outcome in ("cancelled", "met" if event.moment <= due else "late")
                assert outcome != "late" or fields(event.data)["clock"] == ClockName.HANDLING, (
                    "others expire first"
                )
            case "clock.expired":
                assert fields(event.data)["clock"] not in ("accept", ClockName.HANDLING)
                assert running.pop(key_of(event)) == fields(event.data)["due"] == event.moment
            case "ticket.deemed_accepted":
                due = running.pop(("accept", None))
                assert due == fields(event.data)["effective_at"] == event.moment
            case "alert.raised":
                assert (ClockName.HANDLING, None) in running, "a level only while the term runs"
            case "ticket.archived" | "ticket.withdrawn" | "ticket.declined":
                assert event.name == "ticket.withdrawn" or not running
    in_state = {
        (clock.name, clock.unit or clock.purpose): clock.due
        for clock in state.clocks.values()
        if clock.state == ClockState.RUNNING
    }
    assert in_state == running
    if state.status in ("archived", "declined"):
        assert not running
    waits = [due for (name, _), due in running.items() if name in ("accept", ClockName.HANDLING)]
    assert state.due == min(waits, default=None)


@given(messages=lives(), context=contexts)
@settings(max_examples=examples(200))
def test_levels_come_once_a_run_and_in_order(messages: list[Message], context: RuleContext) -> None:
    state, events, now = played(messages, context)
    runs: dict[int, list[str]] = defaultdict(list)
    for event in events:
        if event.name == "alert.raised":
            runs[fields(event.data)["run"]].append(fields(event.data)["level"])
            assert fields(event.data)["effective_at"] == event.moment <= now
            assert fields(event.data)["unit"]
    for raised in runs.values():
        assert tuple(raised) == tuple(Level)[: len(raised)]
    assert list(runs) == sorted(runs), "no level of an earlier run after one of a later"
    assert list(state.raised) == runs.get(state.run, [])
    handling = state.clocks.get(ClockName.HANDLING)
    stands = handling is not None and handling.state != ClockState.CANCELLED
    assert state.level == (state.raised[-1] if stands and state.raised else None)


@given(messages=lives())
@settings(max_examples=examples(200))
def test_a_message_is_applied_or_refused_never_half(messages: list[Message]) -> None:
    state, events, _ = played(messages, CONTEXT)
    of: dict[int | None, list[Event]] = defaultdict(list)
    for event in events:
        of[event.cause].append(event)
    for message in messages:
        answers = of[message.arrival]
        assert answers, "every message is answered in the log"
        names = [event.name for event in answers]
        if "message.refused" in names:
            assert names == ["message.refused"], "a refused message does nothing else"
            assert fields(answers[0].data)["type"] == message.type
        for event in answers:
            assert event.moment == event.at == message.at
            if event.name in ("message.refused", "extension.refused", "rework.refused"):
                assert render(fields(event.data)["why"]), "a reason a person can act on"
    assert state.status in (*OPEN, *CLOSED)
    assert (state.status == "received") == (state.received_at is None)


@given(messages=lives(), context=contexts)
@settings(max_examples=examples(200))
def test_the_log_is_in_order_and_ends_with_the_archive(
    messages: list[Message], context: RuleContext
) -> None:
    state, events, now = played(messages, context)
    names = [str(event.name) for event in events]
    for before, after in pairwise(events):
        assert before.at <= after.at
    for event in events:
        assert event.moment <= event.at <= now
        assert event.cause is not None or event.name not in ("ticket.received", "message.refused")
    for once in ("ticket.received", "ticket.archived", "ticket.declined", "rework.opened"):
        assert names.count(once) <= 1
    numbers = [fields(e.data)["number"] for e in events if e.name == "extension.granted"]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) <= context.policy.extension.most
    if "rework.opened" in names:
        assert "extension.granted" not in names[names.index("rework.opened") :]
    if "ticket.archived" in names:
        after_all = set(names[names.index("ticket.archived") + 1 :])
        # falsification is found in later audits (decision 26)
        answers = {"message.refused", "extension.refused", "rework.refused", "conduct.recorded"}
        assert after_all <= {*answers, NOTICE}
        assert state.status == "archived"
        assert next_moment(state) is None
    following = next_moment(state)
    assert following is None or following > now, "nothing that is due has been left"


@given(messages=lives(), context=contexts, data=st.data())
@settings(max_examples=examples(200))
def test_a_life_cut_in_two_is_the_same_life(
    messages: list[Message], context: RuleContext, data: st.DataObject
) -> None:
    whole, events, now = played(messages, context)
    cut = data.draw(st.integers(0, len(messages)), label="messages before the cut")
    before, after = messages[:cut], messages[cut:]
    earliest = before[-1].at if before else after[0].at - timedelta(days=1)
    latest = after[0].at if after else now
    pause = data.draw(
        st.datetimes(earliest.replace(tzinfo=None), latest.replace(tzinfo=None)).map(
            lambda at: at.replace(tzinfo=SHANGHAI)
        ),
        label="when the first part was looked at",
    )
    state = State(TICKET)
    first = fold(state, before, context, pause, inclusive=False)
    second = fold(state, after, context, now)
    assert without_notices([*first, *second]) == without_notices(events)
    assert state == whole


@given(messages=lives(), context=contexts)
@settings(max_examples=examples(100))
def test_an_outage_changes_nothing_but_who_is_told(
    messages: list[Message], context: RuleContext
) -> None:
    whole, events, now = played(messages, context)
    state, watched = fold_step_by_step(messages, context, now)
    assert without_notices(watched) == without_notices(events)
    assert state == whole

    def told_of(log: list[Event]) -> list[tuple[Any, ...]]:
        return [
            (e.moment, fields(e.data)["kind"], fields(e.data)["role"], fields(e.data).get("level"))
            for e in log
            if e.name == NOTICE
        ]

    late, prompt = told_of(events), told_of(watched)
    for notice in late:
        assert notice in prompt, "nobody is told after an outage what he would not have been told"
    missing = [notice for notice in prompt if notice not in late]
    assert {level for *_, level in missing} <= {*Level}, "only overtaken levels are spared"


@given(messages=lives(), context=contexts)
@settings(max_examples=examples(100))
def test_a_played_life_tells_the_same_people_as_a_watched_one(
    messages: list[Message], context: RuleContext
) -> None:
    _, _, now = played(messages, context)
    watched_state, watched = fold_step_by_step(messages, context, now)
    state = State(TICKET)
    assert fold(state, messages, context, now, played=True) == watched
    assert state == watched_state
