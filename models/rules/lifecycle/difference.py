"""Compare a refolded life with its log: what is taken back, and what is added."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

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
    ExtensionGranted,
    ExtensionRefused,
    MessageRefused,
    NoticeDropped,
    NoticeFailed,
    NoticeQueued,
    NoticeSent,
    TextsErased,
    TicketDeemedAccepted,
    UnitSucceeded,
)
from models.rules.lifecycle.decision import clock_key
from models.rules.state import Clock
from models.rules.vocabulary import ClockName, ClockState, ContactPurpose, EventName, NoticeKind

_WITHDRAWALS = (AlertWithdrawn, DecisionWithdrawn)
_CLOCK_EVENTS = (ClockStarted, ClockMoved, ClockStopped)
_UNCOMPARED = (*_WITHDRAWALS, NoticeSent, NoticeFailed, NoticeDropped, TextsErased)
"""Events about the log, its texts, or channels, which a fold does not tell."""
SHIFTING_FIELDS = ("due", "base", "run", "provisional", "why", "policy", "note", "duties")
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
    after: Mapping[str, Clock],
    now: datetime,
    why: LazyText,
    baseline: Sequence[Event] | None = None,
) -> list[Event]:
    """Return the events to append to `log` so that it agrees with `events`, a life refolded.

    First what no longer holds is withdrawn, with corrections to whoever had a notice of it; then
    follows what is new, in its order; last, what the log still says otherwise of the clocks than
    `after`, the ticket's clocks by the refolded life. That a clock was started, moved or stopped is
    no decision, so it is not withdrawn: the clock is moved, or stopped.

    `baseline` is what today's rules tell without the change, for a log that older rules began: what
    only they would say differently is not appended (decision 27).
    """
    standing = _standing(log)
    untouched = Counter(map(_key, baseline)) if baseline is not None else None
    new = Counter(_key(event) for event in events if _is_compared(event.data))
    folded = Counter(new)
    withdrawn, superseded = [], Counter[_Owed]()
    for logged in standing:
        key = _key(logged)
        if new[key] > 0:
            new[key] -= 1
        elif isinstance(logged.data, ClockStarted):
            superseded[_owed(logged.data)] += 1
        elif isinstance(logged.data, (NoticeQueued, *_CLOCK_EVENTS)):
            continue
        elif untouched is None or untouched[key] > folded[key]:
            withdrawn.append(logged)
    appended: list[Event] = []
    gone = {logged.seq for logged in withdrawn}
    for logged in withdrawn:
        appended += _withdrawal(logged, standing, now, why)
    clocks = LoggedClocks((e.data for e in standing if e.seq not in gone), superseded, after)
    causes = {
        logged.cause
        for logged in standing
        if logged.seq not in gone and not isinstance(logged.data, MessageRefused)
    } - {None}
    tells_anew = follows_known = False
    # of several alike the log has the first ones: what is new comes where it follows on others
    in_log = folded - new
    for event in events:
        key, is_copy = _key(event), _is_copy(event.data)
        if not _is_compared(event.data):
            continue
        if not isinstance(event.data, (NoticeQueued, *_CLOCK_EVENTS)):
            # the decision that the next clock events follow on
            follows_known = in_log[key] > 0
        if in_log[key] > 0:
            in_log[key] -= 1
            clocks.note_start(event.data)
            tells_anew = tells_anew and is_copy
            continue
        # a parent that the unit has only now is told of no card of before
        if is_copy and not tells_anew:
            continue
        tells_anew = untouched is None or untouched[key] < folded[key]
        if tells_anew:
            # what time brought about has no message that the log could tell of
            known = follows_known if event.cause is None else event.cause in causes
            appended += [
                msgspec.structs.replace(event, data=data)
                for data in clocks.add(event.data, why, known=known)
            ]
    changes = [data for key, clock in after.items() for data in clocks.correct(key, clock, why)]
    changes += clocks.cancel_all_but(after)
    return appended + [Event(data, now, now, None) for data in changes]


class LoggedClocks:
    """The clocks of a ticket as its log shows them, and what it takes to show them otherwise.

    `superseded` counts, by clock and holder, the starts in the log that the refolded life has at
    another moment: each stands for one of its starts, now and whenever it is refolded again.
    `after` are the clocks of the refolded life.
    """

    def __init__(
        self,
        log: Iterable[EventData],
        superseded: Counter["_Owed"],
        after: Mapping[str, Clock],
    ) -> None:
        self._clocks: dict[str, _LoggedClock] = {}
        self._superseded = superseded
        self._after = after
        self._started: dict[str, ClockStarted] = {}
        for data in log:
            self._apply(data)

    def note_start(self, data: EventData) -> None:
        """Note that the refolded life starts a clock here, as the log says already."""
        if isinstance(data, ClockStarted):
            self._started[_clock_of(data)] = data

    def add(self, data: EventData, why: LazyText, *, known: bool) -> list[EventData]:
        """Return an event as it can be appended: what runs is moved, what has ended is not.

        `known` says that the log tells already what its message did, or of what time brought about
        the decision that it follows on.
        """
        appended: list[EventData] = [data]
        if isinstance(data, _CLOCK_EVENTS):
            logged = self._clocks.get(_clock_of(data))
            runs = logged is not None and logged.state == ClockState.RUNNING
            if isinstance(data, ClockStarted):
                folded = logged is not None and (not runs or self._same_at_end(logged))
                appended = [] if known and folded else self._start(logged, data, why)
                self.note_start(data)
            elif logged is None or not runs or (known and self._overtaken(data, logged)):
                appended = []
        elif isinstance(data, (ClockExpired, TicketDeemedAccepted)):
            key = _clock_of(data) if isinstance(data, ClockExpired) else ClockName.ACCEPT
            logged, start = self._clocks.get(key), self._started.get(key)
            # what ended by the log, and expires now, has begun before it does
            if start is not None and (logged is None or logged.state != ClockState.RUNNING):
                appended = [start, data]
        for each in appended:
            self._apply(each)
        return appended

    def correct(self, key: str, clock: Clock, why: LazyText) -> list[EventData]:
        """Return the events after which the log shows a clock as it is."""
        logged = self._clocks.get(key)
        ran = logged is not None and logged.state == ClockState.RUNNING
        # that a clock expired has an event of its own
        ended = not clock.running and clock.state != ClockState.EXPIRED
        # one that was cancelled may be another holder's, who is in the log too: nothing is owed
        alike = logged is not None and (
            (logged.state, logged.due) == (clock.state, clock.due)
            or logged.state == clock.state == ClockState.CANCELLED
        )
        if ran and clock.running and logged is not None and not _same_holder(logged, clock.holder):
            return [
                _stopped(clock.name, clock.unit, clock.purpose, ClockState.CANCELLED),
                _started(clock),
            ]
        if alike or (not ran and clock.state == ClockState.EXPIRED):
            return []
        changes: list[EventData] = []
        if not ran:
            changes.append(_started(clock))
        elif clock.state == ClockState.EXPIRED:
            changes.append(_stopped(clock.name, clock.unit, clock.purpose, ClockState.CANCELLED))
        elif logged is not None and clock.state != ClockState.CANCELLED and logged.due != clock.due:
            # it was met or late by this expiry, so the log moves it before it ends
            changes.append(
                ClockMoved(
                    clock=clock.name,
                    due=clock.due,
                    why=why,
                    provisional=clock.provisional,
                    unit=clock.unit or UNSET,
                    purpose=clock.purpose or UNSET,
                )
            )
        if ended:
            changes.append(_stopped(clock.name, clock.unit, clock.purpose, clock.state))
        for data in changes:
            self._apply(data)
        return changes

    def cancel_all_but(self, clocks: Mapping[str, Clock]) -> list[EventData]:
        """Return the events that cancel what runs by the log, but is no clock of the ticket."""
        return [
            _stopped(logged.name, logged.unit, logged.purpose, ClockState.CANCELLED)
            for key, logged in self._clocks.items()
            if logged.state == ClockState.RUNNING and key not in clocks
        ]

    def _start(
        self, logged: "_LoggedClock | None", data: ClockStarted, why: LazyText
    ) -> list[EventData]:
        """Return what starts a clock, which may run by the log, or have begun at another moment."""
        if logged is None:
            return [data]
        runs = logged.state == ClockState.RUNNING
        begun_otherwise = self._began_otherwise(data)
        if not _same_holder(logged, data.holder):
            if begun_otherwise:
                return []
            cancelled = _stopped(logged.name, logged.unit, logged.purpose, ClockState.CANCELLED)
            return [cancelled, data] if runs else [data]
        if not runs:
            return [] if begun_otherwise or self._expired_alike(logged) else [data]
        if logged.due == data.due or (begun_otherwise and self._ends_alike(logged)):
            return []
        return [
            ClockMoved(
                clock=data.clock,
                due=data.due,
                why=why,
                provisional=data.provisional,
                unit=data.unit,
                purpose=data.purpose,
            )
        ]

    def _began_otherwise(self, data: ClockStarted) -> bool:
        """Take a start in the log, of the same clock and holder, that this one stands for."""
        for owed in (_owed(data), (_clock_of(data), UNSET)):
            if self._superseded[owed] > 0:
                self._superseded[owed] -= 1
                return True
        return False

    def _end_of(self, logged: "_LoggedClock") -> Clock | None:
        """Return a clock as the refolded life has it in the end."""
        return self._after.get(clock_key(logged.name, logged.unit or logged.purpose))

    def _ends_alike(self, logged: "_LoggedClock") -> bool:
        """Return whether the log shows a clock's expiry as the refolded life has it in the end."""
        after = self._end_of(logged)
        return after is not None and after.due == logged.due

    def _same_at_end(self, logged: "_LoggedClock") -> bool:
        """Return whether the log shows a clock as it is in the end, by state, expiry and holder."""
        after = self._end_of(logged)
        return (
            after is not None
            and (after.state, after.due) == (logged.state, logged.due)
            and _same_holder(logged, after.holder)
        )

    def _overtaken(self, data: EventData, logged: "_LoggedClock") -> bool:
        """Return whether the log shows already what follows on a move or stop of a clock."""
        after = self._end_of(logged)
        moves_on = isinstance(data, ClockMoved) or (after is not None and after.running)
        return moves_on and self._ends_alike(logged)

    def _expired_alike(self, logged: "_LoggedClock") -> bool:
        """Return whether the log shows a clock's end, which is its end in the refolded life too."""
        after = self._end_of(logged)
        expired = logged.state == ClockState.EXPIRED
        return (
            expired and after is not None and (after.state, after.due) == (logged.state, logged.due)
        )

    def _apply(self, data: EventData) -> None:
        match data:
            case ClockStarted():
                self._clocks[_clock_of(data)] = _LoggedClock(
                    data.clock, data.due, data.holder, data.unit or None, data.purpose or None
                )
            case ClockMoved():
                if (logged := self._clocks.get(_clock_of(data))) is not None:
                    logged.due = data.due
            case ClockStopped():
                if (logged := self._clocks.get(_clock_of(data))) is not None:
                    logged.state = data.outcome
            case ClockExpired():
                if (logged := self._clocks.get(_clock_of(data))) is not None:
                    logged.state, logged.due = ClockState.EXPIRED, data.due
            case UnitSucceeded():
                for logged in self._clocks.values():
                    passes_on = logged.state == ClockState.RUNNING and logged.unit is None
                    if passes_on and logged.holder == data.unit:
                        logged.holder = data.successor
            case TicketDeemedAccepted():
                if (logged := self._clocks.get(ClockName.ACCEPT)) is not None:
                    logged.state, logged.due = ClockState.EXPIRED, data.effective_at


