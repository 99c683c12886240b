"""Compare a life by the rules with the same life by the second model."""

from collections.abc import Sequence
from typing import Any

from models.i18n import render
from models.rules.events import Event, fields
from models.rules.state import State
from tests.rules.facts import facts_of
from tests.rules.log_reading import LogReading, read_log
from tests.rules.second_model import Key, SecondModel

REFUSALS = ("message.refused", "extension.refused", "rework.refused")
GRANTED = ("extension.granted", "rework.opened")


def running(state: State) -> dict[Key, Any]:
    """The running clocks with their expiries, as the second model names them."""
    return {(c.name, c.unit or c.purpose): c.due for c in state.clocks.values() if c.running}


def holders(state: State) -> dict[Key, str]:
    """The holders of the running clocks."""
    return {(c.name, c.unit or c.purpose): c.holder for c in state.clocks.values() if c.running}


def answers(events: Sequence[Event]) -> dict[int, str]:
    """Return the outcome of each message, by arrival: applied, or how it was refused."""
    outcomes: dict[int, str] = {}
    for event in events:
        if event.cause is None:
            continue
        if event.name in REFUSALS:
            assert render(fields(event.data)["why"]), "a reason that a person can act on"
            outcomes[event.cause] = event.name
        elif event.name in GRANTED:
            outcomes[event.cause] = event.name
        else:
            outcomes.setdefault(event.cause, "applied")
    return outcomes


def compare(model: SecondModel, state: State, events: Sequence[Event]) -> None:
    """Compare the ticket's state, the outcome of each message and every fact of its life so far."""
    assert state.status == model.status
    assert state.unit == model.unit
    assert state.level == model.level
    assert running(state) == model.dues
    assert holders(state) == {key: clock.holder for key, clock in model.running.items()}
    reading = read_log((event.name, fields(event.data)) for event in events)
    by_state = LogReading(state.status, state.unit, state.level, running(state), holders(state))
    assert reading == by_state, "the log says so"
    assert answers(events) == model.answers
    facts = facts_of(model.ticket, events)
    assert sorted(facts, key=repr) == sorted(model.facts, key=repr)
