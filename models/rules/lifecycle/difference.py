"""Compare a refolded life with its log: what is taken back, and what is added."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from models.i18n import LazyText
from models.rules import events as log_events
from models.rules.events import (
    EVENT_TYPES,
    AlertRaised,
    AlertWithdrawn,
    ClockExpired,
    ClockMoved,
    ClockStarted,
    ClockStopped,
    DecisionWithdrawn,
    Event,
    EventData,
    MessageRefused,
    NoticeFailed,
    NoticeQueued,
    NoticeSent,
)
from models.rules.lifecycle.decision import clock_key
from models.rules.state import Clock, State
from models.rules.vocabulary import ClockState, EventName, NoticeKind

_WITHDRAWALS = (AlertWithdrawn, DecisionWithdrawn)
_UNCOMPARED = (
    *_WITHDRAWALS,
    NoticeSent,
    NoticeFailed,
    ClockStarted,
    ClockMoved,
    ClockStopped,
)
"""Events about the log, channels or clocks that record no decision.

Clocks are compared by their effect; that one expired is a decision.
"""
SHIFTING_FIELDS = ("due", "run", "provisional", "why", "policy", "note")
"""Fields in which two records of the same decision may differ."""

_BLANKED: Mapping[type[EventData], Mapping[str, UnsetType]] = {
    kind: {field: UNSET for field in SHIFTING_FIELDS if field in kind.__struct_fields__}
    for kind in EVENT_TYPES.values()
}


class LoggedEvent(msgspec.Struct, frozen=True):
    """An event as it stands in the log."""

    seq: int
    data: EventData
    moment: datetime
    cause: int | None


def difference(
    log: Sequence[LoggedEvent],
    events: Sequence[Event],
    before: State,
    after: State,
    now: datetime,
    why: LazyText,
) -> list[Event]:
    """Return the events to append to `log` so that it agrees with `events`, a life refolded.

    First what no longer holds is taken back, with corrections to whoever had a notice of it; then
    what is new; last the clocks whose end or expiry is now another. `before` and `after` are the
    ticket's states by the log and by the refolded life. Clock events themselves are not compared:
    their effect is.
    """
    standing = _standing(log)
    new = Counter(_key(event) for event in events if _is_compared(event.data))
    withdrawn = []
    for logged in standing:
        key = _key(logged)
        if new[key] > 0:
            new[key] -= 1
        elif not isinstance(logged.data, NoticeQueued):
            withdrawn.append(logged)
    appended: list[Event] = []
    for logged in withdrawn:
        appended += _withdrawal(logged, standing, now, why)
    begun: set[str] = set()
    for event in events:
        data = event.data
        if _is_compared(data):
            if new[_key(event)] > 0:
                new[_key(event)] -= 1
                appended.append(event)
        elif isinstance(data, ClockStarted):
            clock = clock_key(data.clock, data.unit or data.purpose or None)
            if clock not in before.clocks and clock not in begun:
                begun.add(clock)
                appended.append(event)
    return appended + _clock_changes(before, after, begun, now, why)


def _standing(log: Sequence[LoggedEvent]) -> list[LoggedEvent]:
    """The decisions in the log that hold: not taken back, and part of the life at all."""
    taken_back = {e.data.of for e in log if isinstance(e.data, _WITHDRAWALS)}
    return [
        event
        for event in log
        if _is_compared(event.data)
        and event.seq not in taken_back
        # one refused for coming too late was never part of the life
        and not (isinstance(event.data, MessageRefused) and event.data.late)
    ]


def _is_compared(data: EventData) -> bool:
    return not isinstance(data, _UNCOMPARED)


def _key(event: Event | LoggedEvent) -> tuple[EventName, int | None, datetime, bytes]:
    data = event.data
    blanked = _BLANKED[type(data)]
    same = msgspec.structs.replace(data, **blanked) if blanked else data
    return data.event, event.cause, event.moment, log_events.encode(same)


def _withdrawal(
    gone: LoggedEvent, standing: Sequence[LoggedEvent], now: datetime, why: LazyText
) -> list[Event]:
    data: EventData
    if isinstance(gone.data, AlertRaised):
        raised = gone.data
        data = AlertWithdrawn(clock=raised.clock, level=raised.level, of=gone.seq, why=why)
    else:
        data = DecisionWithdrawn(of=gone.seq, name=gone.data.event, why=why)
    events = [Event(data, now, now, None)]
    # a notice follows the event that it tells of, at the same moment
    for notice in standing:
        queued = notice.data
        if isinstance(queued, NoticeQueued) and _tells_of(notice, queued, gone):
            correction = NoticeQueued(
                kind=NoticeKind.CORRECTION,
                role=queued.role,
                of=gone.seq,
                unit=queued.unit,
                level=queued.level,
            )
            events.append(Event(correction, now, now, None))
    return events


def _tells_of(notice: LoggedEvent, queued: NoticeQueued, event: LoggedEvent) -> bool:
    """Return whether a notice was queued because of this event."""
    about = event.data
    match about:
        case AlertRaised():
            kind: str = about.level
        case ClockExpired():
            kind = NoticeKind.EXPIRED
        case _:
            kind = about.event.partition(".")[2]
    clock = getattr(about, "clock", UNSET)
    return (
        queued.kind == kind
        and notice.moment == event.moment
        and (queued.clock is UNSET or queued.clock == clock)
    )


def _clock_changes(
    before: State, after: State, begun: Set[str], now: datetime, why: LazyText
) -> list[Event]:
    """The events that say how the clocks are now, where the log says otherwise."""
    changes: list[EventData] = []
    for key in [*before.clocks, *(k for k in after.clocks if k not in before.clocks)]:
        old, new = before.clocks.get(key), after.clocks.get(key)
        if new is not None:
            changes += _clock_change(old, new, key in begun, why)
        elif old is not None and old.running:
            changes.append(_stopped(old, ClockState.CANCELLED))
    return [Event(data, now, now, None) for data in changes]


def _clock_change(old: Clock | None, new: Clock, begun: bool, why: LazyText) -> list[EventData]:
    changes: list[EventData] = []
    ran = begun or (old is not None and old.running)
    # that a clock expired has an event of its own, which stands before these
    expired = new.state == ClockState.EXPIRED
    other_span = old is None or (old.base, old.due) != (new.base, new.due)
    if not ran and (new.running or (other_span and not expired)):
        changes.append(
            ClockStarted(
                clock=new.name,
                base=new.base,
                due=new.due,
                provisional=new.provisional,
                unit=new.unit or UNSET,
                purpose=new.purpose or UNSET,
            )
        )
    elif new.running and old is not None and old.due != new.due:
        changes.append(
            ClockMoved(clock=new.name, due=new.due, why=why, provisional=new.provisional)
        )
    if not new.running and (ran or not _ended_alike(old, new)) and not expired:
        changes.append(_stopped(new, new.state))
    return changes


def _stopped(clock: Clock, outcome: ClockState) -> ClockStopped:
    return ClockStopped(
        clock=clock.name,
        outcome=outcome,
        unit=clock.unit or UNSET,
        purpose=clock.purpose or UNSET,
    )


def _ended_alike(old: Clock | None, new: Clock) -> bool:
    return old is not None and (old.state, old.due, old.base) == (new.state, new.due, new.base)
