"""While a unit handles a ticket: terms 3.4, extension 3.5, withdrawal 3.6, help and reports."""

from datetime import datetime

from models.i18n import LazyText, lazy
from models.rules.lifecycle.decision import Decision, filled, wrong_status
from models.rules.messages import Message, Refusal
from models.rules.terms import Term
from models.rules.vocabulary import OPEN, ClockName, Status

EXTENSION_PARTS = ("facts", "reasons", "progress", "next_steps", "claimant_told")


def term_from(decision: Decision, base: datetime) -> datetime:
    """The expiry of the ticket's term from `base` (3.4.1-4), or of a shorter legal one (3.4.5)."""
    state = decision.state
    due = decision.due(base, getattr(decision.context.policy.terms, state.category))
    if (limit := state.limit) is None:
        return due
    if limit.workdays is not None:
        legal = Term(limit.workdays, "workdays")
    else:
        legal = Term(limit.hours or 0, "hours")
    return min(due, decision.due(base, legal))


def begin_handling(decision: Decision, base: datetime) -> None:
    """The unit has taken the ticket on: its term runs (3.4), and the first contact's (4.1)."""
    state = decision.state
    state.status = Status.HANDLING
    state.restarted_at = None
    state.extensions_since = 0
    decision.new_run()
    decision.start(ClockName.HANDLING, base, term_from(decision, base))
    if state.contact_wanted:
        decision.start(
            ClockName.FIRST_CONTACT,
            base,
            decision.due(base, decision.context.policy.terms.first_contact),
        )
        if state.reached_early:
            decision.stop(ClockName.FIRST_CONTACT)


def _restart(decision: Decision, why: LazyText) -> None:
    decision.state.restarted_at = decision.at
    decision.state.extensions_since = 0
    decision.new_run()
    decision.move(ClockName.HANDLING, decision.at, term_from(decision, decision.at), why)


def supplemented(decision: Decision, message: Message) -> Refusal | None:
    """The claimant adds facts: before the result is submitted the full term runs again (3.4.6)."""
    if decision.state.status not in OPEN:
        return wrong_status(decision)
    decision.emit("ticket.supplemented", {"text": message.body["text"]})
    if decision.clock(ClockName.HANDLING):
        _restart(decision, lazy("the claimant added new facts (Regulation 3.4.6)"))
    return None


def term_restarted(decision: Decision, message: Message) -> Refusal | None:
    """Force majeure, or a changed law: the full term runs again, with cause and basis (3.4.7)."""
    if not decision.clock(ClockName.HANDLING):
        return wrong_status(decision)
    cause, basis = message.body["cause"], message.body["basis"]
    _restart(decision, lazy("{cause}: {basis} (Regulation 3.4.7)", cause=cause, basis=basis))
    return None


def extension_requested(decision: Decision, message: Message) -> Refusal | None:
    """The unit asks for more time; granted or refused by the regulation itself (3.5)."""
    state = decision.state
    refused = _why_not_extend(decision, message)
    if refused is not None:
        missing = {"missing": list(refused.missing)} if refused.missing else {}
        decision.emit("extension.refused", why=refused.why, **missing)
        return None
    old = state.clocks[ClockName.HANDLING]
    state.extensions += 1
    state.extensions_since += 1
    due = term_from(decision, old.due)
    decision.emit("extension.granted", number=state.extensions, due=due)
    decision.new_run()
    number = state.extensions
    decision.move(
        ClockName.HANDLING, old.base, due, lazy("extension {n} (Regulation 3.5)", n=number)
    )
    return None


def _why_not_extend(decision: Decision, message: Message) -> Refusal | None:
    state, policy = decision.state, decision.context.policy
    clock = decision.clock(ClockName.HANDLING)
    if clock is None:
        return wrong_status(decision)
    if state.reworked:
        return Refusal(lazy("a second handling is not extended (Regulation 3.9)"))
    if state.extensions >= policy.extension.most:
        most = policy.extension.most
        return Refusal(lazy("only {n} extensions are allowed (Regulation 3.5)", n=most))
    closing = policy.hours.afternoon.ends
    last = policy.extension.ask_by.of(clock.due, decision.context.calendar, closing)
    if decision.at > last:
        until = last.isoformat()
        return Refusal(lazy("too late: to be asked by {until} (Regulation 3.5)", until=until))
    lacking = tuple(p for p in EXTENSION_PARTS if not filled(message.body.get(p)))
    if lacking:
        return Refusal(lazy("the request lacks: {names}", names=", ".join(lacking)), lacking)
    return None


def withdrew(decision: Decision, message: Message) -> Refusal | None:
    """The claimant withdraws: to the hotline, archived; to the unit, guided there (3.6)."""
    if decision.state.status not in OPEN:
        return wrong_status(decision)
    if message.body["to"] == "unit":
        if decision.state.unit is None:
            return wrong_status(decision)
        decision.emit("contact.recorded", purpose="withdrawal", unit=decision.state.unit)
        decision.notify("withdrawal_guidance", "claimant")
        return None
    decision.emit("ticket.withdrawn", to="hotline")
    decision.cancel()
    decision.state.status = Status.ARCHIVED
    decision.emit("ticket.archived")
    if decision.state.unit:
        decision.notify("withdrawn", "unit_contact", unit=decision.state.unit)
    return None


def joined(decision: Decision, message: Message) -> Refusal | None:
    """Another unit helps; the lead stays responsible (3.1, 3.9)."""
    if decision.state.unit is None or decision.state.status not in OPEN:
        return wrong_status(decision)
    join(decision, message.body["unit"])
    return None


def join(decision: Decision, unit: str) -> None:
    state = decision.state
    if unit != state.unit and unit not in state.co_units:
        state.co_units = [*state.co_units, unit]
    decision.emit("unit.joined", unit=unit)
    decision.notify("joined", "unit_contact", unit=unit)


def arrived(decision: Decision, message: Message) -> Refusal | None:
    """A unit is on site: the two hours of an emergency are met (3.4)."""
    if decision.state.status not in OPEN:
        return wrong_status(decision)
    decision.emit("site.arrived", unit=message.body["unit"])
    decision.stop(ClockName.ON_SITE)
    return None


def progressed(decision: Decision, message: Message) -> Refusal | None:
    """An interim report: the twenty-four hours of an emergency are met (3.4)."""
    if decision.state.status not in OPEN:
        return wrong_status(decision)
    decision.emit("progress.reported", {"text": message.body["text"]}, unit=message.body["unit"])
    decision.stop(ClockName.EMERGENCY_REPORT)
    return None


def urged(decision: Decision, message: Message) -> Refusal | None:
    """The desk urges a unit (5)."""
    if decision.state.status not in OPEN:
        return wrong_status(decision)
    unit, by = message.body["unit"], message.body["by"]
    decision.emit("unit.urged", {"text": message.body["text"]}, unit=unit, by=by)
    decision.notify("urged", "unit_contact", unit=unit)
    return None


def conduct(decision: Decision, message: Message) -> Refusal | None:
    """A case for talk-and-remind (约谈提醒) is registered (6.1)."""
    body = message.body
    decision.emit(
        "conduct.recorded", unit=body["unit"], ground=body["ground"], grave=body.get("grave", False)
    )
    return None
