"""Apply messages and due moments to a ticket, by the rule of each."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET

from models.i18n import lazy
from models.rules import events
from models.rules.events import AlertRaised, Event, MessageRefused, NoticeQueued
from models.rules.lifecycle import acceptance, contacts, handling, results
from models.rules.lifecycle.decision import Decision, next_level
from models.rules.messages import HOTLINE, Content, Message, Refusal, named_units
from models.rules.state import RuleContext, State
from models.rules.vocabulary import (
    ClockName,
    ClockState,
    Level,
    MessageType,
    NoticeKind,
    Recipient,
    Status,
)

Handler = Callable[[Decision, Any], Refusal | None]
"""Applies a message's content, a struct of the handler's own type, to the ticket."""

HANDLERS: Mapping[MessageType, Handler] = {
    MessageType.TICKET_RECEIVED: acceptance.received,
    MessageType.UNIT_ACCEPTED: acceptance.accepted,
    MessageType.UNIT_RETURNED: acceptance.returned,
    MessageType.RETURN_REVIEWED: acceptance.return_reviewed,
    MessageType.DISPUTE_OPENED: acceptance.dispute_opened,
    MessageType.DISPUTE_EVIDENCE: acceptance.dispute_evidence,
    MessageType.DISPUTE_DECIDED: acceptance.dispute_decided,
    MessageType.SITE_ARRIVED: handling.arrived,
    MessageType.PROGRESS_REPORTED: handling.progressed,
    MessageType.CONTACT_ATTEMPTED: contacts.attempted,
    MessageType.CONTACT_DENIED: contacts.denied,
    MessageType.CONTACT_PROOF: contacts.proved,
    MessageType.EXTENSION_REQUESTED: handling.extension_requested,
    MessageType.CLAIMANT_SUPPLEMENTED: handling.supplemented,
    MessageType.CLAIMANT_WITHDREW: handling.withdrew,
    MessageType.TERM_RESTARTED: handling.term_restarted,
    MessageType.RESULT_SUBMITTED: results.submitted,
    MessageType.RESULT_REVIEWED: results.reviewed,
    MessageType.SURVEY_RATED: contacts.rated,
    MessageType.REVISIT_RECORDED: contacts.revisited,
    MessageType.REWORK_REQUESTED: results.rework_requested,
    MessageType.UNIT_JOINED: handling.joined,
    MessageType.TICKET_ASSIGNED: acceptance.assigned,
    MessageType.SCREENING_DECIDED: acceptance.screening_decided,
    MessageType.UNIT_URGED: handling.urged,
    MessageType.CONDUCT_RECORDED: handling.conduct,
}

_LEAD_ONLY = (
    MessageType.UNIT_ACCEPTED,
    MessageType.UNIT_RETURNED,
    MessageType.EXTENSION_REQUESTED,
    MessageType.RESULT_SUBMITTED,
)
_HELPERS_TOO = (
    MessageType.SITE_ARRIVED,
    MessageType.PROGRESS_REPORTED,
    MessageType.CONTACT_ATTEMPTED,
    MessageType.CONTACT_PROOF,
)
_ANSWERED_ALWAYS = (MessageType.EXTENSION_REQUESTED, MessageType.REWORK_REQUESTED)
"""Requests that the regulation itself answers in every state, of the archive too (3.5, 3.9)."""
_SETTLES_AT_EXPIRY = (ClockName.CLOSING_CONTACT, ClockName.SURVEY, ClockName.PROOF)


def decide(decision: Decision, message: Message) -> bool:
    """Apply a message at its own `at`; False where it is refused, which the log then says."""
    decision.at = message.at
    decision.message = message
    decision.state.seen_at = message.at
    refusal = _apply(decision, message)
    if refusal is not None:
        missing = refusal.missing or UNSET
        decision.emit(MessageRefused(type=message.type, why=refusal.why, missing=missing))
    decision.schedule_archiving()
    return refusal is None


def _apply(decision: Decision, message: Message) -> Refusal | None:
    state, content = decision.state, message.content
    if state.status == Status.ARCHIVED and message.type not in _ANSWERED_ALWAYS:
        return Refusal(lazy("the ticket is in the archive"))
    if isinstance(content, Refusal):
        return content
    if message.type != MessageType.TICKET_RECEIVED:
        if state.received_at is None:
            return Refusal(lazy("ticket {ticket} has not been received", ticket=message.ticket))
        if (refusal := _may_speak(state, message, content)) is not None:
            return refusal
    return HANDLERS[message.type](decision, content)


def _may_speak(state: State, message: Message, content: Content) -> Refusal | None:
    # the hotline calls claimants, and is no unit that could handle anything
    calls = message.type == MessageType.CONTACT_ATTEMPTED
    strangers = message.unknown if calls else (*message.unknown, HOTLINE)
    for unit in named_units(content):
        if unit in strangers:
            return Refusal(lazy("unit {unit} is not known; see the units file", unit=unit))
    named: str | None = getattr(content, "unit", None)
    if message.type in _LEAD_ONLY and named != state.unit:
        lead = state.unit or "-"
        text = lazy("only the lead unit may: {lead}, not {unit}", lead=lead, unit=str(named))
        return Refusal(text)
    if message.type in _HELPERS_TOO and named not in (state.unit, HOTLINE, *state.co_units):
        text = lazy("only the lead or a co-handling unit may, not {unit}", unit=str(named))
        return Refusal(text)
    return None


_Moment = tuple[datetime, Literal["expire", "remind", "raise", "archive"], str]
"""The next thing that time alone does to a ticket: when, what, and to which clock or level."""


def next_moment(state: State) -> datetime | None:
    """Return when time alone will next do something to the ticket."""
    upcoming = _next(state)
    return upcoming[0] if upcoming else None


def _next(state: State) -> _Moment | None:
    best: _Moment | None = None
    for key, clock in state.clocks.items():
        if not clock.running:
            continue
        if key != ClockName.HANDLING and (best is None or clock.due < best[0]):
            best = (clock.due, "expire", key)
        if clock.remind_at and (best is None or clock.remind_at < best[0]):
            best = (clock.remind_at, "remind", key)
    if (level := next_level(state)) and (best is None or level[1] < best[0]):
        best = (level[1], "raise", level[0])
    if state.archive_at and (best is None or state.archive_at < best[0]):
        best = (state.archive_at, "archive", "")
    return best


def fire(decision: Decision, until: datetime, *, inclusive: bool) -> None:
    """Let everything happen, in order, that time alone brings about up to `until`."""
    state = decision.state
    while (upcoming := _next(state)) is not None:
        at, what, key = upcoming
        if at > until or (at == until and not inclusive):
            return
        decision.at = at
        decision.message = None
        state.fired_at = at if state.fired_at is None else max(at, state.fired_at)
        match what:
            case "raise":
                _raise_level(decision, Level(key), at)
            case "expire":
                _expire(decision, key, at)
            case "remind":
                contacts.remind(decision, state.clocks[key])
            case "archive":
                state.status = Status.ARCHIVED
                state.archive_at = None
                decision.emit(events.TicketArchived(effective_at=at))
        decision.schedule_archiving()


def _raise_level(decision: Decision, level: Level, at: datetime) -> None:
    state, clock = decision.state, decision.state.clocks[ClockName.HANDLING]
    state.raised = (*state.raised, level)
    decision.emit(
        AlertRaised(clock=clock.name, level=level, effective_at=at, unit=state.unit, run=state.run)
    )
    upcoming = next_level(state)
    # in a played life, what a message puts into the past comes together with that message
    overtaken = decision.now is None and upcoming is not None and upcoming[1] <= decision.present
    pointless = level == Level.PREWARNING and clock.due <= decision.present
    if not overtaken and not pointless:
        decision.emit(
            NoticeQueued(
                kind=NoticeKind(level),
                role=decision.context.policy.ladder.of(level).to,
                unit=state.unit,
                clock=clock.name,
                level=level,
                effective_at=at,
            )
        )


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
    unit = clock.unit or decision.state.unit
    if clock.name == ClockName.PROOF:
        assert clock.purpose is not None
        decision.emit(events.ContactDeemedAbsent(purpose=clock.purpose, unit=unit, effective_at=at))
    kind = NoticeKind.EXPIRED
    decision.emit(NoticeQueued(kind=kind, role=Recipient.UNIT_CONTACT, unit=unit, clock=clock.name))
    decision.emit(NoticeQueued(kind=kind, role=Recipient.DISTRICT_DESK, clock=clock.name))
    if clock.name in _SETTLES_AT_EXPIRY:
        decision.note_settled(at)


def fold(
    state: State,
    messages: Sequence[Message],
    context: RuleContext,
    now: datetime,
    *,
    inclusive: bool = True,
    played: bool = False,
) -> list[Event]:
    """Carry a ticket on through `messages`, in the order of `at`, and to `now`; returns the events.

    A message goes before what time alone brings about at the same moment. With `inclusive` false
    what falls exactly on `now` is left for later. With `played` each moment is taken as if it had
    just come, so that folding far ahead sends the same notices as going from moment to moment.
    """
    decision = Decision(state, context, now, None if played else now)
    for message in messages:
        fire(decision, message.at, inclusive=False)
        decide(decision, message)
    fire(decision, now, inclusive=inclusive)
    return decision.events if played else _without_overtaken(decision.events)


def _without_overtaken(log: list[Event]) -> list[Event]:
    """The events without notices of levels that a higher one of the same run has overtaken.

    Of the levels of a run that were found due together, only the highest is told to anybody.
    """
    raised = [event.data for event in log if isinstance(event.data, AlertRaised)]
    highest = {data.run: data.level for data in raised}
    if len(highest) == len(raised):
        return log
    kept: list[Event] = []
    overtaken: str | None = None
    for event in log:
        data = event.data
        if isinstance(data, AlertRaised):
            overtaken = data.level if data.level != highest[data.run] else None
        if not isinstance(data, NoticeQueued) or data.kind != overtaken:
            kept.append(event)
    return kept
