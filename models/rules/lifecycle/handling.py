"""While a unit handles a ticket: terms 3.4, extension 3.5, withdrawal 3.6, help and reports."""

from datetime import datetime

from models.labels import Said, say
from models.rules.lifecycle.life import Life, filled, wrong_state
from models.rules.messages import Message, Refusal
from models.rules.state import ARCHIVED, FIRST, HANDLE, HANDLING, ON_SITE, OPEN, REPORT
from models.rules.terms import Term

EXTENSION_PARTS = ("facts", "reasons", "progress", "next_steps", "claimant_told")


def term_from(life: Life, base: datetime) -> datetime:
    """The expiry of the ticket's term from `base` (3.4.1-4), or of a shorter legal one (3.4.5)."""
    state = life.state
    due = life.due(base, getattr(life.stage.policy.terms, state.category))
    if (limit := state.limit) is None:
        return due
    if limit.workdays is not None:
        legal = Term(limit.workdays, "workdays")
    else:
        legal = Term(limit.hours or 0, "hours")
    return min(due, life.due(base, legal))


def begin_handling(life: Life, base: datetime) -> None:
    """The unit has taken the ticket on: its term runs (3.4), and the first contact's (4.1)."""
    state = life.state
    state.status = HANDLING
    state.restarted_at = None
    state.extensions_since = 0
    life.new_run()
    life.start(HANDLE, base, term_from(life, base))
    if state.contact_wanted:
        life.start(FIRST, base, life.due(base, life.stage.policy.terms.first_contact))
        if state.reached_early:
            life.stop(FIRST)


def _restart(life: Life, why: Said) -> None:
    life.state.restarted_at = life.at
    life.state.extensions_since = 0
    life.new_run()
    life.move(HANDLE, life.at, term_from(life, life.at), why)


def supplemented(life: Life, message: Message) -> Refusal | None:
    """The claimant adds facts: before the result is submitted the full term runs again (3.4.6)."""
    if life.state.status not in OPEN:
        return wrong_state(life)
    life.emit("ticket.supplemented", {"text": message.body["text"]})
    if life.clock(HANDLE):
        _restart(life, say("the claimant added new facts (Regulation 3.4.6)"))
    return None


def term_restarted(life: Life, message: Message) -> Refusal | None:
    """Force majeure, or a changed law: the full term runs again, with cause and basis (3.4.7)."""
    if not life.clock(HANDLE):
        return wrong_state(life)
    cause, basis = message.body["cause"], message.body["basis"]
    _restart(life, say("{cause}: {basis} (Regulation 3.4.7)", cause=cause, basis=basis))
    return None


def extension_requested(life: Life, message: Message) -> Refusal | None:
    """The unit asks for more time; granted or refused by the regulation itself (3.5)."""
    state = life.state
    refused = _why_not_extend(life, message)
    if refused is not None:
        missing = {"missing": list(refused.missing)} if refused.missing else {}
        life.emit("extension.refused", why=refused.why, **missing)
        return None
    old = state.clocks[HANDLE]
    state.extensions += 1
    state.extensions_since += 1
    due = term_from(life, old.due)
    life.emit("extension.granted", number=state.extensions, due=due)
    life.new_run()
    number = state.extensions
    life.move(HANDLE, old.base, due, say("extension {n} (Regulation 3.5)", n=number))
    return None


def _why_not_extend(life: Life, message: Message) -> Refusal | None:
    state, policy = life.state, life.stage.policy
    clock = life.clock(HANDLE)
    if clock is None:
        return wrong_state(life)
    if state.reworked:
        return Refusal(say("a second handling is not extended (Regulation 3.9)"))
    if state.extensions >= policy.extension.most:
        most = policy.extension.most
        return Refusal(say("only {n} extensions are allowed (Regulation 3.5)", n=most))
    closing = policy.hours.afternoon.ends
    last = policy.extension.ask_by.of(clock.due, life.stage.calendar, closing)
    if life.at > last:
        until = last.isoformat()
        return Refusal(say("too late: to be asked by {until} (Regulation 3.5)", until=until))
    lacking = tuple(p for p in EXTENSION_PARTS if not filled(message.body.get(p)))
    if lacking:
        return Refusal(say("the request lacks: {names}", names=", ".join(lacking)), lacking)
    return None


def withdrew(life: Life, message: Message) -> Refusal | None:
    """The claimant withdraws: to the hotline, archived; to the unit, guided there (3.6)."""
    if life.state.status not in OPEN:
        return wrong_state(life)
    if message.body["to"] == "unit":
        if life.state.unit is None:
            return wrong_state(life)
        life.emit("contact.recorded", purpose="withdrawal", unit=life.state.unit)
        life.notify("withdrawal_guidance", "claimant")
        return None
    life.emit("ticket.withdrawn", to="hotline")
    life.cancel()
    life.state.status = ARCHIVED
    life.emit("ticket.archived")
    if life.state.unit:
        life.notify("withdrawn", "unit_contact", unit=life.state.unit)
    return None


def joined(life: Life, message: Message) -> Refusal | None:
    """Another unit helps; the lead stays responsible (3.1, 3.9)."""
    if life.state.unit is None or life.state.status not in OPEN:
        return wrong_state(life)
    join(life, message.body["unit"])
    return None


def join(life: Life, unit: str) -> None:
    state = life.state
    if unit != state.unit and unit not in state.co_units:
        state.co_units = [*state.co_units, unit]
    life.emit("unit.joined", unit=unit)
    life.notify("joined", "unit_contact", unit=unit)


def arrived(life: Life, message: Message) -> Refusal | None:
    """A unit is on site: the two hours of an emergency are met (3.4)."""
    if life.state.status not in OPEN:
        return wrong_state(life)
    life.emit("site.arrived", unit=message.body["unit"])
    life.stop(ON_SITE)
    return None


def progressed(life: Life, message: Message) -> Refusal | None:
    """An interim report: the twenty-four hours of an emergency are met (3.4)."""
    if life.state.status not in OPEN:
        return wrong_state(life)
    life.emit("progress.reported", {"text": message.body["text"]}, unit=message.body["unit"])
    life.stop(REPORT)
    return None


def urged(life: Life, message: Message) -> Refusal | None:
    """The desk urges a unit (5)."""
    if life.state.status not in OPEN:
        return wrong_state(life)
    unit, by = message.body["unit"], message.body["by"]
    life.emit("unit.urged", {"text": message.body["text"]}, unit=unit, by=by)
    life.notify("urged", "unit_contact", unit=unit)
    return None


def conduct(life: Life, message: Message) -> Refusal | None:
    """A case for talk-and-remind (约谈提醒) is registered (6.1)."""
    body = message.body
    life.emit(
        "conduct.recorded", unit=body["unit"], ground=body["ground"], grave=body.get("grave", False)
    )
    return None
