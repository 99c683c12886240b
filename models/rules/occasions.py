"""Say why a notice that waits to be sent need not go out any more (decision 34).

A notice asks somebody to do something, or tells what has happened. What asks is pointless once it
is done, nobody owes it or its deadline has passed; what tells goes out however late.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
from msgspec import UNSET

from models.i18n import LazyText, lazy
from models.rules.events import NoticeQueued
from models.rules.lifecycle.decision import clock_key
from models.rules.state import Clock, State
from models.rules.vocabulary import (
    DISSATISFIED,
    OPEN,
    ClockName,
    ClockState,
    ContactPurpose,
    DutyChange,
    Level,
    NoticeKind,
    Status,
)

NEVER_SENT = lazy("the notice that it corrects was never sent")
"""Why a correction is dropped; whether it was sent only the store knows."""

TOLD_WITH_FACTS = lazy("it is told with the new facts of the same edit")
"""Why an amendment's notice is dropped; what else was told only the store knows."""

_ANSWERED = lazy("the unit has answered")
_CLOSED = lazy("the ticket is closed")
_DONE = lazy("what it asks for is done")
_TOO_LATE = lazy("the deadline that it names has passed")
_TAKEN_BACK = lazy("what it tells was taken back")
_OVERTAKEN = lazy("what it tells has changed since")

_ORDER = tuple(Status)
"""The statuses; from dispatch to completion they stand in the order of a ticket's life."""

_Check = Callable[[NoticeQueued, State, datetime], LazyText | None]


def why_over(notice: NoticeQueued, state: State, now: datetime) -> LazyText | None:
    """Return why the occasion of a notice is over, by its ticket as it is; None if it is not."""
    check = CHECKS.get(notice.kind)
    return check(notice, state, now) if check is not None else None


def level_stands(
    notice: NoticeQueued,
    status: str,
    level: str | None,
    unit: str | None,
    due: datetime | None,
    now: datetime,
) -> bool:
    """Return whether a card's occasion is not over, by what its ticket's row says alone.

    That its unit handles the ticket, at this level and with this deadline, proves it; otherwise
    `why_over` tells.
    """
    return (
        notice.level is not UNSET
        and notice.level == level
        and str(notice.kind) == level
        and status == Status.HANDLING
        and unit == _card_holder(notice)
        and due is not None
        and due == notice.due
        and (level != Level.PREWARNING or now < due)
    )


def _card_holder(notice: NoticeQueued) -> str | None:
    """Return whose card a notice tells of: a copy for a parent tells of its body's."""
    return notice.body or notice.unit or None


# What several kinds ask


def _owes(state: State, clock: Clock, unit: str | None) -> bool:
    """Return whether a clock is this unit's duty; true where the notice names no unit."""
    holder = clock.holder or clock.unit or state.unit
    return unit is None or holder in (unit, state.successor_of(unit))


def _leads(state: State, unit: str | None) -> bool:
    return unit is None or state.unit in (unit, state.successor_of(unit))


def _why_not_held(notice: NoticeQueued, state: State, *, until: Status) -> LazyText | None:
    """Return why a unit has the ticket no more, up to and with the status `until`."""
    unit = notice.unit or None
    if state.status in (Status.ARCHIVED, Status.DECLINED):
        return _CLOSED
    if not _leads(state, unit):
        return lazy("{unit} no longer has the ticket", unit=str(unit))
    if _ORDER.index(state.status) > _ORDER.index(until):
        return _CLOSED if state.status == Status.COMPLETED else _ANSWERED
    return None


def _why_not_running(notice: NoticeQueued, state: State, key: str) -> LazyText | None:
    """Return why the recipient does not owe the duty of this key any more."""
    clock = state.clocks.get(key)
    if clock is None:
        return _TAKEN_BACK
    if not clock.running:
        if clock.state == ClockState.EXPIRED:
            return _TOO_LATE
        if clock.state == ClockState.CANCELLED:
            return _CLOSED if state.status not in OPEN else _OVERTAKEN
        return _DONE
    if not _owes(state, clock, notice.unit or None):
        return lazy("{unit} no longer has the ticket", unit=str(notice.unit))
    return None


# One kind each


def _level(notice: NoticeQueued, state: State, now: datetime) -> LazyText | None:
    """Check a pre-warning or a card: its level is raised, in the run that it was raised in."""
    clock = state.clocks.get(ClockName.HANDLING)
    if clock is None:
        return _TAKEN_BACK
    if not clock.running:
        cancelled = clock.state == ClockState.CANCELLED
        if not cancelled:
            return _ANSWERED
        of_holder = msgspec.structs.replace(notice, unit=_card_holder(notice))
        return _why_not_held(of_holder, state, until=Status.HANDLING)
    holder = _card_holder(notice)
    if not _owes(state, clock, holder):
        return lazy("{unit} no longer has the ticket", unit=str(holder))
    if notice.level not in state.raised:
        return _TAKEN_BACK if state.folds else _OVERTAKEN
    if (notice.level, notice.effective_at) not in state.ladder:
        # a refused result brings the expiry forward, and the levels raised stay (decision 19); all
        # else that moves it begins a new run, or comes with a refold, which takes levels back
        if state.folds:
            return _TAKEN_BACK
        if notice.due is not UNSET and notice.due < clock.due:
            return _OVERTAKEN
    if notice.kind == NoticeKind.PREWARNING:
        due = clock.due if notice.due is UNSET else notice.due
        if due <= now:
            return _TOO_LATE
    return None


