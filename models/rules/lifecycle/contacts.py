"""Contacts with the claimant, and the claimant's rating of the result: Regulation 4."""

from datetime import datetime, time, timedelta

from models.i18n import lazy
from models.rules import events, messages
from models.rules.calendar import SHANGHAI
from models.rules.events import NoticeQueued
from models.rules.lifecycle.decision import Decision, clock_key, wrong_status
from models.rules.messages import HOTLINE, Refusal
from models.rules.state import Clock
from models.rules.vocabulary import (
    DISSATISFIED,
    ClockName,
    ContactOutcome,
    ContactPurpose,
    NoticeKind,
    Recipient,
    RevisitOutcome,
    Slot,
    Status,
)

_CLOCK_OF = {
    ContactPurpose.FIRST: ClockName.FIRST_CONTACT,
    ContactPurpose.CLOSING: ClockName.CLOSING_CONTACT,
    ContactPurpose.SURVEY: ClockName.SURVEY,
}
_BEFORE_ACCEPTANCE = (Status.DISPATCHED, Status.RETURNED, Status.DISPUTED)
_REACHED = (ContactOutcome.REACHED, ContactOutcome.REFUSED)
"""A claimant who will not talk has been reached all the same."""


def slot(decision: Decision, at: datetime) -> tuple[Slot, datetime]:
    """Return the contact slot (时段) that `at` lies in, and when the next one begins."""
    slots, local = decision.context.policy.slots, at.astimezone(SHANGHAI)
    day, hour = local.date(), local.time()
    if hour < slots.morning_until:
        return Slot.MORNING, datetime.combine(day, slots.morning_until, SHANGHAI)
    if hour < slots.afternoon_until:
        return Slot.AFTERNOON, datetime.combine(day, slots.afternoon_until, SHANGHAI)
    opening: time = decision.context.policy.hours.morning.begins
    return Slot.EVENING, datetime.combine(day + timedelta(days=1), opening, SHANGHAI)


def attempted(decision: Decision, content: messages.ContactAttempted) -> Refusal | None:
    """Record a call to the claimant; after two vain slots of one working day, stop (4.1-4.3)."""
    state = decision.state
    purpose, outcome, unit = content.purpose, content.outcome, content.unit
    if state.unit is None and unit != HOTLINE:
        return wrong_status(decision)
    in_slot, _ = slot(decision, decision.at)
    decision.emit(
        events.ContactRecorded(
            unit=unit,
            purpose=purpose,
            outcome=outcome,
            method=content.method,
            slot=in_slot,
            evidence=content.evidence,
        )
    )
    by_hotline = unit == HOTLINE
    if purpose not in _CLOCK_OF or by_hotline != (purpose == ContactPurpose.SURVEY):
        return None
    early = purpose == ContactPurpose.FIRST and state.status in _BEFORE_ACCEPTANCE
    if early and outcome in _REACHED:
        state.reached_early = True
    clock = decision.running_clock(_CLOCK_OF[purpose])
    if clock is None:
        return None
    if outcome in _REACHED:
        decision.stop_clock(clock.name)
    else:
        _note_failed_attempt(decision, clock, purpose)
    return None


def _note_failed_attempt(decision: Decision, clock: Clock, purpose: ContactPurpose) -> None:
    in_slot, next_slot = slot(decision, decision.at)
    day = decision.at.astimezone(SHANGHAI).date()
    today = day.isoformat()
    failed = (*clock.failed, (today, in_slot))
    decision.change_clock(clock.name, failed=failed)
    slots = {s for d, s in failed if d == today}
    if len(slots) > 1 and decision.context.calendar.is_working(day):
        decision.emit(events.ContactUnreachable(purpose=purpose))
        decision.stop_clock(clock.name)
        decision.emit(
            NoticeQueued(kind=NoticeKind.UNREACHABLE, role=Recipient.CITY_HOTLINE, purpose=purpose)
        )
    else:
        decision.change_clock(clock.name, remind_at=next_slot)


