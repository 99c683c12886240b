"""A step that is decided for many tickets does to each what the rules do to it alone."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from models.rules.events import AlertRaised, Event, NoticeQueued
from models.rules.lifecycle.decide import fold
from models.rules.lifecycle.level_steps import LevelSteps
from models.rules.lifecycle.moments import next_moment
from models.rules.messages import Message
from models.rules.state import EDITION, Clock, RuleContext, State, read_state
from models.rules.ticket_columns import level_columns
from models.rules.vocabulary import ClockName, Level
from tests.examples import examples
from tests.rules.district import CALENDAR, POLICY
from tests.rules.plain_messages import SHANGHAI
from tests.rules.random_lives import LEAD, OTHER, TICKET, lives

CONTEXT = RuleContext(POLICY, CALENDAR, parents={LEAD: OTHER})
_LEVELS = (AlertRaised, NoticeQueued)


def compare_step(steps: LevelSteps, state: State, now: datetime) -> bool:
    """Compare a ticket's step with what the rules do; returns whether it merely reached a level."""
    stored = msgspec.json.encode(state)
    reached = steps.reach(stored, "policy", CONTEXT, now)
    alone = read_state(TICKET, stored.decode())
    events = fold(alone, (), CONTEXT, now)
    if reached is None:
        assert not levels_alone(state, alone, events)
        return False
    # what a message has put into the past is recorded by the store, which takes the present
    assert [(e.data, e.moment, e.cause) for e in reached.step.events] == [
        (e.data, e.moment, e.cause) for e in events
    ]
    assert reached.state == msgspec.json.encode(alone)
    assert reached.ring_at == next_moment(alone)
    assert reached.step.columns == level_columns(alone)
    assert reached.step.state.folds == alone.folds
    return True


def levels_alone(before: State, after: State, events: Sequence[Event]) -> bool:
    """Return whether a level was reached, of an edition that is not older, and nothing else."""
    if before.edition < EDITION or before.archive_at is not None:
        return False
    rest = msgspec.structs.replace(after, raised=before.raised, fired_at=before.fired_at)
    return rest == before and bool(events) and all(isinstance(e.data, _LEVELS) for e in events)


@given(lives(), st.data())
@settings(max_examples=examples(60))
def test_random_lives_step_as_they_would_alone(
    messages: list[Message], data: st.DataObject
) -> None:
    """At each moment that comes to it, and at a late one, at which several levels come together."""
    state = State(TICKET, EDITION)
    fold(state, messages, CONTEXT, messages[-1].at)
    while (now := next_moment(state)) is not None:
        late = now + timedelta(hours=data.draw(st.sampled_from([0, 0, 0, 30, 80])))
        compare_step(LevelSteps(), state, late)
        fold(state, (), CONTEXT, late)


DUE = datetime(2026, 3, 17, 17, 30, tzinfo=SHANGHAI)
LADDER = (
    (Level.PREWARNING, datetime(2026, 3, 16, 8, 30, tzinfo=SHANGHAI)),
    (Level.YELLOW, datetime(2026, 3, 18, 8, 30, tzinfo=SHANGHAI)),
    (Level.RED, datetime(2026, 3, 19, 8, 30, tzinfo=SHANGHAI)),
)
_hours = st.integers(-48, 96).map(lambda hours: DUE + timedelta(hours=hours))


@st.composite
def open_tickets(draw: st.DrawFn) -> State:
    """A ticket in handling, like others in some things and unlike them in the rest."""
    clock = Clock(ClockName.HANDLING, DUE, DUE, provisional=False, holder=LEAD)
    contact = Clock(ClockName.CLOSING_CONTACT, DUE, draw(_hours), False, holder=LEAD)
    raised = draw(st.integers(0, 3))
    return State(
        TICKET,
        edition=draw(st.sampled_from([1, EDITION, EDITION, EDITION])),
        unit=draw(st.sampled_from([LEAD, OTHER, None])),
        clocks={"handling": clock, **draw(st.sampled_from([{}, {"closing_contact": contact}]))},
        ladder=draw(st.sampled_from([LADDER, LADDER, LADDER[:2], ()])),
        raised=tuple(level for level, _at in LADDER[:raised]),
        run=draw(st.integers(0, 2)),
        folds=draw(st.integers(0, 1)),
        seen_at=draw(st.none() | _hours),
        fired_at=draw(st.none() | _hours),
        quiet_before=draw(st.none() | _hours),
        archive_at=draw(st.sampled_from([None, None, None, DUE])),
        days_kept=draw(st.sampled_from([{}, {"2026-03-17": False}])),
        receipts={LEAD: DUE, "run": DUE, '"fired_at":"': DUE},
    )


@given(st.lists(st.tuples(open_tickets(), _hours), min_size=2, max_size=6))
@settings(max_examples=examples(60))
def test_tickets_together_step_as_each_would_alone(
    tickets: list[tuple[State, datetime]],
) -> None:
    """What was decided for one ticket is used only for those that are like it, as long as it holds.

    Each ticket is asked about again at the moments of the others.
    """
    steps = LevelSteps()
    for _state, now in tickets:
        for state, _now in tickets:
            compare_step(steps, state, now)


def test_a_ticket_that_merely_reaches_a_level_is_one_of_a_class() -> None:
    """The rules are asked once for tickets that differ in what does not decide."""
    steps, now = LevelSteps(), LADDER[1][1]
    clock = Clock(ClockName.HANDLING, DUE, DUE, provisional=False, holder=LEAD)
    first = State(TICKET, EDITION, unit=LEAD, clocks={"handling": clock}, ladder=LADDER, run=1)
    other = msgspec.structs.replace(first, ticket="HJ-2", topic="甲", seen_at=DUE)
    assert compare_step(steps, first, now)
    reached = [steps.reach(msgspec.json.encode(s), "policy", CONTEXT, now) for s in (first, other)]
    assert len({ticket.step for ticket in reached if ticket}) == 1