def _dispatched(notice: NoticeQueued, state: State, _now: datetime) -> LazyText | None:
    clock = state.clocks.get(ClockName.ACCEPT)
    if clock is None or not clock.running:
        if held := _why_not_held(notice, state, until=Status.HANDLING):
            return held
        if clock is not None and clock.state == ClockState.EXPIRED:
            return _TOO_LATE
        return _OVERTAKEN if state.status == Status.DISPUTED else _ANSWERED
    return _why_not_running(notice, state, ClockName.ACCEPT)


def _deemed_accepted(notice: NoticeQueued, state: State, _now: datetime) -> LazyText | None:
    clock = state.clocks.get(ClockName.ACCEPT)
    if clock is None or clock.state != ClockState.EXPIRED:
        return _TAKEN_BACK
    return _why_not_held(notice, state, until=Status.HANDLING)


def _joined(notice: NoticeQueued, state: State, _now: datetime) -> LazyText | None:
    unit = state.successor_of(str(notice.unit))
    if state.status not in OPEN:
        return _CLOSED
    if unit not in state.co_units:
        return lazy("{unit} no longer has the ticket", unit=str(notice.unit))
    return _ANSWERED if state.status == Status.SUBMITTED else None


def _urged(notice: NoticeQueued, state: State, _now: datetime) -> LazyText | None:
    if state.status not in OPEN:
        return _CLOSED
    if state.status == Status.SUBMITTED:
        return _ANSWERED
    unit = state.successor_of(str(notice.unit))
    if state.unit is not None and unit not in (state.unit, *state.co_units, *state.parties):
        return lazy("{unit} no longer has the ticket", unit=str(notice.unit))
    return None


def _evidence_asked(notice: NoticeQueued, state: State, _now: datetime) -> LazyText | None:
    unit = state.successor_of(str(notice.unit))
    return _why_not_running(notice, state, clock_key(ClockName.EVIDENCE, unit))


def _contact_reminder(notice: NoticeQueued, state: State, _now: datetime) -> LazyText | None:
    name = notice.clock or ClockName.FIRST_CONTACT
    clock = state.clocks.get(name)
    if clock is not None and clock.running and clock.remind_at is not None:
        return _DONE  # it was tried again, and there is another reminder to come
    return _why_not_running(notice, state, name)


def _proof_asked(notice: NoticeQueued, state: State, _now: datetime) -> LazyText | None:
    return _why_not_running(notice, state, clock_key(ClockName.PROOF, notice.purpose or None))


def _result_submitted(_notice: NoticeQueued, state: State, _now: datetime) -> LazyText | None:
    survey = state.clocks.get(ClockName.SURVEY)
    asked = survey is not None and survey.running
    if state.status == Status.SUBMITTED or (state.status == Status.COMPLETED and asked):
        return None
    return _DONE


def _dissatisfied(notice: NoticeQueued, state: State, _now: datetime) -> LazyText | None:
    if not state.revisit:
        return _DONE
    return _OVERTAKEN if state.rating != notice.rating else None


def _second_handling_offered(
    _notice: NoticeQueued, state: State, _now: datetime
) -> LazyText | None:
    if state.reworked:
        return _DONE
    if state.status != Status.COMPLETED:
        return _CLOSED
    return None if state.rating in DISSATISFIED else _OVERTAKEN


def _withdrawal_guidance(_notice: NoticeQueued, state: State, _now: datetime) -> LazyText | None:
    return None if state.status in OPEN else _CLOSED


def _released(notice: NoticeQueued, state: State, _now: datetime) -> LazyText | None:
    has_it_again = state.status in OPEN and state.unit == notice.unit
    return _OVERTAKEN if has_it_again else None


def _declined(_notice: NoticeQueued, state: State, _now: datetime) -> LazyText | None:
    return None if state.status == Status.DECLINED else _TAKEN_BACK


def _succeeded(notice: NoticeQueued, state: State, _now: datetime) -> LazyText | None:
    unit = str(notice.unit)
    return None if state.successor_of(unit) == unit else _OVERTAKEN


def _duties_changed(notice: NoticeQueued, state: State, _now: datetime) -> LazyText | None:
    """Check a list of duties: one that only begins or moves is told while it is so."""
    unit = notice.unit or None
    for duty in notice.duties or ():
        if duty.change not in (DutyChange.STARTED, DutyChange.MOVED):
            return None
        of = unit if duty.clock == ClockName.EVIDENCE else duty.purpose or None
        clock = state.clocks.get(clock_key(duty.clock, of))
        if clock and clock.running and clock.due == duty.due and _owes(state, clock, unit):
            return None
    return _OVERTAKEN