def remind(decision: Decision, clock: Clock) -> None:
    """Remind of a contact that failed, now that the next slot has begun (4.3)."""
    decision.change_clock(clock.name, remind_at=None)
    kind = NoticeKind.CONTACT_REMINDER
    if clock.name == ClockName.SURVEY:
        decision.emit(NoticeQueued(kind=kind, role=Recipient.CITY_HOTLINE, clock=clock.name))
    else:
        unit = decision.state.unit
        decision.emit(
            NoticeQueued(kind=kind, role=Recipient.UNIT_CONTACT, unit=unit, clock=clock.name)
        )


def denied(decision: Decision, content: messages.ContactDenied) -> Refusal | None:
    """Ask the unit for its records where the claimant says that nobody called (4.3)."""
    state, purpose = decision.state, content.purpose
    if state.unit is None or state.status == Status.DECLINED:
        return wrong_status(decision)
    if not state.contact_wanted:
        return Refusal(lazy("the claimant wanted no contact"))
    if decision.running_clock(clock_key(ClockName.PROOF, purpose)):
        return Refusal(lazy("proof of this contact has been asked already"))
    decision.emit(events.ContactProofAsked(purpose=purpose))
    due = decision.due(decision.at, decision.context.policy.terms.proof)
    decision.start_clock(ClockName.PROOF, decision.at, due, purpose=purpose)
    kind = NoticeKind.PROOF_ASKED
    decision.emit(
        NoticeQueued(kind=kind, role=Recipient.UNIT_CONTACT, unit=state.unit, purpose=purpose)
    )
    return None


def proved(decision: Decision, content: messages.ContactProof) -> Refusal | None:
    """Record the proof of a contact that a unit was asked for (4.3)."""
    key = clock_key(ClockName.PROOF, content.purpose)
    if key not in decision.state.clocks:
        return Refusal(lazy("nobody has asked for proof of this contact"))
    decision.emit(
        events.ContactRecorded(
            unit=content.unit,
            purpose=ContactPurpose.PROOF,
            of=content.purpose,
            evidence=content.evidence,
        )
    )
    decision.stop_clock(key)
    return None


def rated(decision: Decision, content: messages.SurveyRated) -> Refusal | None:
    """Record the claimant's rating; open a revisit if it is dissatisfied (4.4, 4.5)."""
    state, rating = decision.state, content.rating
    if state.status not in (Status.SUBMITTED, Status.COMPLETED):
        return wrong_status(decision)
    decision.emit(events.SurveyRated(rating=rating))
    decision.set_rating(rating)
    decision.stop_clock(ClockName.SURVEY)
    if rating in DISSATISFIED:
        if not state.revisit:
            state.revisit = True
            decision.emit(events.RevisitOpened())
        kind = NoticeKind.DISSATISFIED
        decision.emit(
            NoticeQueued(kind=kind, role=Recipient.UNIT_CONTACT, unit=state.unit, rating=rating)
        )
    return None


def revisited(decision: Decision, content: messages.RevisitRecorded) -> Refusal | None:
    """Close a revisit, correcting a mistaken rating or confirming it (3.8, 4.5)."""
    state = decision.state
    if not state.revisit:
        return Refusal(lazy("no revisit is open"))
    if content.outcome == RevisitOutcome.CORRECTED:
        if content.rating is None:
            return Refusal(lazy("fields are missing: {names}", names="rating"), ("rating",))
        decision.emit(
            events.RatingCorrected(from_=state.rating, to=content.rating, notes=content.notes)
        )
        state.rating = content.rating
    else:
        decision.emit(
            events.ContactRecorded(
                purpose=ContactPurpose.REVISIT,
                outcome=ContactOutcome.CONFIRMED,
                notes=content.notes,
            )
        )
    state.revisit = False
    decision.note_settled(decision.at)
    unit, rating = state.unit, state.rating
    decision.emit(
        NoticeQueued(
            kind=NoticeKind.REVISITED, role=Recipient.UNIT_CONTACT, unit=unit, rating=rating
        )
    )
    if rating in DISSATISFIED and not state.reworked:
        decision.emit(
            NoticeQueued(kind=NoticeKind.SECOND_HANDLING_OFFERED, role=Recipient.CLAIMANT)
        )
    return None
