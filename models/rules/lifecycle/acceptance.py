"""From receipt to acceptance: screening 2.2, dispatch, acceptance 3.1, return 3.2, dispute 3.3."""

from datetime import datetime
from typing import Any

from models.i18n import LazyText, lazy
from models.rules.lifecycle.decision import Decision, clock_key, filled, wrong_status
from models.rules.lifecycle.handling import begin_handling, join
from models.rules.messages import HOTLINE, Message, Refusal
from models.rules.state import Limit
from models.rules.vocabulary import OPEN, ClockName, Status

RETURN_PARTS = ("reason", "basis", "suggested_unit", "signed_by")


def received(decision: Decision, message: Message) -> Refusal | None:
    """A ticket arrives: declined by its code (2.2), or routed and dispatched (3.1)."""
    state, body = decision.state, message.body
    if state.received_at is not None:
        return Refusal(lazy("ticket {ticket} has been received before", ticket=message.ticket))
    state.received_at = decision.at
    state.category = body["category"]
    state.emergency = body.get("emergency")
    state.contact_wanted = body.get("claimant", {}).get("contact", "wanted") == "wanted"
    if limit := body.get("statutory_limit"):
        state.limit = Limit(str(limit.get("basis", "")), limit.get("workdays"), limit.get("hours"))
    policy = decision.context.policy
    data: dict[str, Any] = {"category": state.category, "policy": policy.document}
    if state.emergency:
        data["emergency"] = state.emergency
    if decision.at < policy.begins_at:
        data["note"] = lazy("older than the first policy; runs under the first")
    decision.emit("ticket.received", {"title": body["title"]}, **data)
    if code := body.get("declined"):
        decline(decision, code)
        return None
    for finding in message.findings:
        earlier = {"earlier": finding.earlier} if finding.earlier else {}
        decision.emit("screening.proposed", code=f"2.2.{finding.code}", why=finding.why, **earlier)
        if finding.code in policy.screening.decides:
            decline(decision, finding.code)
            return None
    route = message.route
    if route is None or route.unit is None:
        state.status = Status.MANUAL
        why = route.why if route else lazy("no rule names a unit")
        more: dict[str, Any] = {}
        if route and route.named:
            more["named"] = route.named
        if route and route.proposed:
            more |= {"proposed": route.proposed, "proposal": route.proposal}
        decision.emit("ticket.unrouted", why=why, **more)
        return None
    decision.emit("ticket.routed", unit=route.unit, why=route.why)
    dispatch(decision, route.unit)
    for unit in route.joined:
        join(decision, unit)
    return None


def decline(decision: Decision, code: str) -> None:
    """Do not take the matter, with the advice for its item (Regulation 2.2)."""
    decision.cancel()
    decision.state.status = Status.DECLINED
    advice = decision.context.policy.screening.advice.get(code, "")
    decision.emit("ticket.declined", code=f"2.2.{code}", advice=advice)
    decision.notify("declined", "claimant", code=f"2.2.{code}")


def screening_decided(decision: Decision, message: Message) -> Refusal | None:
    """An operator answers a proposal of the screening (2.2)."""
    if decision.state.status not in OPEN:
        return wrong_status(decision)
    code, by = message.body["code"], message.body["by"]
    decision.emit("screening.decided", code=f"2.2.{code}", decline=message.body["decline"], by=by)
    if message.body["decline"]:
        decline(decision, code)
    return None


def assigned(decision: Decision, message: Message) -> Refusal | None:
    """An operator chooses the unit of a ticket in the manual queue."""
    if decision.state.status not in (Status.MANUAL, Status.RECEIVED):
        return wrong_status(decision)
    unit, by = message.body["unit"], message.body["by"]
    why = message.body.get("why") or lazy("chosen by {by}", by=by)
    decision.emit("ticket.routed", unit=unit, why=why, by=by)
    dispatch(decision, unit)
    return None


def dispatch(decision: Decision, unit: str) -> None:
    """Hand the ticket to a unit: its acceptance term begins, an emergency's clocks too (3.1)."""
    decision.state.receipts[unit] = decision.at
    decision.emit("ticket.dispatched", unit=unit)
    decision.notify("dispatched", "unit_contact", unit=unit)
    hold(decision, unit)
    await_acceptance(decision)


def hold(decision: Decision, unit: str) -> None:
    """Make a unit the lead; an emergency's clocks start afresh with another unit, but those met."""
    state = decision.state
    if unit in state.co_units:
        state.co_units.remove(unit)
    if state.emergency and unit != state.unit:
        terms = decision.context.policy.terms
        for name, term in (
            (ClockName.ON_SITE, terms.on_site),
            (ClockName.EMERGENCY_REPORT, terms.emergency_report),
        ):
            before = state.clocks.get(name)
            if before is None or before.state != "met":
                decision.stop(name, "cancelled")
                decision.start(name, decision.at, decision.due(decision.at, term))
    if unit != state.unit:
        state.reached_early = False
    state.unit = unit


def await_acceptance(decision: Decision, why: LazyText | None = None) -> None:
    """Run the acceptance term of the unit in charge from its first receipt (3.1)."""
    state = decision.state
    assert state.unit is not None
    base = state.receipts[state.unit]
    state.status = Status.DISPATCHED
    decision.start(
        ClockName.ACCEPT, base, decision.due(base, decision.context.policy.terms.accept), why=why
    )


