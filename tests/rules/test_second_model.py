"""The rules against a second model of the same clauses: step by step, restarted, out of order."""

import json
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select

from models.database import Store
from models.i18n import LazyText, render
from models.rules.events import Event, fields
from models.rules.lifecycle.decide import fold
from models.rules.lifecycle.moments import next_moment
from models.rules.messages import Message
from models.rules.routing.directory import Unit
from models.rules.routing.units_file import UnitsFile
from models.rules.state import RuleContext, State
from models.tables.core import INBOX
from tests.examples import examples
from tests.rules.comparison import compare, running
from tests.rules.district import CALENDAR, POLICY, instant
from tests.rules.facts import Fact
from tests.rules.moves import (
    ANY,
    CATEGORIES,
    CLAIMANTS,
    EMERGENCIES,
    ITEMS,
    LIMITS,
    NAMED,
    Move,
    delayed,
    failed_call,
    fitting,
    for_model,
    for_rules,
    life,
    received,
    written,
)
from tests.rules.plain_messages import Line, instant_of, read_lines
from tests.rules.random_lives import TICKET
from tests.rules.retelling import tell_as_they_came
from tests.rules.scenario_runner import NOTICE, lines, without_notices
from tests.rules.second_model import Key, SecondModel
from tests.rules.strategies import instants
from tests.rules.test_examples import EXAMPLES
from tests.store.factories import (
    advance_tickets,
    feed,
    row_of,
    simple_units,
    ticket_state,
)

CONTEXT = RuleContext(POLICY, CALENDAR)
AFTERWARDS = timedelta(days=60)
REMINDER = "contact_reminder"

_receipts = st.builds(
    received,
    category=st.sampled_from(CATEGORIES),
    emergency=st.sampled_from(EMERGENCIES),
    claimant=st.sampled_from(CLAIMANTS),
    unit=st.sampled_from(NAMED),
    statutory_limit=st.sampled_from(LIMITS),
    declined=st.sampled_from(ITEMS),
)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_second_model_gives_the_facts_of_the_simulator(path: Path) -> None:
    """The independent model and the stored facts agree with each other."""
    expected = json.loads(path.with_suffix(".facts.json").read_text(encoding="utf-8"))
    messages: dict[str, list[Line]] = defaultdict(list)
    for line in read_lines(lines(path)):
        messages[line.ticket].append(line)
    facts: list[Fact] = []
    for ticket, of_ticket in messages.items():
        model, _ = tell_as_they_came(ticket, of_ticket)
        model.go_to(instant_of(expected["until"]), inclusive=True)
        facts.extend(model.facts)
    assert sorted(facts, key=repr) == sorted(map(tuple, expected["facts"]), key=repr)


class Lives(RuleBasedStateMachine):
    """One ticket, lived by the rules and by the second model at once."""

    @initialize(at=instants(), first=_receipts, seed=st.integers(0, 10**6))
    def begin(self, at: datetime, first: Move, seed: int) -> None:
        self.rng = Random(seed)
        self.at = at
        self.model = SecondModel(TICKET)
        self.state = State(TICKET)
        self.events: list[Event] = []
        self.messages: list[Message] = []
        self._come(first)

    def _come(self, move: Move) -> None:
        self.move = move
        arrival = len(self.messages) + 1
        raw = written(move, self.at, arrival, self.rng)
        self.messages.append(for_rules(raw, arrival))
        self.model.take(for_model(raw, arrival))
        self._fold(self.messages[-1:], inclusive=False)

    def _fold(self, messages: list[Message], *, inclusive: bool) -> None:
        self.events += fold(self.state, messages, CONTEXT, self.at, inclusive=inclusive)

    @rule(data=st.data(), minutes=st.integers(0, 6 * 60))
    def somebody_does_what_fits(self, data: st.DataObject, minutes: int) -> None:
        self.at += timedelta(minutes=minutes)
        moves = data.draw(st.sampled_from(fitting(self.model)), label="kind")
        self._come(data.draw(st.sampled_from(moves), label="move"))

    @rule(move=st.sampled_from(ANY).flatmap(st.sampled_from))
    def somebody_does_anything(self, move: Move) -> None:
        self._come(move)

    @precondition(lambda self: failed_call(self.move))
    @rule(hours=st.integers(1, 6))
    def somebody_calls_again(self, hours: int) -> None:
        self.at += timedelta(hours=hours)
        self._come(self.move)

    @rule(minutes=st.integers(0, 3 * 24 * 60) | st.integers(0, 30 * 24 * 60))
    def time_passes(self, minutes: int) -> None:
        self.at += timedelta(minutes=minutes)
        self._wait()

    @precondition(lambda self: self.model.next_at is not None)
    @rule()
    def time_comes_to_its_next_moment(self) -> None:
        """Up to it, so that the next message falls exactly on it and still goes before."""
        following = self.model.next_at
        assert following is not None
        self.at = following
        self._wait()

    def _wait(self) -> None:
        self.model.go_to(self.at, inclusive=False)
        self._fold([], inclusive=False)

    @rule()
    def the_program_is_restarted(self) -> None:
        self.state = msgspec.json.decode(msgspec.json.encode(self.state), type=State)

    @invariant()
    def both_stand_alike(self) -> None:
        compare(self.model, self.state, self.events)

    @invariant()
    def some_things_always_hold(self) -> None:
        if self.state.status in ("archived", "declined"):
            assert not running(self.state)
        raised = [
            (fields(e.data)["run"], fields(e.data)["level"])
            for e in self.events
            if e.name == "alert.raised"
        ]
        assert len(raised) == len(set(raised)), "no level twice in a run"
        _notices_have_a_cause(self.events)
        following = next_moment(self.state)
        assert following is None or following >= self.at

    def teardown(self) -> None:
        if not hasattr(self, "state"):
            return
        self.at += AFTERWARDS
        self.model.go_to(self.at, inclusive=True)
        self._fold([], inclusive=True)
        compare(self.model, self.state, self.events)
        again = State(TICKET)
        events = fold(again, self.messages, CONTEXT, self.at)
        assert again == self.state, "folded at once it is the same life"
        assert without_notices(events) == without_notices(self.events)


