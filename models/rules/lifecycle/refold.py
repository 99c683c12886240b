"""Fold all messages of a ticket again with late ones among them."""

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from typing import NamedTuple

from models.i18n import lazy
from models.rules.events import Event, MessageRefused
from models.rules.lifecycle.decide import fold
from models.rules.lifecycle.difference import LoggedEvent, difference
from models.rules.messages import Message, Refusal
from models.rules.state import RuleContext, State

LATE = lazy("a message that came late tells otherwise")
"""The reason of whatever a late message takes back."""


class Refolded(NamedTuple):
    """A ticket after a refold: its state, and what its log must add to agree with it.

    `messages` are all that the ticket is now made of, `refused` those of them that the rules
    refuse, by arrival number. `conflicting` are late messages that are left out.
    """

    state: State
    appended: list[Event]
    messages: dict[int, Message]
    refused: dict[int, Refusal]
    conflicting: dict[int, Refusal]


def refold_late(
    state: State,
    log: Sequence[LoggedEvent],
    dealt: Mapping[int, Message],
    applied: Set[int],
    late: Mapping[int, Message],
    context: RuleContext,
    now: datetime,
    *,
    inclusive: bool = True,
) -> Refolded:
    """Fold the messages dealt with before and the late ones, by arrival number.

    What people did stands: a late message that would make an applied one impossible is left out.
    Messages refused before are folded again too, since the late one may be what they lacked.
    `state` and `log` are the ticket as it stands; with `inclusive` false, what falls exactly on
    `now` is left for later.
    """

    def folded(messages: Mapping[int, Message]) -> tuple[State, list[Event]]:
        return fold_from_start(state.ticket, messages, context, now, inclusive=inclusive)

    messages = dict(dealt)
    new_state, events = folded(messages)
    conflicting: dict[int, Refusal] = {}
    for arrival in sorted(late):
        candidate = {**messages, arrival: late[arrival]}
        candidate_state, candidate_events = folded(candidate)
        if undone := sorted(applied & refusals(candidate_events).keys()):
            types = ", ".join(messages[i].type for i in undone)
            why = lazy("it came late, and would undo what was done since: {types}", types=types)
            conflicting[arrival] = Refusal(why)
            continue
        messages, new_state, events = candidate, candidate_state, candidate_events
    appended = difference(log, events, state, new_state, now, LATE)
    for arrival, refusal in conflicting.items():
        refused = MessageRefused(type=late[arrival].type, why=refusal.why, late=True)
        appended.append(Event(refused, now, now, arrival))
    new_state.folds = state.folds + bool(appended)
    return Refolded(new_state, appended, messages, refusals(events), conflicting)


def fold_from_start(
    ticket: str,
    messages: Mapping[int, Message],
    context: RuleContext,
    now: datetime,
    *,
    inclusive: bool = True,
) -> tuple[State, list[Event]]:
    """Fold these messages in the order of `at`, from the beginning."""
    state = State(ticket)
    ordered = sorted(messages.values(), key=lambda m: (m.at, m.arrival))
    return state, fold(state, ordered, context, now, inclusive=inclusive)


def refusals(events: Iterable[Event]) -> dict[int, Refusal]:
    """Return the refusals among these events by the arrival number of the message."""
    return {
        event.cause: Refusal(event.data.why, event.data.missing or ())
        for event in events
        if isinstance(event.data, MessageRefused) and event.cause is not None
    }
