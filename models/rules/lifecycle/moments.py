"""Apply what time alone does to a ticket: expiries, reminders, levels, the archive."""

from datetime import datetime
from typing import Literal

from msgspec import UNSET

from models.rules import events
from models.rules.lifecycle import acceptance, cards, contacts
from models.rules.lifecycle.decision import Decision
from models.rules.state import State
from models.rules.vocabulary import (
    HOTLINE_HOLDERS,
    ClockName,
    ClockState,
    Level,
    NoticeKind,
    Recipient,
    Status,
)

# looked up once: a member of an enum costs as much as a call, and every message asks for these
_RUNNING, _HANDLING = ClockState.RUNNING, ClockName.HANDLING

_SETTLES_AT_EXPIRY = (ClockName.CLOSING_CONTACT, ClockName.SURVEY, ClockName.PROOF)

_Moment = tuple[datetime, Literal["expire", "remind", "raise", "archive"], str]
"""The next thing that time alone does to a ticket: its moment, its kind, its clock or level."""


def next_moment(state: State) -> datetime | None:
    """Return when time alone will next do something to the ticket."""
    upcoming = _next(state)
    return upcoming[0] if upcoming else None


def _next(state: State) -> _Moment | None:
    best: _Moment | None = None
    for key, clock in state.clocks.items():
        if clock.state is not _RUNNING:
            continue
        if key != _HANDLING and (best is None or clock.due < best[0]):
            best = (clock.due, "expire", key)
        if clock.remind_at and (best is None or clock.remind_at < best[0]):
            best = (clock.remind_at, "remind", key)
    if (level := cards.next_level(state)) and (best is None or level[1] < best[0]):
        best = (level[1], "raise", level[0])
    if state.archive_at and (best is None or state.archive_at < best[0]):
        best = (state.archive_at, "archive", "")
    return best


def fire(decision: Decision, until: datetime, *, inclusive: bool) -> None:
    """Apply, in order, everything that time alone does to the ticket up to `until`."""
    state = decision.state
    while (upcoming := _next(state)) is not None:
        at, what, key = upcoming
        if at > until or (at == until and not inclusive):
            return
        decision.at = at
        decision.message = None
        if state.fired_at is None or state.fired_at < at:
            state.fired_at = at
        match what:
            case "raise":
                cards.raise_level(decision, Level(key), at)
            case "expire":
                _expire(decision, key, at)
            case "remind":
                contacts.remind(decision, state.clocks[key])
            case "archive":
                state.status = Status.ARCHIVED
                state.archive_at = None
                decision.emit(events.TicketArchived(effective_at=at))
        decision.conclude()
        decision.schedule_archiving()


def _expire(decision: Decision, key: str, at: datetime) -> None:
    if key == ClockName.ACCEPT:
        acceptance.deem_accepted(decision, at)
        return
    clock = decision.state.clocks[key]
    decision.change_clock(key, state=ClockState.EXPIRED, ended_at=at, remind_at=None)
    decision.emit(
        events.ClockExpired(
            clock=clock.name, due=at, unit=clock.unit or UNSET, purpose=clock.purpose or UNSET
        )
    )
    if clock.name == ClockName.PROOF:
        contacts.deem_absent(decision, clock)
    elif clock.name == ClockName.DESIGNATION:
        acceptance.propose_conduct(decision, clock)
    kind = NoticeKind.EXPIRED
    if clock.holder in HOTLINE_HOLDERS:
        # the hotline's own, never overdue for a unit (decision 32)
        decision.notify(kind, Recipient.DISTRICT_DESK, clock=clock.name, due=at)
    else:
        decision.notify_unit(kind, clock.holder, clock=clock.name, due=at)
        decision.notify(kind, Recipient.DISTRICT_DESK, clock.holder, clock=clock.name, due=at)
    if clock.name in _SETTLES_AT_EXPIRY:
        decision.note_settled(at)
