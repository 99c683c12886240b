"""A ticket's state: what is held of it stays as it was, and its stored JSON is the same."""

from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import given, settings

from models.rules.lifecycle.decide import fold
from models.rules.messages import Message
from models.rules.state import Clock, RuleContext, State
from tests.examples import examples
from tests.rules.district import CALENDAR, POLICY
from tests.rules.random_lives import TICKET, lives

CONTEXT = RuleContext(POLICY, CALENDAR)


def changeable(hint: Any) -> bool:
    """Return whether a value of this type could be changed in place."""
    return (get_origin(hint) or hint) in (list, dict, set) or any(map(changeable, get_args(hint)))


def test_nothing_of_a_clock_can_be_changed_in_place() -> None:
    """Clocks are replaced, so that whoever holds the one before sees what is new."""
    assert not [name for name, hint in get_type_hints(Clock).items() if changeable(hint)]


@given(messages=lives())
@settings(max_examples=examples(50))
def test_clocks_that_somebody_holds_stay_as_they_were(messages: list[Message]) -> None:
    state = State(TICKET)
    for message in messages:
        held = state.clocks.copy()
        before = msgspec.json.encode(held)
        fold(state, [message], CONTEXT, message.at)
        assert msgspec.json.encode(held) == before


@given(messages=lives())
@settings(max_examples=examples(50))
def test_a_stored_state_is_read_as_it_was(messages: list[Message]) -> None:
    state = State(TICKET)
    fold(state, messages, CONTEXT, messages[-1].at)
    stored = msgspec.json.encode(state)
    assert msgspec.json.decode(stored, type=State) == state
    assert msgspec.json.encode(msgspec.json.decode(stored, type=State)) == stored
