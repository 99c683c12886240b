"""Play whole lives of tickets, written as JSON Lines, through the rules."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from models.i18n import lazy, readable
from models.rules.calendar import SHANGHAI, Calendar, DeclaredDay
from models.rules.events import Event, fields
from models.rules.lifecycle.decide import fold
from models.rules.lifecycle.moments import next_moment
from models.rules.messages import Message, Refusal, Route, read_envelope, read_message
from models.rules.state import RuleContext, State

NOTICE = "notice.queued"


@dataclass(frozen=True)
class Scenario:
    """One life: its messages, its context, and what must have happened by `until`."""

    name: str
    about: str
    messages: list[dict[str, Any]]
    until: datetime
    unknown_units: tuple[str, ...]
    calendar: Calendar
    watched: bool
    notices: bool
    events: list[dict[str, Any]]
    state: dict[str, Any]


def lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_scenario(path: Path) -> Scenario:
    """The scenario of `NAME.jsonl` with its `NAME.expected.jsonl` (see scenarios/README.md)."""
    head, *events, last = lines(path.with_suffix(".expected.jsonl"))
    overlay = {
        date.fromisoformat(day): DeclaredDay(declared["working"], declared["document"])
        for day, declared in head.get("calendar", {}).items()
    }
    return Scenario(
        name=path.stem,
        about=head["about"],
        messages=lines(path),
        until=datetime.fromisoformat(head["until"]),
        unknown_units=tuple(head.get("unknown_units", ())),
        calendar=Calendar(overlay),
        watched=head.get("watched", True),
        notices=head.get("notices", False),
        events=events,
        state=last["state"],
    )


def as_message(raw: dict[str, Any], arrival: int, unknown: Sequence[str] = ()) -> Message:
    """A raw message as the rules take it; a ticket goes to the unit that it names, if known."""
    envelope = read_envelope(raw)
    assert not isinstance(envelope, Refusal), readable(envelope.why)
    route = None
    if envelope.type == "ticket.received":
        unit = raw.get("unit")
        if unit is None:
            route = Route(None, lazy("no rule names a unit"))
        elif unit in unknown:
            route = Route(None, lazy("the unit is not known"), named=unit)
        else:
            route = Route(unit, lazy("named by the city"))
    message = read_message(envelope.type, envelope.ticket, envelope.at, arrival, raw)
    return msgspec.structs.replace(message, unknown=tuple(unknown), route=route)


def in_order(raws: Sequence[dict[str, Any]], unknown: Sequence[str] = ()) -> list[Message]:
    """Messages in the order in which they take effect: by `at`, then by arrival."""
    messages = [as_message(raw, n, unknown) for n, raw in enumerate(raws, 1)]
    return sorted(messages, key=lambda m: (m.at, m.arrival))


def fold_at_once(
    messages: Sequence[Message], context: RuleContext, until: datetime
) -> tuple[State, list[Event]]:
    """Fold the life at once, as after an outage until `until`."""
    state = State(messages[0].ticket)
    return state, fold(state, messages, context, until)


def fold_step_by_step(
    messages: Sequence[Message], context: RuleContext, until: datetime
) -> tuple[State, list[Event]]:
    """Fold the life step by step, as the service does: at every message and every due moment."""
    state, events = State(messages[0].ticket), list[Event]()

    def sleep_until(at: datetime, *, inclusive: bool) -> None:
        while (due := next_moment(state)) and (due < at or (inclusive and due == at)):
            events.extend(fold(state, [], context, due))

    for message in messages:
        sleep_until(message.at, inclusive=False)
        events.extend(fold(state, [message], context, message.at, inclusive=False))
    sleep_until(until, inclusive=True)
    return state, events


def event_dict(event: Event) -> dict[str, Any]:
    """Return an event as the contract writes it: instants in Asia/Shanghai, texts rendered."""
    data = readable({"at": event.at, "event": event.name} | fields(event.data))
    return {k: _written_value(v) for k, v in data.items()}


def without_notices(events: Sequence[Event]) -> list[Event]:
    """The events that do not depend on who looked when."""
    return [event for event in events if event.name != NOTICE]


def _written_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).isoformat(timespec="seconds")
    return value
