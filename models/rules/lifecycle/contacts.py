"""Contact with the claimant and what he thinks of it: Regulation 4."""

from datetime import datetime, time, timedelta

from models.labels import say
from models.rules.calendar import SHANGHAI
from models.rules.choices import DISSATISFIED
from models.rules.lifecycle.life import Life, clock_key, wrong_state
from models.rules.messages import HOTLINE, Message, Refusal
from models.rules.state import (
    CLOSING,
    COMPLETED,
    DECLINED,
    DISPATCHED,
    DISPUTED,
    FIRST,
    PROOF,
    RETURNED,
    SUBMITTED,
    SURVEY,
    Clock,
)

_CLOCK_OF = {"first": FIRST, "closing": CLOSING, "survey": SURVEY}
_BEFORE_ACCEPTANCE = (DISPATCHED, RETURNED, DISPUTED)
_REACHED = ("reached", "refused")
"""A claimant who will not talk has been reached all the same."""


def slot(life: Life, at: datetime) -> tuple[str, datetime]:
    """The contact slot (时段) that `at` lies in, and when the next one begins."""
    slots, local = life.stage.policy.slots, at.astimezone(SHANGHAI)
    day, hour = local.date(), local.time()
    if hour < slots.morning_until:
        return "morning", datetime.combine(day, slots.morning_until, SHANGHAI)
    if hour < slots.afternoon_until:
        return "afternoon", datetime.combine(day, slots.afternoon_until, SHANGHAI)
    opening: time = life.stage.policy.hours.morning.begins
    return "evening", datetime.combine(day + timedelta(days=1), opening, SHANGHAI)


def attempted(life: Life, message: Message) -> Refusal | None:
    """Somebody called the claimant; two vain slots of one working day are enough (4.1-4.3)."""
    state, body = life.state, message.body
    purpose, outcome, unit = body["purpose"], body["outcome"], body["unit"]
    if state.unit is None and unit != HOTLINE:
        return wrong_state(life)
    where, _ = slot(life, life.at)
    data = {"unit": unit, "purpose": purpose, "outcome": outcome, "method": body["method"]}
    life.emit("contact.recorded", {"evidence": body.get("evidence")}, slot=where, **data)
    by_hotline = unit == HOTLINE
    if purpose not in _CLOCK_OF or by_hotline != (purpose == "survey"):
        return None
    if purpose == "first" and state.status in _BEFORE_ACCEPTANCE and outcome in _REACHED:
        state.reached_early = True
    clock = life.clock(_CLOCK_OF[purpose])
    if clock is None:
        return None
    if outcome in _REACHED:
        life.stop(clock.name)
    else:
        _failed(life, clock, purpose)
    return None


def _failed(life: Life, clock: Clock, purpose: str) -> None:
    where, next_slot = slot(life, life.at)
    day = life.at.astimezone(SHANGHAI).date()
    today = day.isoformat()
    failed = [*clock.failed, (today, where)]
    life.change(clock.name, failed=failed)
    slots = {s for d, s in failed if d == today}
    if len(slots) > 1 and life.stage.calendar.is_working(day):
        life.emit("contact.unreachable", purpose=purpose)
        life.stop(clock.name, "met" if life.at <= clock.due else "late")
        life.notify("unreachable", "city_hotline", purpose=purpose)
    else:
        life.change(clock.name, remind_at=next_slot)


def remind(life: Life, clock: Clock) -> None:
    """A vain attempt, and the next slot has begun: try again (4.3)."""
    life.change(clock.name, remind_at=None)
    if clock.name == SURVEY:
        life.notify("contact_reminder", "city_hotline", clock=clock.name)
    else:
        life.notify("contact_reminder", "unit_contact", unit=life.state.unit, clock=clock.name)


def denied(life: Life, message: Message) -> Refusal | None:
    """The claimant says that nobody called: the unit shows its records (4.3)."""
    state, purpose = life.state, message.body["purpose"]
    if state.unit is None or state.status == DECLINED:
        return wrong_state(life)
    if not state.contact_wanted:
        return Refusal(say("the claimant wanted no contact"))
    key = clock_key(PROOF, purpose)
    if life.clock(key):
        return Refusal(say("proof of this contact has been asked already"))
    life.emit("contact.proof_asked", purpose=purpose)
    life.start(PROOF, life.at, life.due(life.at, life.stage.policy.terms.proof), purpose=purpose)
    life.notify("proof_asked", "unit_contact", unit=state.unit, purpose=purpose)
    return None


def proved(life: Life, message: Message) -> Refusal | None:
    """The unit shows its records of a contact (4.3)."""
    purpose, unit = message.body["purpose"], message.body["unit"]
    key = clock_key(PROOF, purpose)
    if key not in life.state.clocks:
        return Refusal(say("nobody has asked for proof of this contact"))
    evidence = {"evidence": message.body["evidence"]}
    life.emit("contact.recorded", evidence, unit=unit, purpose="proof", of=purpose)
    life.stop(key)
    return None


def rated(life: Life, message: Message) -> Refusal | None:
    """The claimant rates the result; dissatisfied, the hotline calls again (4.4, 4.5)."""
    state, rating = life.state, message.body["rating"]
    if state.status not in (SUBMITTED, COMPLETED):
        return wrong_state(life)
    life.emit("survey.rated", rating=rating)
    life.rate(rating)
    life.stop(SURVEY)
    if rating in DISSATISFIED:
        if not state.revisit:
            state.revisit = True
            life.emit("revisit.opened")
        life.notify("dissatisfied", "unit_contact", unit=state.unit, rating=rating)
    return None


def revisited(life: Life, message: Message) -> Refusal | None:
    """The hotline has called a dissatisfied claimant; a mistaken rating is corrected (3.8, 4.5)."""
    state, body = life.state, message.body
    if not state.revisit:
        return Refusal(say("no revisit is open"))
    notes = {"notes": body.get("notes")}
    if body["outcome"] == "corrected":
        if "rating" not in body:
            return Refusal(say("fields are missing: {names}", names="rating"), ("rating",))
        life.emit("rating.corrected", notes, **{"from": state.rating, "to": body["rating"]})
        state.rating = body["rating"]
    else:
        life.emit("contact.recorded", notes, purpose="revisit", outcome="confirmed")
    state.revisit = False
    life.settled(life.at)
    life.notify("revisited", "unit_contact", unit=state.unit, rating=state.rating)
    if state.rating in DISSATISFIED and not state.reworked:
        life.notify("second_handling_offered", "claimant")
    return None
