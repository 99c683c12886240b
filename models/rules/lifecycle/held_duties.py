"""The duties that ran at each minute of a ticket's life, as its log had them then."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from models.rules.events import (
    ClockExpired,
    ClockMoved,
    ClockStarted,
    ClockStopped,
    EventData,
    TicketDeemedAccepted,
    UnitSucceeded,
)
from models.rules.lifecycle.decision import clock_key
from models.rules.vocabulary import ClockName


class HeldDuty(NamedTuple):
    """A duty that runs, who owes it and until when; `holder` is empty in logs of old rules."""

    clock: ClockName
    holder: str
    due: datetime


class HeldTime(NamedTuple):
    """A time in which the same duties ran, with the same deadlines."""

    begins_at: datetime
    ends_at: datetime
    duties: tuple[HeldDuty, ...]


def held_times(log: Iterable[tuple[EventData, datetime]], until: datetime) -> Iterator[HeldTime]:
    """Yield the times of a ticket up to `until`, one after the other.

    `log` are its events in order, each with when it took effect. What took effect before the event
    ahead of it counts from that one on: nobody could know of it earlier.
    """
    running: dict[str, HeldDuty] = {}
    since: datetime | None = None
    for data, moment in log:
        at = moment if since is None else max(since, moment)
        if at > until:
            break
        after = _after(running, data)
        if after == running:
            continue
        if since is not None and at > since and running:
            yield HeldTime(since, at, tuple(running.values()))
        running, since = after, at
    if since is not None and until > since and running:
        yield HeldTime(since, until, tuple(running.values()))


def _after(running: dict[str, HeldDuty], data: EventData) -> dict[str, HeldDuty]:
    """Return the running duties, by key, after an event."""
    match data:
        case ClockStarted():
            held = HeldDuty(data.clock, data.holder or data.unit or "", data.due)
            return {**running, _key(data): held}
        case ClockMoved() if (moved := running.get(_key(data))) is not None:
            return {**running, _key(data): moved._replace(due=data.due)}
        case ClockStopped() | ClockExpired():
            return {key: duty for key, duty in running.items() if key != _key(data)}
        case TicketDeemedAccepted():
            return {key: duty for key, duty in running.items() if key != ClockName.ACCEPT}
        case UnitSucceeded():
            return {
                key: duty._replace(holder=data.successor) if duty.holder == data.unit else duty
                for key, duty in running.items()
            }
    return running


def _key(data: ClockStarted | ClockMoved | ClockStopped | ClockExpired) -> str:
    return clock_key(data.clock, data.unit or data.purpose or None)
