"""A ticket's state: what is held of it stays as it was, and its stored JSON is the same."""

from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings

from models.errors import UnreadableValue
from models.rules.lifecycle.decide import fold
from models.rules.messages import Message
from models.rules.state import Clock, RuleContext, State, read_state, stored_state
from models.rules.vocabulary import Status
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


@given(messages=lives())
@settings(max_examples=examples(25))
def test_a_state_at_rest_is_packed_and_read_as_it_was(messages: list[Message]) -> None:
    state = State(TICKET)
    fold(state, messages, CONTEXT, messages[-1].at)
    state.status = Status.ARCHIVED
    packed = stored_state(state)
    assert read_state(TICKET, packed) == state
    assert len(packed) < len(msgspec.json.encode(state))


@pytest.mark.parametrize("stored", ["=", "=aGVsbG8=", "=€", "=a", "={}", "x"])
def test_a_packed_state_that_is_none_is_refused_as_wrong_json_is(stored: str) -> None:
    with pytest.raises(UnreadableValue):
        read_state(TICKET, stored)


def test_no_packed_state_fills_the_memory() -> None:
    """What unpacks to more than any state has is cut off, and so is no JSON."""
    state = State(TICKET, status=Status.ARCHIVED, suggested_unit="x" * 3_000_000)
    with pytest.raises(UnreadableValue):
        read_state(TICKET, stored_state(state))