def _expired(notice: NoticeQueued, state: State, _now: datetime) -> LazyText | None:
    """Check that a term is over and that what it was for has still not been done."""
    clocks = [c for c in state.clocks.values() if c.name == notice.clock]
    clocks = [c for c in clocks if notice.due is UNSET or c.due == notice.due]
    clocks = [c for c in clocks if c.state == ClockState.EXPIRED]
    if not clocks:
        return _TAKEN_BACK if state.folds else _OVERTAKEN
    if state.status in (Status.ARCHIVED, Status.DECLINED):
        return _CLOSED
    return _DONE if any(_done_since(state, clock) for clock in clocks) else None


def _done_since(state: State, clock: Clock) -> bool:
    """Return whether what an expired clock was for has come after all."""
    match clock.name:
        case ClockName.FIRST_CONTACT:
            return clock.holder in state.reached
        case ClockName.ON_SITE:
            return clock.holder in state.on_site or state.has_result
        case ClockName.EMERGENCY_REPORT:
            return state.has_result
        case ClockName.SURVEY:
            return state.rating is not None
        case ClockName.REVISIT:
            return not state.revisit
        case _:
            waits_in = _WAITS_IN.get(clock.name)
            return waits_in is not None and state.status != waits_in


_WAITS_IN = {
    ClockName.ASSIGNMENT: Status.MANUAL,
    ClockName.RETURN_REVIEW: Status.RETURNED,
    ClockName.RESULT_REVIEW: Status.SUBMITTED,
    ClockName.MEDIATION: Status.DISPUTED,
    ClockName.EVIDENCE: Status.DISPUTED,
}
"""The status in which a ticket waits for what such a clock is for."""


def _unreachable(notice: NoticeQueued, state: State, _now: datetime) -> LazyText | None:
    if state.status in (Status.ARCHIVED, Status.DECLINED):
        return _CLOSED
    reached = notice.purpose == ContactPurpose.FIRST and str(state.unit) in state.reached
    return _DONE if reached else None


def _in_status(status: Status) -> _Check:
    """Return the check of a notice that asks for what ends this status."""

    def check(_notice: NoticeQueued, state: State, _now: datetime) -> LazyText | None:
        return None if state.status == status else _DONE

    return check


def _while_held(until: Status) -> _Check:
    """Return the check of a notice to a unit that matters while it has the ticket."""

    def check(notice: NoticeQueued, state: State, _now: datetime) -> LazyText | None:
        return _why_not_held(notice, state, until=until)

    return check


CHECKS: Mapping[NoticeKind, _Check] = {
    NoticeKind.PREWARNING: _level,
    NoticeKind.YELLOW: _level,
    NoticeKind.RED: _level,
    NoticeKind.DISPATCHED: _dispatched,
    NoticeKind.DEEMED_ACCEPTED: _deemed_accepted,
    NoticeKind.RETURNED: _in_status(Status.RETURNED),
    NoticeKind.RETURN_REFUSED: _while_held(Status.HANDLING),
    NoticeKind.EVIDENCE_ASKED: _evidence_asked,
    NoticeKind.DESIGNATED: _while_held(Status.HANDLING),
    NoticeKind.DECLINED: _declined,
    NoticeKind.EXPIRED: _expired,
    NoticeKind.UNREACHABLE: _unreachable,
    NoticeKind.CONTACT_REMINDER: _contact_reminder,
    NoticeKind.PROOF_ASKED: _proof_asked,
    NoticeKind.RESULT_SUBMITTED: _result_submitted,
    NoticeKind.RESULT_REFUSED: _while_held(Status.HANDLING),
    NoticeKind.DISSATISFIED: _dissatisfied,
    NoticeKind.SECOND_HANDLING_OFFERED: _second_handling_offered,
    NoticeKind.REWORK: _while_held(Status.HANDLING),
    NoticeKind.JOINED: _joined,
    NoticeKind.URGED: _urged,
    NoticeKind.WITHDRAWAL_GUIDANCE: _withdrawal_guidance,
    NoticeKind.UNROUTED: _in_status(Status.MANUAL),
    NoticeKind.DISPUTE_OPENED: _in_status(Status.DISPUTED),
    NoticeKind.RELEASED: _released,
    NoticeKind.SUPPLEMENTED: _while_held(Status.SUBMITTED),
    NoticeKind.RESTARTED: _while_held(Status.HANDLING),
    NoticeKind.AMENDED: _while_held(Status.COMPLETED),
    NoticeKind.SUCCEEDED: _succeeded,
    NoticeKind.DUTIES_CHANGED: _duties_changed,
}
"""How the occasion of each kind ends."""

ALWAYS_SENT = (
    NoticeKind.REVISITED,
    NoticeKind.WITHDRAWN,
    NoticeKind.CORRECTION,
    NoticeKind.EXTENSION_GRANTED,
    NoticeKind.EXTENSION_REFUSED,
    NoticeKind.COMPLETED,
    NoticeKind.GRAVE_CONDUCT,
)
"""Kinds that tell what has happened and stays true; of corrections see `NEVER_SENT`."""