class _LoggedClock:
    """One clock as the log shows it."""

    __slots__ = ("due", "holder", "name", "purpose", "state", "unit")

    def __init__(
        self,
        name: ClockName,
        due: datetime,
        holder: str | UnsetType,
        unit: str | None,
        purpose: ContactPurpose | None,
    ) -> None:
        self.name = name
        self.due = due
        self.holder = holder
        self.unit = unit
        self.purpose = purpose
        self.state = ClockState.RUNNING


_Owed: TypeAlias = tuple[str, str | UnsetType]
"""A clock's key and its holder."""


def _owed(data: ClockStarted) -> _Owed:
    return _clock_of(data), data.holder


def _same_holder(logged: _LoggedClock, holder: str | UnsetType) -> bool:
    return not holder or logged.holder in (UNSET, holder)


def _clock_of(data: ClockStarted | ClockMoved | ClockStopped | ClockExpired) -> str:
    unit = getattr(data, "unit", UNSET)
    purpose = getattr(data, "purpose", UNSET)
    return clock_key(data.clock, unit or purpose or None)


def _started(clock: Clock) -> ClockStarted:
    return ClockStarted(
        clock=clock.name,
        base=clock.base,
        due=clock.due,
        provisional=clock.provisional,
        holder=clock.holder or UNSET,
        unit=clock.unit or UNSET,
        purpose=clock.purpose or UNSET,
    )


def _stopped(
    name: ClockName, unit: str | None, purpose: ContactPurpose | None, outcome: ClockState
) -> ClockStopped:
    return ClockStopped(clock=name, outcome=outcome, unit=unit or UNSET, purpose=purpose or UNSET)


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


def _is_copy(data: EventData) -> bool:
    return isinstance(data, NoticeQueued) and data.body is not UNSET


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
                of=notice.seq,
                unit=queued.unit,
                level=queued.level,
                body=queued.body,
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
        case ExtensionRefused() | ExtensionGranted():
            kind = about.event.replace(".", "_")
        case _:
            kind = about.event.partition(".")[2]
    clock = getattr(about, "clock", UNSET)
    return (
        queued.kind == kind
        and notice.moment == event.moment
        and (queued.clock is UNSET or queued.clock == clock)
    )
