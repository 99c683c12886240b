"""A life folded anew against the log it has: what is taken back, and what is added."""

from collections import Counter
from collections.abc import Sequence, Set
from datetime import datetime
from typing import Any

import msgspec

from models.i18n import LazyText
from models.rules.lifecycle.decision import clock_identity, clock_key
from models.rules.state import Clock, Event, State

_WITHDRAWALS = ("alert.withdrawn", "decision.withdrawn")
_PASSING = ("notice.sent", "notice.failed", *_WITHDRAWALS)
"""Events that tell of the log or of channels, and are not part of the life that is folded."""
_EXPIRED = "expired"
_SHIFTING = ("due", "run", "provisional", "why", "policy", "note")
"""What may differ between two tellings of the same decision."""


class LoggedEvent(msgspec.Struct, frozen=True):
    """An event as it stands in the log."""

    seq: int
    name: str
    moment: datetime
    cause: int | None
    data: dict[str, Any]


def difference(
    log: Sequence[LoggedEvent],
    events: Sequence[Event],
    before: State,
    after: State,
    now: datetime,
    why: LazyText,
) -> list[Event]:
    """What to append to `log` so that it tells the life that `events` tell.

    First what no longer holds is taken back, with corrections to whoever had a notice of it; then
    what is new; last the clocks whose end or expiry is now another. `before` and `after` are the
    ticket's states by the log and by the new telling. Clock events themselves are not compared:
    their effect is.
    """
    taken_back = {e.data["of"] for e in log if e.name in _WITHDRAWALS}
    # one refused for coming too late was never part of the life
    standing = [
        e for e in log if _told(e.name) and e.seq not in taken_back and not e.data.get("late")
    ]
    new = Counter(_key(e) for e in events if _told(e.name))
    withdrawn = []
    for logged in standing:
        key = _key(logged)
        if new[key] > 0:
            new[key] -= 1
        elif logged.name != "notice.queued":
            withdrawn.append(logged)
    appended: list[Event] = []
    for gone in withdrawn:
        appended += _withdrawal(gone, standing, now, why)
    begun: set[str] = set()
    for event in events:
        if _told(event.name):
            if new[_key(event)] > 0:
                new[_key(event)] -= 1
                appended.append(event)
        elif event.name == "clock.started":
            of = event.data.get("unit") or event.data.get("purpose")
            clock = clock_key(event.data["clock"], of)
            if clock not in before.clocks and clock not in begun:
                begun.add(clock)
                appended.append(event)
    return appended + _clocks(before, after, begun, now, why)


def _told(name: str) -> bool:
    return (not name.startswith("clock.") and name not in _PASSING) or name == "clock.expired"


def _key(event: Event | LoggedEvent) -> tuple[str, int | None, datetime, bytes]:
    data = {k: v for k, v in event.data.items() if k not in _SHIFTING}
    return event.name, event.cause, event.moment, msgspec.json.encode(data, order="deterministic")


def _withdrawal(
    gone: LoggedEvent, standing: Sequence[LoggedEvent], now: datetime, why: LazyText
) -> list[Event]:
    if gone.name == "alert.raised":
        data = {"clock": gone.data["clock"], "level": gone.data["level"]}
        events = [Event("alert.withdrawn", now, now, None, data | {"of": gone.seq, "why": why})]
    else:
        data = {"of": gone.seq, "name": gone.name, "why": why}
        events = [Event("decision.withdrawn", now, now, None, data)]
    # a notice follows the event that it tells of, at the same moment
    for notice in standing:
        if notice.name == "notice.queued" and _tells_of(notice, gone):
            data = {"kind": "correction", "role": notice.data["role"], "of": gone.seq}
            data |= {k: notice.data[k] for k in ("unit", "level") if k in notice.data}
            events.append(Event("notice.queued", now, now, None, data))
    return events


def _tells_of(notice: LoggedEvent, event: LoggedEvent) -> bool:
    kind = {"alert.raised": event.data.get("level"), "clock.expired": "expired"}.get(
        event.name, event.name.partition(".")[2]
    )
    return (
        notice.data.get("kind") == kind
        and notice.moment == event.moment
        and notice.data.get("clock", event.data.get("clock")) == event.data.get("clock")
    )


def _clocks(
    before: State, after: State, begun: Set[str], now: datetime, why: LazyText
) -> list[Event]:
    events: list[Event] = []

    def tell(name: str, **data: Any) -> None:
        events.append(Event(name, now, now, None, data))

    for key in [*before.clocks, *(k for k in after.clocks if k not in before.clocks)]:
        old, new = before.clocks.get(key), after.clocks.get(key)
        if new is None:
            assert old is not None
            if old.running:
                tell("clock.stopped", clock=old.name, outcome="cancelled", **clock_identity(old))
            continue
        extra = clock_identity(new)
        was, runs = key in begun or (old is not None and old.running), new.running
        # how one expired is told by its own event, which stands before these
        anew = old is None or (old.base, old.due) != (new.base, new.due)
        if not was and (runs or (anew and new.state != _EXPIRED)):
            tell(
                "clock.started",
                clock=new.name,
                base=new.base,
                due=new.due,
                provisional=new.provisional,
                **extra,
            )
        elif runs and old is not None and old.due != new.due:
            tell("clock.moved", clock=new.name, due=new.due, why=why, provisional=new.provisional)
        if not runs and (was or not _ended_alike(old, new)) and new.state != _EXPIRED:
            tell("clock.stopped", clock=new.name, outcome=new.state, **extra)
    return events


def _ended_alike(old: Clock | None, new: Clock) -> bool:
    return old is not None and (old.state, old.due, old.base) == (new.state, new.due, new.base)