def accepted(decision: Decision, message: Message) -> Refusal | None:
    """The unit confirms that the matter is its own (3.1)."""
    if decision.state.status != Status.DISPATCHED:
        return wrong_status(decision)
    accept(decision)
    return None


def accept(decision: Decision) -> None:
    """Take the ticket on at the present moment, by word or by deed."""
    decision.emit("ticket.accepted", unit=decision.state.unit)
    decision.stop(ClockName.ACCEPT)
    begin_handling(decision, decision.at)


def deem_accepted(decision: Decision, due: datetime) -> None:
    """Silence counts as acceptance at the very moment the term ends (3.1)."""
    unit = decision.state.unit
    decision.change(ClockName.ACCEPT, state="expired", ended_at=due)
    decision.emit("ticket.deemed_accepted", unit=unit, effective_at=due)
    if decision.state.designated:
        why = lazy("designated by the district leader, it did not take the ticket")
        decision.emit("conduct.proposed", unit=unit, ground="refused_assignment", why=why)
    decision.notify("deemed_accepted", "unit_contact", unit=unit, effective_at=due)
    begin_handling(decision, due)


def returned(decision: Decision, message: Message) -> Refusal | None:
    """The unit refuses, with reasons, basis, a suggestion and a signed opinion (3.2)."""
    state = decision.state
    if state.status != Status.DISPATCHED:
        return wrong_status(decision)
    if state.may_not_return:
        return Refusal(lazy("{unit} may not return this ticket again", unit=str(state.unit)))
    lacking = tuple(p for p in RETURN_PARTS if not filled(message.body.get(p)))
    if lacking:
        names = ", ".join(lacking)
        return Refusal(lazy("the return lacks: {names}; the term runs on", names=names), lacking)
    state.status = Status.RETURNED
    state.suggested_unit = message.body["suggested_unit"]
    state.suggested_known = state.suggested_unit not in (*message.unknown, HOTLINE)
    parts = {p: message.body[p] for p in ("reason", "basis", "signed_by")}
    decision.emit("ticket.returned", parts, unit=state.unit, suggested_unit=state.suggested_unit)
    decision.stop(ClockName.ACCEPT, "cancelled")
    decision.notify("returned", "city_hotline", unit=state.unit)
    return None


def return_reviewed(decision: Decision, message: Message) -> Refusal | None:
    """The city agrees: another unit, a new term; or not: the same unit goes on (3.2)."""
    state = decision.state
    if state.status != Status.RETURNED:
        return wrong_status(decision)
    if not message.body["approved"]:
        state.may_not_return = True
        decision.emit("return.refused", unit=state.unit)
        decision.notify("return_refused", "unit_contact", unit=state.unit)
        await_acceptance(
            decision,
            lazy("the city refused the return: counted from the first receipt (Regulation 3.2)"),
        )
        return None
    unit = message.body.get("unit") or str(state.suggested_unit)
    if not message.body.get("unit") and not state.suggested_known:
        return Refusal(lazy("suggested unit {unit} is not known; name one in `unit`", unit=unit))
    state.may_not_return = False
    state.designated = False
    state.suggested_unit = None
    decision.emit("return.approved", unit=unit)
    dispatch(decision, unit)
    return None


def dispute_opened(decision: Decision, message: Message) -> Refusal | None:
    """Units disagree whose matter it is: each gives evidence within half a working day (3.3)."""
    state = decision.state
    if state.status not in (Status.DISPATCHED, Status.RETURNED):
        return wrong_status(decision)
    state.status = Status.DISPUTED
    units = list(dict.fromkeys(message.body["units"]))
    decision.emit("dispute.opened", units=units)
    decision.stop(ClockName.ACCEPT, "cancelled")
    due = decision.due(decision.at, decision.context.policy.terms.evidence)
    for unit in units:
        decision.start(ClockName.EVIDENCE, decision.at, due, unit=unit)
        decision.notify("evidence_asked", "unit_contact", unit=unit)
    return None


def dispute_evidence(decision: Decision, message: Message) -> Refusal | None:
    """A unit in a dispute hands in its evidence (3.3)."""
    unit = message.body["unit"]
    key = clock_key(ClockName.EVIDENCE, unit)
    if decision.state.status != Status.DISPUTED:
        return wrong_status(decision)
    if key not in decision.state.clocks:
        return Refusal(lazy("{unit} is no party to the dispute", unit=unit))
    decision.emit("dispute.evidence", {"documents": message.body["documents"]}, unit=unit)
    decision.stop(key)
    return None


def dispute_decided(decision: Decision, message: Message) -> Refusal | None:
    """The desk decides, or the district leader designates; held to the first receipt (3.3)."""
    state = decision.state
    if state.status != Status.DISPUTED:
        return wrong_status(decision)
    unit = message.body["unit"]
    decision.emit("dispute.decided", unit=unit, by=message.body["by"])
    decision.cancel(ClockName.EVIDENCE)
    state.may_not_return = True
    state.designated = message.body["by"] == "leader"
    state.suggested_unit = None
    if unit not in state.receipts:
        dispatch(decision, unit)
        return None
    hold(decision, unit)
    decision.notify("designated", "unit_contact", unit=unit)
    await_acceptance(
        decision, lazy("decided in a dispute: counted from the first receipt (Regulation 3.3)")
    )
    return None