def _notices_have_a_cause(events: list[Event]) -> None:
    """Nobody is told anything but of what has just been recorded, or of a call to be repeated."""
    recorded: set[datetime] = set()
    called = False
    for event in events:
        if event.name != NOTICE:
            recorded.add(event.moment)
            called |= fields(event.data).get("outcome") in ("no_answer", "wrong_number", "无人接听")
        elif fields(event.data)["kind"] == REMINDER:
            assert called, event
        else:
            assert event.moment in recorded, event


TestLives = Lives.TestCase
# a failure is made small for minutes, then told
TestLives.pytestmark = [pytest.mark.timeout(600)]  # type: ignore[attr-defined]
TestLives.settings = settings(
    max_examples=examples(120),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


# ------------------------------------------------------------ out of order


UNITS = UnitsFile((*simple_units().unit, Unit("新城建局")))
"""The units of the lives, and the one that another of them may become."""

# Each life has a ticket of its own in one store.
pytestmark = pytest.mark.store(databases=["sqlite"], units=UNITS, shared=True)


@pytest.mark.parametrize("seed", range(20))
def test_late_messages_end_where_the_same_messages_in_order_do(store: Store, seed: int) -> None:
    """Each comes up to eight days late; one that would undo what was done since says so."""
    rng = Random(f"late {seed}")
    ticket = f"late-{seed}"
    raws, _ = life(rng, instant("2026-09-21 09:00") + timedelta(hours=seed), 16, ticket)
    came = delayed(raws, rng)
    end = came[-1][0] + timedelta(days=20)
    for arrived, raw in came:
        # what time has brought about by then is in the log before the message comes
        advance_tickets(store, [ticket], arrived - datetime.resolution)
        feed(store, [raw], arrived)
        advance_tickets(store, [ticket], arrived)
    advance_tickets(store, [ticket], end)

    messages = [for_model(raw, arrival) for arrival, (_, raw) in enumerate(came, 1)]
    model, undoing = tell_as_they_came(ticket, messages)
    assert _late_ones_refused(store, ticket) == {line.raw["id"] for line in undoing}
    model.go_to(end, inclusive=True)

    stored = ticket_state(store, ticket)
    assert (stored["status"], stored["level"]) == (model.status, model.level)
    assert row_of(store, ticket).unit == model.unit
    assert dict(stored["running"]) == {_key(key): due for key, due in model.dues.items()}
    levels = [(f[3], f[4]) for f in model.facts if f[0] == "level"]
    stored_levels = [(level, datetime.fromisoformat(str(at))) for level, at in stored["levels"]]
    assert sorted(stored_levels) == sorted((lv, datetime.fromisoformat(at)) for lv, at in levels)


def _key(key: Key) -> str:
    name, of = key
    return f"{name}:{of}" if of else name


def _late_ones_refused(store: Store, ticket: str) -> set[str]:
    """Ids of the late messages that were refused for what they would have undone."""
    with store.reading() as session:
        rows = session.execute(select(INBOX).where(INBOX.c.ticket == ticket)).all()
    for row in rows:
        assert row.state in ("applied", "refused")
        assert row.state == "applied" or render(msgspec.convert(row.reason["why"], LazyText)), (
            "a reason a person can act on"
        )
    return {row.message_id for row in rows if row.conflicting}
