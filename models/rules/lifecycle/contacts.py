"""Contact with the claimant and what he thinks of it: Regulation 4."""

from datetime import datetime, time, timedelta

from models.i18n import lazy
from models.rules.calendar import SHANGHAI
from models.rules.lifecycle.decision import Decision, clock_key, wrong_status
from models.rules.messages import HOTLINE, Message, Refusal
from models.rules.state import Clock
from models.rules.vocabulary import DISSATISFIED, ClockName, Status

_CLOCK_OF = {
    "first": ClockName.FIRST_CONTACT,
    "closing": ClockName.CLOSING_CONTACT,
    "survey": ClockName.SURVEY,
}
_BEFORE_ACCEPTANCE = (Status.DISPATCHED, Status.RETURNED, Status.DISPUTED)
_REACHED = ("reached", "refused")
"""A claimant who will not talk has been reached all the same."""


def slot(decision: Decision, at: datetime) -> tuple[str, datetime]:
    """The contact slot (时段) that `at` lies in, and when the next one begins."""
    slots, local = decision.context.policy.slots, at.astimezone(SHANGHAI)
    day, hour = local.date(), local.time()
    if hour < slots.morning_until:
        return "morning", datetime.combine(day, slots.morning_until, SHANGHAI)
    if hour < slots.afternoon_until:
        return "afternoon", datetime.combine(day, slots.afternoon_until, SHANGHAI)
    opening: time = decision.context.policy.hours.morning.begins
    return "evening", datetime.combine(day + timedelta(days=1), opening, SHANGHAI)


def attempted(decision: Decision, message: Message) -> Refusal | None:
    """Somebody called the claimant; two vain slots of one working day are enough (4.1-4.3)."""
    state, body = decision.state, message.body
    purpose, outcome, unit = body["purpose"], body["outcome"], body["unit"]
    if state.unit is None and unit != HOTLINE:
        return wrong_status(decision)
    where, _ = slot(decision, decision.at)
    data = {"unit": unit, "purpose": purpose, "outcome": outcome, "method": body["method"]}
    decision.emit("contact.recorded", {"evidence": body.get("evidence")}, slot=where, **data)
    by_hotline = unit == HOTLINE
    if purpose not in _CLOCK_OF or by_hotline != (purpose == "survey"):
        return None
    if purpose == "first" and state.status in _BEFORE_ACCEPTANCE and outcome in _REACHED:
        state.reached_early = True
    clock = decision.clock(_CLOCK_OF[purpose])
    if clock is None:
        return None
    if outcome in _REACHED:
        decision.stop(clock.name)
    else:
        _failed(decision, clock, purpose)
    return None


def _failed(decision: Decision, clock: Clock, purpose: str) -> None:
    where, next_slot = slot(decision, decision.at)
    day = decision.at.astimezone(SHANGHAI).date()
    today = day.isoformat()
    failed = [*clock.failed, (today, where)]
    decision.change(clock.name, failed=failed)
    slots = {s for d, s in failed if d == today}
    if len(slots) > 1 and decision.context.calendar.is_working(day):
        decision.emit("contact.unreachable", purpose=purpose)
        decision.stop(clock.name, "met" if decision.at <= clock.due else "late")
        decision.notify("unreachable", "city_hotline", purpose=purpose)
    else:
        decision.change(clock.name, remind_at=next_slot)


def remind(decision: Decision, clock: Clock) -> None:
    """A vain attempt, and the next slot has begun: try again (4.3)."""
    decision.change(clock.name, remind_at=None)
    if clock.name == ClockName.SURVEY:
        decision.notify("contact_reminder", "city_hotline", clock=clock.name)
    else:
        decision.notify(
            "contact_reminder", "unit_contact", unit=decision.state.unit, clock=clock.name
        )


def denied(decision: Decision, message: Message) -> Refusal | None:
    """The claimant says that nobody called: the unit shows its records (4.3)."""
    state, purpose = decision.state, message.body["purpose"]
    if state.unit is None or state.status == Status.DECLINED:
        return wrong_status(decision)
    if not state.contact_wanted:
        return Refusal(lazy("the claimant wanted no contact"))
    key = clock_key(ClockName.PROOF, purpose)
    if decision.clock(key):
        return Refusal(lazy("proof of this contact has been asked already"))
    decision.emit("contact.proof_asked", purpose=purpose)
    decision.start(
        ClockName.PROOF,
        decision.at,
        decision.due(decision.at, decision.context.policy.terms.proof),
        purpose=purpose,
    )
    decision.notify("proof_asked", "unit_contact", unit=state.unit, purpose=purpose)
    return None


def proved(decision: Decision, message: Message) -> Refusal | None:
    """The unit shows its records of a contact (4.3)."""
    purpose, unit = message.body["purpose"], message.body["unit"]
    key = clock_key(ClockName.PROOF, purpose)
    if key not in decision.state.clocks:
        return Refusal(lazy("nobody has asked for proof of this contact"))
    evidence = {"evidence": message.body["evidence"]}
    decision.emit("contact.recorded", evidence, unit=unit, purpose="proof", of=purpose)
    decision.stop(key)
    return None


def rated(decision: Decision, message: Message) -> Refusal | None:
    """The claimant rates the result; dissatisfied, the hotline calls again (4.4, 4.5)."""
    state, rating = decision.state, message.body["rating"]
    if state.status not in (Status.SUBMITTED, Status.COMPLETED):
        return wrong_status(decision)
    decision.emit("survey.rated", rating=rating)
    decision.rate(rating)
    decision.stop(ClockName.SURVEY)
    if rating in DISSATISFIED:
        if not state.revisit:
            state.revisit = True
            decision.emit("revisit.opened")
        decision.notify("dissatisfied", "unit_contact", unit=state.unit, rating=rating)
    return None


def revisited(decision: Decision, message: Message) -> Refusal | None:
    """The hotline has called a dissatisfied claimant; a mistaken rating is corrected (3.8, 4.5)."""
    state, body = decision.state, message.body
    if not state.revisit:
        return Refusal(lazy("no revisit is open"))
    notes = {"notes": body.get("notes")}
    if body["outcome"] == "corrected":
        if "rating" not in body:
            return Refusal(lazy("fields are missing: {names}", names="rating"), ("rating",))
        decision.emit("rating.corrected", notes, **{"from": state.rating, "to": body["rating"]})
        state.rating = body["rating"]
    else:
        decision.emit("contact.recorded", notes, purpose="revisit", outcome="confirmed")
    state.revisit = False
    decision.settled(decision.at)
    decision.notify("revisited", "unit_contact", unit=state.unit, rating=state.rating)
    if state.rating in DISSATISFIED and not state.reworked:
        decision.notify("second_handling_offered", "claimant")
    return None
