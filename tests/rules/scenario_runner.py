"""Play whole lives of tickets, written as JSON Lines, through the rules."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from models.i18n import PrivateText, lazy, readable
from models.rules.calendar import SHANGHAI, Calendar, DeclaredDay
from models.rules.events import Event, fields, own_texts, private_part
from models.rules.lifecycle.decide import fold
from models.rules.lifecycle.difference import LoggedEvent
from models.rules.lifecycle.moments import next_moment
from models.rules.lifecycle.refold import refold_changed
from models.rules.lifecycle.replay import ReplayRules, TicketReplay
from models.rules.messages import (
    Message,
    RawMessage,
    Refusal,
    Route,
    read_envelope,
    read_message,
    refuse_unknown,
)
from models.rules.policy import Policy
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
    declared: list[tuple[datetime, dict[date, DeclaredDay]]]
    quiet_before: datetime | None
    watched: bool
    notices: bool
    events: list[dict[str, Any]]
    state: dict[str, Any]

    @property
    def in_order(self) -> bool:
        """Return whether every message came when it happened, under one calendar."""
        return not self.declared and all("arrived" not in raw for raw in self.messages)

    @property
    def ordered(self) -> list[Message]:
        """The messages in the order in which they take effect."""
        return in_order(self.messages, self.unknown_units, self.quiet_before)


def lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_scenario(path: Path) -> Scenario:
    """The scenario of `NAME.jsonl` with its `NAME.expected.jsonl` (see scenarios/README.md)."""
    head, *events, last = lines(path.with_suffix(".expected.jsonl"))
    quiet = head.get("quiet_before")
    return Scenario(
        name=path.stem,
        about=head["about"],
        messages=lines(path),
        until=datetime.fromisoformat(head["until"]),
        unknown_units=tuple(head.get("unknown_units", ())),
        calendar=Calendar(_overlay(head.get("calendar", {}))),
        declared=[
            (datetime.fromisoformat(change["at"]), _overlay(change["days"]))
            for change in head.get("declared", ())
        ],
        quiet_before=quiet and datetime.fromisoformat(quiet),
        watched=head.get("watched", True),
        notices=head.get("notices", False),
        events=events,
        state=last["state"],
    )


def _overlay(days: Mapping[str, Mapping[str, Any]]) -> dict[date, DeclaredDay]:
    return {
        date.fromisoformat(day): DeclaredDay(declared["working"], declared["document"])
        for day, declared in days.items()
    }


def as_message(
    raw: dict[str, Any],
    arrival: int,
    unknown: Sequence[str] = (),
    quiet_before: datetime | None = None,
) -> Message:
    """A raw message as the rules take it; a ticket goes to the unit that it names, if known."""
    envelope = read_envelope(raw)
    assert not isinstance(envelope, Refusal), readable(envelope.why)
    route = None
    if envelope.type == "ticket.received":
        unit = raw.get("unit")
        if unit is None:
            route = Route(None, lazy("no rule names a unit"))
        elif unit in unknown:
            route = Route(None, lazy("the unit is not known"), named=PrivateText("unit"))
        else:
            route = Route(unit, lazy("named by the city"))
    message = read_message(envelope.type, envelope.ticket, envelope.at, arrival, raw)
    return msgspec.structs.replace(
        refuse_unknown(message, unknown), route=route, quiet_before=quiet_before
    )


def in_order(
    raws: Sequence[dict[str, Any]],
    unknown: Sequence[str] = (),
    quiet_before: datetime | None = None,
) -> list[Message]:
    """Messages in the order in which they take effect: by `at`, then by arrival."""
    messages = [as_message(raw, n, unknown, quiet_before) for n, raw in enumerate(raws, 1)]
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


class _Replay(TicketReplay):
    """One ticket in simulated time, while operators declare days."""

    __slots__ = ()

    @property
    def state(self) -> State:
        """The ticket as it stands."""
        assert self._state is not None
        return self._state

    def declare(self, days: Mapping[date, DeclaredDay], now: datetime) -> None:
        """Let days be declared at `now`, to which the ticket has been advanced."""
        former = self._context
        assert former is not None
        calendar = Calendar({**former.calendar.overlay, **days})
        self._context = RuleContext(former.policy, calendar)
        dealt = {n: a for n, a in self._arrived.items() if not a.conflicting}
        refolded = refold_changed(
            self.state,
            [LoggedEvent(seq, e.data, e.moment, e.cause) for seq, e in enumerate(self.log, 1)],
            {n: arrived.message for n, arrived in dealt.items()},
            {n for n, arrived in dealt.items() if arrived.refusal is None},
            self._context,
            former,
            now,
            lazy("the calendar changed"),
            {day: former.calendar.is_working(day) for day in days},
        )
        if refolded is not None:
            self._state = refolded.state
            self.log += refolded.appended


def play_as_it_came(scenario: Scenario, policy: Policy) -> tuple[State, list[Event]]:
    """Play a life whose messages came late, or whose calendar changed, as the service does."""
    rules = ReplayRules([policy], scenario.calendar, lambda _message, _policy: ())
    replay = _Replay(scenario.messages[0]["ticket"], rules)
    changes = list(scenario.declared)
    for arrival, raw in enumerate(scenario.messages, 1):
        message = as_message(raw, arrival, scenario.unknown_units, scenario.quiet_before)
        now = datetime.fromisoformat(message.raw.get("arrived", message.raw["at"]))
        while changes and changes[0][0] <= now:
            at, days = changes.pop(0)
            replay.advance_to(at)
            replay.declare(days, at)
        replay.advance_to(now)
        replay.take(message, now)
    for at, days in changes:
        replay.advance_to(at)
        replay.declare(days, at)
    replay.finish(scenario.until)
    return replay.state, replay.log


def event_dict(event: Event, raws: Mapping[int, RawMessage]) -> dict[str, Any]:
    """Return an event as the contract writes it: instants in Asia/Shanghai, texts rendered.

    `said` are the messages by their arrival, whose texts the event has.
    """
    private = private_part(event.data, raws.get(event.cause or 0, {}))
    texts = own_texts(event.name, private)
    data = readable({"at": event.at, "event": event.name} | fields(event.data) | texts, private)
    return {k: _written_value(v) for k, v in data.items()}


def without_notices(events: Sequence[Event]) -> list[Event]:
    """The events that do not depend on who looked when."""
    return [event for event in events if event.name != NOTICE]


def _written_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).isoformat(timespec="seconds")
    if isinstance(value, tuple | list):
        return msgspec.to_builtins(value)
    return value
