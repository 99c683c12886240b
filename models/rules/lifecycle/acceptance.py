"""From receipt to acceptance: screening 2.2, dispatch, acceptance 3.1, return 3.2, dispute 3.3."""

from datetime import datetime
from typing import Any

from models.labels import Said, say
from models.rules.lifecycle.handling import begin_handling, join
from models.rules.lifecycle.life import Life, clock_key, filled, wrong_state
from models.rules.messages import HOTLINE, Message, Refusal
from models.rules.state import (
    ACCEPT,
    DECLINED,
    DISPATCHED,
    DISPUTED,
    EVIDENCE,
    MANUAL,
    ON_SITE,
    OPEN,
    RECEIVED,
    REPORT,
    RETURNED,
    Limit,
)

RETURN_PARTS = ("reason", "basis", "suggested_unit", "signed_by")


def received(life: Life, message: Message) -> Refusal | None:
    """A ticket arrives: declined by its code (2.2), or routed and dispatched (3.1)."""
    state, body = life.state, message.body
    if state.received_at is not None:
        return Refusal(say("ticket {ticket} has been received before", ticket=message.ticket))
    state.received_at = life.at
    state.category = body["category"]
    state.emergency = body.get("emergency")
    state.contact_wanted = body.get("claimant", {}).get("contact", "wanted") == "wanted"
    if limit := body.get("statutory_limit"):
        state.limit = Limit(str(limit.get("basis", "")), limit.get("workdays"), limit.get("hours"))
    policy = life.stage.policy
    data: dict[str, Any] = {"category": state.category, "policy": policy.document}
    if state.emergency:
        data["emergency"] = state.emergency
    if life.at < policy.begins_at:
        data["note"] = say("older than the first policy; runs under the first")
    life.emit("ticket.received", {"title": body["title"]}, **data)
    if code := body.get("declined"):
        decline(life, code)
        return None
    for finding in message.findings:
        earlier = {"earlier": finding.earlier} if finding.earlier else {}
        life.emit("screening.proposed", code=f"2.2.{finding.code}", why=finding.why, **earlier)
        if finding.code in policy.screening.decides:
            decline(life, finding.code)
            return None
    route = message.route
    if route is None or route.unit is None:
        state.status = MANUAL
        why = route.why if route else say("no rule names a unit")
        more: dict[str, Any] = {}
        if route and route.named:
            more["named"] = route.named
        if route and route.proposed:
            more |= {"proposed": route.proposed, "proposal": route.proposal}
        life.emit("ticket.unrouted", why=why, **more)
        return None
    life.emit("ticket.routed", unit=route.unit, why=route.why)
    dispatch(life, route.unit)
    for unit in route.joined:
        join(life, unit)
    return None


def decline(life: Life, code: str) -> None:
    """Do not take the matter, with the advice for its item (Regulation 2.2)."""
    life.cancel()
    life.state.status = DECLINED
    advice = life.stage.policy.screening.advice.get(code, "")
    life.emit("ticket.declined", code=f"2.2.{code}", advice=advice)
    life.notify("declined", "claimant", code=f"2.2.{code}")


def screening_decided(life: Life, message: Message) -> Refusal | None:
    """An operator answers a proposal of the screening (2.2)."""
    if life.state.status not in OPEN:
        return wrong_state(life)
    code, by = message.body["code"], message.body["by"]
    life.emit("screening.decided", code=f"2.2.{code}", decline=message.body["decline"], by=by)
    if message.body["decline"]:
        decline(life, code)
    return None


def assigned(life: Life, message: Message) -> Refusal | None:
    """An operator chooses the unit of a ticket in the manual queue."""
    if life.state.status not in (MANUAL, RECEIVED):
        return wrong_state(life)
    unit, by = message.body["unit"], message.body["by"]
    why = message.body.get("why") or say("chosen by {by}", by=by)
    life.emit("ticket.routed", unit=unit, why=why, by=by)
    dispatch(life, unit)
    return None


def dispatch(life: Life, unit: str) -> None:
    """Hand the ticket to a unit: its acceptance term begins, an emergency's clocks too (3.1)."""
    life.state.receipts[unit] = life.at
    life.emit("ticket.dispatched", unit=unit)
    life.notify("dispatched", "unit_contact", unit=unit)
    hold(life, unit)
    await_acceptance(life)


def hold(life: Life, unit: str) -> None:
    """Make a unit the lead; an emergency's clocks start afresh with another unit, but those met."""
    state = life.state
    if unit in state.co_units:
        state.co_units.remove(unit)
    if state.emergency and unit != state.unit:
        terms = life.stage.policy.terms
        for name, term in ((ON_SITE, terms.on_site), (REPORT, terms.emergency_report)):
            before = state.clocks.get(name)
            if before is None or before.state != "met":
                life.stop(name, "cancelled")
                life.start(name, life.at, life.due(life.at, term))
    if unit != state.unit:
        state.reached_early = False
    state.unit = unit


def await_acceptance(life: Life, why: Said | None = None) -> None:
    """Run the acceptance term of the unit in charge from its first receipt (3.1)."""
    state = life.state
    assert state.unit is not None
    base = state.receipts[state.unit]
    state.status = DISPATCHED
    life.start(ACCEPT, base, life.due(base, life.stage.policy.terms.accept), why=why)


