"""Contacts with the claimant, and the claimant's rating of the result: Regulation 4."""

from datetime import date, datetime, timedelta

from models.i18n import lazy
from models.rules import events, messages
from models.rules.calendar import SHANGHAI
from models.rules.lifecycle.decision import Decision, clock_key, lacks, wrong_status
from models.rules.messages import HOTLINE, Refusal
from models.rules.papers import says_something
from models.rules.state import Clock
from models.rules.vocabulary import (
    DISSATISFIED,
    ClockName,
    ClockState,
    ContactOutcome,
    ContactPurpose,
    DenialAnswer,
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
_PROOF_OF = {purpose: clock_key(ClockName.PROOF, purpose) for purpose in _CLOCK_OF}
_REACHED = (ContactOutcome.REACHED, ContactOutcome.REFUSED)
"""A claimant who will not talk has been reached all the same."""


def slot(decision: Decision) -> Slot:
    """Return the contact slot (时段) that the present moment lies in."""
    slots, hour = decision.context.policy.slots, decision.at.astimezone(SHANGHAI).time()
    if hour < slots.morning_until:
        return Slot.MORNING
    return Slot.AFTERNOON if hour < slots.afternoon_until else Slot.EVENING


def _next_slot(decision: Decision, day: date, in_slot: Slot) -> datetime:
    """Return when the slot after one of a day begins."""
    policy = decision.context.policy
    match in_slot:
        case Slot.MORNING:
            return datetime.combine(day, policy.slots.morning_until, SHANGHAI)
        case Slot.AFTERNOON:
            return datetime.combine(day, policy.slots.afternoon_until, SHANGHAI)
        case Slot.EVENING:
            opening = policy.hours.morning.begins
            return datetime.combine(day + timedelta(days=1), opening, SHANGHAI)


def attempted(decision: Decision, content: messages.ContactAttempted) -> Refusal | None:
    """Record a call to the claimant; after two vain slots of one working day, stop (4.1-4.3)."""
    state = decision.state
    purpose, outcome, unit = content.purpose, content.outcome, content.unit
    if state.unit is None and unit != HOTLINE:
        return wrong_status(decision)
    in_slot = slot(decision)
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
    reached = outcome in _REACHED
    if not by_hotline:
        _answer_denial(decision, content, reached=reached)
    if purpose == ContactPurpose.FIRST and reached:
        # it counts for whoever is decided on, if made since its first receipt (decision 45)
        for dispatched in state.receipts:
            state.reached.setdefault(dispatched, decision.at)
    clock = decision.running_clock(_CLOCK_OF[purpose])
    if clock is None:
        return None
    if reached:
        decision.stop_clock(clock.name)
    else:
        _note_failed_attempt(decision, clock, purpose)
    return None


def _answer_denial(
    decision: Decision, content: messages.ContactAttempted, *, reached: bool
) -> None:
    """Let an attempt of the unit that owes the contact answer the claimant's denial of it.

    Evidence is proof whatever the attempt's outcome. A contact that reaches the claimant by its due
    ends the asking, and leaves no absence standing (decisions 25, 40, 45).
    """
    state, unit, purpose = decision.state, content.unit, content.purpose
    if says_something(content.evidence):
        units = state.evidenced.get(purpose, ())
        if unit not in units:
            state.evidenced[purpose] = (*units, unit)
    contact = state.clocks.get(_CLOCK_OF[purpose])
    proof = decision.running_clock(_PROOF_OF[purpose])
    if proof is None or proof.holder != unit:
        return
    if says_something(content.evidence):
        _take_proof(decision, proof, purpose)
    elif (
        reached
        and contact is not None
        and contact.ordinal == proof.concerns
        and decision.at <= contact.due
    ):
        decision.stop_clock(_PROOF_OF[purpose], ClockState.CANCELLED)


def _take_proof(decision: Decision, proof: Clock, purpose: ContactPurpose) -> None:
    """Let the proof that was asked of a unit stand (4.3)."""
    decision.emit(events.ContactProved(purpose=purpose, unit=proof.holder))
    decision.stop_clock(_PROOF_OF[purpose])
    _set_answer(decision, purpose, proof.concerns, DenialAnswer.PROVED)


def _set_answer(
    decision: Decision, purpose: ContactPurpose, ordinal: int, answer: DenialAnswer
) -> None:
    key = _CLOCK_OF[purpose]
    contact = decision.state.clocks.get(key)
    if contact is not None and contact.ordinal == ordinal:
        decision.change_clock(key, answer=answer)


def _note_failed_attempt(decision: Decision, clock: Clock, purpose: ContactPurpose) -> None:
    in_slot = slot(decision)
    day = decision.at.astimezone(SHANGHAI).date()
    today = day.isoformat()
    failed = (*clock.failed, (today, in_slot))
    decision.change_clock(clock.name, failed=failed)
    slots = {s for d, s in failed if d == today}
    if len(slots) > 1 and decision.context.calendar.is_working(day):
        decision.emit(events.ContactUnreachable(purpose=purpose))
        decision.stop_clock(clock.name)
        decision.notify(NoticeKind.UNREACHABLE, Recipient.CITY_HOTLINE, purpose=purpose)
    else:
        decision.change_clock(clock.name, remind_at=_next_slot(decision, day, in_slot))


def remind(decision: Decision, clock: Clock) -> None:
    """Remind of a contact that failed, now that the next slot has begun (4.3)."""
    decision.change_clock(clock.name, remind_at=None)
    kind = NoticeKind.CONTACT_REMINDER
    if clock.name == ClockName.SURVEY:
        decision.notify(kind, Recipient.CITY_HOTLINE, clock=clock.name, due=clock.due)
    else:
        decision.notify_unit(kind, clock.holder, clock=clock.name, due=clock.due)


def denied(decision: Decision, content: messages.ContactDenied) -> Refusal | None:
    """Ask the unit that owed a contact for its records, as the claimant denies it (4.3).

    What an attempt has shown already answers at once (decisions 25, 40, 45).
    """
    state, purpose = decision.state, content.purpose
    if state.status == Status.DECLINED:  # a decline releases the unit, as an archive does
        return wrong_status(decision)
    contact = state.clocks.get(_CLOCK_OF[purpose])
    if contact is None or contact.state == ClockState.CANCELLED:
        return Refusal(lazy("no contact of this purpose was owed"))
    if decision.running_clock(_PROOF_OF[purpose]):
        return Refusal(lazy("proof of this contact has been asked already"))
    if contact.answer is not None:
        return Refusal(lazy("this denial has been answered: {answer}", answer=contact.answer))
    unit = state.successor_of(contact.holder)
    if unit in state.evidenced.get(purpose, ()):
        decision.emit(events.ContactProved(purpose=purpose, unit=unit))
        _set_answer(decision, purpose, contact.ordinal, DenialAnswer.PROVED)
        return None
    decision.emit(events.ContactProofAsked(purpose=purpose, unit=unit))
    # until its due a contact still answers, so nobody is deemed absent before
    due = max(decision.due(decision.at, decision.context.policy.terms.proof), contact.due)
    decision.start_clock(
        ClockName.PROOF,
        decision.at,
        due,
        holder=unit,
        purpose=purpose,
        concerns=contact.ordinal,
    )
    decision.notify_unit(NoticeKind.PROOF_ASKED, unit, purpose=purpose)
    return None


def proved(decision: Decision, content: messages.ContactProof) -> Refusal | None:
    """Record the proof of a contact that the unit which owed it gives, or the hotline for it (4.3).

    Proof that comes after its term is recorded, and changes nothing.
    """
    purpose = content.purpose
    proof = decision.state.clocks.get(_PROOF_OF[purpose])
    if proof is None or proof.state not in (ClockState.RUNNING, ClockState.EXPIRED):
        return Refusal(lazy("nobody has asked for proof of this contact"))
    asked = decision.state.successor_of(proof.holder)
    if content.unit not in (asked, HOTLINE):
        return Refusal(lazy("proof of this contact was asked of {unit}", unit=asked))
    if (refusal := lacks(content)) is not None:
        return refusal
    decision.emit(
        events.ContactRecorded(
            unit=content.unit,
            purpose=ContactPurpose.PROOF,
            of=purpose,
            evidence=content.evidence,
        )
    )
    if proof.running:
        _take_proof(decision, proof, purpose)
    else:
        decision.emit(events.ContactProved(purpose=purpose, unit=proof.holder, late=True))
    return None


def deem_absent(decision: Decision, proof: Clock) -> None:
    """Deem a contact not made, as nobody proved it in time (4.3); it counts against who owed it."""
    purpose = proof.purpose
    assert purpose is not None
    unit = proof.holder
    decision.emit(events.ContactDeemedAbsent(purpose=purpose, unit=unit, effective_at=proof.due))
    _set_answer(decision, purpose, proof.concerns, DenialAnswer.ABSENT)


def rated(decision: Decision, content: messages.SurveyRated) -> Refusal | None:
    """Record the claimant's rating; open a revisit if it is dissatisfied (4.4, 4.5)."""
    state, rating = decision.state, content.rating
    if state.status not in (Status.SUBMITTED, Status.COMPLETED):
        return wrong_status(decision)
    decision.emit(events.SurveyRated(rating=rating))
    state.rating = rating
    decision.stop_clock(ClockName.SURVEY)
    if rating in DISSATISFIED:
        if not state.revisit:
            state.revisit = True
            decision.emit(events.RevisitOpened())
            decision.start_duty(ClockName.REVISIT, Recipient.CITY_HOTLINE)
        decision.notify_unit(NoticeKind.DISSATISFIED, state.unit, rating=rating)
    return None


def revisited(decision: Decision, content: messages.RevisitRecorded) -> Refusal | None:
    """Close a revisit, correcting a mistaken rating or confirming it (3.8, 4.5)."""
    state = decision.state
    if not state.revisit:
        return Refusal(lazy("no revisit is open"))
    if (refusal := lacks(content)) is not None:
        return refusal
    if content.outcome == RevisitOutcome.CORRECTED and content.rating is not None:
        decision.emit(
            events.RatingCorrected(from_=state.rating, to=content.rating, notes=content.notes)
        )
        state.rating = content.rating
        if state.revisit_before:
            state.rating_before = content.rating
    else:
        decision.emit(
            events.ContactRecorded(
                purpose=ContactPurpose.REVISIT,
                outcome=ContactOutcome.CONFIRMED,
                notes=content.notes,
            )
        )
    # for good: that a later result is refused does not open it again
    state.revisit = state.revisit_before = False
    decision.stop_clock(ClockName.REVISIT)
    decision.note_settled(decision.at)
    rating = state.rating
    decision.notify_unit(NoticeKind.REVISITED, state.unit, rating=rating)
    if rating in DISSATISFIED and not state.reworked:
        decision.notify(NoticeKind.SECOND_HANDLING_OFFERED, Recipient.CLAIMANT)
    return None