def accepted(life: Life, message: Message) -> Refusal | None:
    """The unit confirms that the matter is its own (3.1)."""
    if life.state.status != DISPATCHED:
        return wrong_state(life)
    accept(life)
    return None


def accept(life: Life) -> None:
    """Take the ticket on at the present moment, by word or by deed."""
    life.emit("ticket.accepted", unit=life.state.unit)
    life.stop(ACCEPT)
    begin_handling(life, life.at)


def deem_accepted(life: Life, due: datetime) -> None:
    """Silence counts as acceptance at the very moment the term ends (3.1)."""
    unit = life.state.unit
    life.change(ACCEPT, state="expired", ended_at=due)
    life.emit("ticket.deemed_accepted", unit=unit, effective_at=due)
    if life.state.designated:
        why = say("designated by the district leader, it did not take the ticket")
        life.emit("conduct.proposed", unit=unit, ground="refused_assignment", why=why)
    life.notify("deemed_accepted", "unit_contact", unit=unit, effective_at=due)
    begin_handling(life, due)


def returned(life: Life, message: Message) -> Refusal | None:
    """The unit refuses, with reasons, basis, a suggestion and a signed opinion (3.2)."""
    state = life.state
    if state.status != DISPATCHED:
        return wrong_state(life)
    if state.may_not_return:
        return Refusal(say("{unit} may not return this ticket again", unit=str(state.unit)))
    lacking = tuple(p for p in RETURN_PARTS if not filled(message.body.get(p)))
    if lacking:
        names = ", ".join(lacking)
        return Refusal(say("the return lacks: {names}; the term runs on", names=names), lacking)
    state.status = RETURNED
    state.suggested_unit = message.body["suggested_unit"]
    state.suggested_known = state.suggested_unit not in (*message.unknown, HOTLINE)
    parts = {p: message.body[p] for p in ("reason", "basis", "signed_by")}
    life.emit("ticket.returned", parts, unit=state.unit, suggested_unit=state.suggested_unit)
    life.stop(ACCEPT, "cancelled")
    life.notify("returned", "city_hotline", unit=state.unit)
    return None


def return_reviewed(life: Life, message: Message) -> Refusal | None:
    """The city agrees: another unit, a new term; or not: the same unit goes on (3.2)."""
    state = life.state
    if state.status != RETURNED:
        return wrong_state(life)
    if not message.body["approved"]:
        state.may_not_return = True
        life.emit("return.refused", unit=state.unit)
        life.notify("return_refused", "unit_contact", unit=state.unit)
        await_acceptance(
            life,
            say("the city refused the return: counted from the first receipt (Regulation 3.2)"),
        )
        return None
    unit = message.body.get("unit") or str(state.suggested_unit)
    if not message.body.get("unit") and not state.suggested_known:
        return Refusal(say("suggested unit {unit} is not known; name one in `unit`", unit=unit))
    state.may_not_return = False
    state.designated = False
    state.suggested_unit = None
    life.emit("return.approved", unit=unit)
    dispatch(life, unit)
    return None


def dispute_opened(life: Life, message: Message) -> Refusal | None:
    """Units disagree whose matter it is: each gives evidence within half a working day (3.3)."""
    state = life.state
    if state.status not in (DISPATCHED, RETURNED):
        return wrong_state(life)
    state.status = DISPUTED
    units = list(dict.fromkeys(message.body["units"]))
    life.emit("dispute.opened", units=units)
    life.stop(ACCEPT, "cancelled")
    due = life.due(life.at, life.stage.policy.terms.evidence)
    for unit in units:
        life.start(EVIDENCE, life.at, due, unit=unit)
        life.notify("evidence_asked", "unit_contact", unit=unit)
    return None


def dispute_evidence(life: Life, message: Message) -> Refusal | None:
    """A unit in a dispute hands in its evidence (3.3)."""
    unit = message.body["unit"]
    key = clock_key(EVIDENCE, unit)
    if life.state.status != DISPUTED:
        return wrong_state(life)
    if key not in life.state.clocks:
        return Refusal(say("{unit} is no party to the dispute", unit=unit))
    life.emit("dispute.evidence", {"documents": message.body["documents"]}, unit=unit)
    life.stop(key)
    return None


def dispute_decided(life: Life, message: Message) -> Refusal | None:
    """The desk decides, or the district leader designates; held to the first receipt (3.3)."""
    state = life.state
    if state.status != DISPUTED:
        return wrong_state(life)
    unit = message.body["unit"]
    life.emit("dispute.decided", unit=unit, by=message.body["by"])
    life.cancel(EVIDENCE)
    state.may_not_return = True
    state.designated = message.body["by"] == "leader"
    state.suggested_unit = None
    if unit not in state.receipts:
        dispatch(life, unit)
        return None
    hold(life, unit)
    life.notify("designated", "unit_contact", unit=unit)
    await_acceptance(
        life, say("decided in a dispute: counted from the first receipt (Regulation 3.3)")
    )
    return None
