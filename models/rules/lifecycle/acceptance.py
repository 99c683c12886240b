"""From receipt to acceptance: screening 2.2, dispatch, acceptance 3.1, return 3.2, dispute 3.3."""

from datetime import datetime

from msgspec import UNSET

from models.i18n import LazyText, lazy
from models.rules import events, messages
from models.rules.events import NoticeQueued
from models.rules.lifecycle.decision import Decision, clock_key, has_content, wrong_status
from models.rules.lifecycle.handling import begin_handling, join
from models.rules.messages import HOTLINE, Refusal, Route
from models.rules.screening import EMERGENCY_LINE
from models.rules.vocabulary import (
    OPEN,
    ClockName,
    ClockState,
    ContactWish,
    Decider,
    Ground,
    NoticeKind,
    Recipient,
    Status,
)

RETURN_PARTS = ("reason", "basis", "suggested_unit", "signed_by")


def received(decision: Decision, content: messages.TicketReceived) -> Refusal | None:
    """Begin a ticket: decline it by its code (2.2), or route and dispatch it (3.1)."""
    state, message = decision.state, decision.message
    assert message is not None
    if state.received_at is not None:
        return Refusal(lazy("ticket {ticket} has been received before", ticket=message.ticket))
    state.received_at = decision.at
    state.category = content.category
    state.emergency = content.emergency
    state.contact_wanted = content.claimant.contact == ContactWish.WANTED
    state.limit = content.statutory_limit
    policy = decision.context.policy
    note = lazy("older than the first policy; runs under the first")
    decision.emit(
        events.TicketReceived(
            category=content.category,
            policy=policy.document,
            emergency=content.emergency or UNSET,
            note=note if decision.at < policy.begins_at else UNSET,
            title=content.title,
        )
    )
    decision.state.emergency_line = next((f.number for f in message.findings if f.number), None)
    if content.declined:
        decline(decision, content.declined)
        return None
    for finding in message.findings:
        decision.emit(
            events.ScreeningProposed(
                code=f"2.2.{finding.code}", why=finding.why, earlier=finding.earlier or UNSET
            )
        )
        if finding.code in policy.screening.decides:
            decline(decision, finding.code)
            return None
    _route(decision, message.route or Route(None, lazy("no rule names a unit")))
    return None


def _route(decision: Decision, route: Route) -> None:
    if route.unit is None:
        decision.state.status = Status.MANUAL
        decision.emit(
            events.TicketUnrouted(
                why=route.why,
                named=route.named or UNSET,
                proposed=route.proposed or UNSET,
                proposal=route.proposal if route.proposed else UNSET,
            )
        )
        return
    decision.emit(events.TicketRouted(unit=route.unit, why=route.why))
    dispatch(decision, route.unit)
    for unit in route.joined:
        join(decision, unit)


def decline(decision: Decision, code: str) -> None:
    """Decline the matter, with the advice for its item (Regulation 2.2)."""
    decision.cancel_clocks()
    decision.state.status = Status.DECLINED
    number = decision.state.emergency_line if code == EMERGENCY_LINE else None
    advice = decision.context.policy.screening.advice_for(code, number)
    decision.emit(events.TicketDeclined(code=f"2.2.{code}", advice=advice))
    decision.emit(
        NoticeQueued(
            kind=NoticeKind.DECLINED,
            role=Recipient.CLAIMANT,
            code=f"2.2.{code}",
            number=number or UNSET,
        )
    )


def screening_decided(decision: Decision, content: messages.ScreeningDecided) -> Refusal | None:
    """Apply an operator's answer to a proposal of the screening (2.2)."""
    if decision.state.status not in OPEN:
        return wrong_status(decision)
    decision.emit(
        events.ScreeningDecided(code=f"2.2.{content.code}", decline=content.decline, by=content.by)
    )
    if content.decline:
        decline(decision, content.code)
    return None


def assigned(decision: Decision, content: messages.TicketAssigned) -> Refusal | None:
    """Dispatch a ticket of the manual queue to the unit that an operator chose."""
    if decision.state.status not in (Status.MANUAL, Status.RECEIVED):
        return wrong_status(decision)
    why = content.why or lazy("chosen by {by}", by=content.by)
    decision.emit(events.TicketRouted(unit=content.unit, why=why, by=content.by))
    dispatch(decision, content.unit)
    return None


def dispatch(decision: Decision, unit: str) -> None:
    """Dispatch the ticket to a unit; start its acceptance term and an emergency's clocks (3.1)."""
    decision.state.receipts[unit] = decision.at
    decision.emit(events.TicketDispatched(unit=unit))
    decision.emit(NoticeQueued(kind=NoticeKind.DISPATCHED, role=Recipient.UNIT_CONTACT, unit=unit))
    put_in_charge(decision, unit)
    await_acceptance(decision)


def put_in_charge(decision: Decision, unit: str) -> None:
    """Make a unit the lead; if it is another one, restart an emergency's clocks but those met."""
    state = decision.state
    state.co_units = tuple(u for u in state.co_units if u != unit)
    if state.emergency and unit != state.unit:
        terms = decision.context.policy.terms
        for name, term in (
            (ClockName.ON_SITE, terms.on_site),
            (ClockName.EMERGENCY_REPORT, terms.emergency_report),
        ):
            before = state.clocks.get(name)
            if before is None or before.state != ClockState.MET:
                decision.stop_clock(name, ClockState.CANCELLED)
                decision.start_clock(name, decision.at, decision.due(decision.at, term))
    if unit != state.unit:
        state.reached_early = False
    state.unit = unit


def await_acceptance(decision: Decision, why: LazyText | None = None) -> None:
    """Run the acceptance term of the unit in charge from its first receipt (3.1)."""
    state = decision.state
    assert state.unit is not None
    base = state.receipts[state.unit]
    state.status = Status.DISPATCHED
    due = decision.due(base, decision.context.policy.terms.accept)
    decision.start_clock(ClockName.ACCEPT, base, due, why=why)


def accepted(decision: Decision, _content: messages.UnitAccepted) -> Refusal | None:
    """Accept the ticket, as its unit confirms that the matter is its own (3.1)."""
    if decision.state.status != Status.DISPATCHED:
        return wrong_status(decision)
    accept(decision)
    return None


def accept(decision: Decision) -> None:
    """Accept the ticket for its unit and begin its handling (3.1)."""
    decision.emit(events.TicketAccepted(unit=decision.state.unit))
    decision.stop_clock(ClockName.ACCEPT)
    begin_handling(decision, decision.at)


def deem_accepted(decision: Decision, due: datetime) -> None:
    """Deem the ticket accepted at the moment its acceptance term ends (3.1)."""
    unit = decision.state.unit
    decision.change_clock(ClockName.ACCEPT, state=ClockState.EXPIRED, ended_at=due)
    decision.emit(events.TicketDeemedAccepted(unit=unit, effective_at=due))
    if decision.state.designated:
        why = lazy("designated by the district leader, it did not take the ticket")
        decision.emit(events.ConductProposed(unit=unit, ground=Ground.REFUSED_ASSIGNMENT, why=why))
    decision.emit(
        NoticeQueued(
            kind=NoticeKind.DEEMED_ACCEPTED,
            role=Recipient.UNIT_CONTACT,
            unit=unit,
            effective_at=due,
        )
    )
    begin_handling(decision, due)


def returned(decision: Decision, content: messages.UnitReturned) -> Refusal | None:
    """Return the ticket, with reasons, basis, a suggested unit and a signed opinion (3.2)."""
    state, message = decision.state, decision.message
    assert message is not None
    if state.status != Status.DISPATCHED:
        return wrong_status(decision)
    if state.may_not_return:
        return Refusal(lazy("{unit} may not return this ticket again", unit=str(state.unit)))
    lacking = tuple(part for part in RETURN_PARTS if not has_content(getattr(content, part)))
    if lacking:
        names = ", ".join(lacking)
        return Refusal(lazy("the return lacks: {names}; the term runs on", names=names), lacking)
    state.status = Status.RETURNED
    state.suggested_unit = content.suggested_unit
    state.suggested_known = state.suggested_unit not in (*message.unknown, HOTLINE)
    decision.emit(
        events.TicketReturned(
            unit=state.unit,
            suggested_unit=state.suggested_unit,
            reason=content.reason,
            basis=content.basis,
            signed_by=content.signed_by,
        )
    )
    decision.stop_clock(ClockName.ACCEPT, ClockState.CANCELLED)
    decision.emit(
        NoticeQueued(kind=NoticeKind.RETURNED, role=Recipient.CITY_HOTLINE, unit=state.unit)
    )
    return None


def return_reviewed(decision: Decision, content: messages.ReturnReviewed) -> Refusal | None:
    """Dispatch to another unit if the city approves the return; else the same one goes on (3.2)."""
    state = decision.state
    if state.status != Status.RETURNED:
        return wrong_status(decision)
    if not content.approved:
        state.may_not_return = True
        decision.emit(events.ReturnRefused(unit=state.unit))
        decision.emit(
            NoticeQueued(
                kind=NoticeKind.RETURN_REFUSED, role=Recipient.UNIT_CONTACT, unit=state.unit
            )
        )
        await_acceptance(
            decision,
            lazy("the city refused the return: counted from the first receipt (Regulation 3.2)"),
        )
        return None
    unit = content.unit or str(state.suggested_unit)
    if not content.unit and not state.suggested_known:
        return Refusal(lazy("suggested unit {unit} is not known; name one in `unit`", unit=unit))
    state.may_not_return = False
    state.designated = False
    state.suggested_unit = None
    decision.emit(events.ReturnApproved(unit=unit))
    dispatch(decision, unit)
    return None


def dispute_opened(decision: Decision, content: messages.DisputeOpened) -> Refusal | None:
    """Open a dispute between units, each to give evidence within half a working day (3.3)."""
    state = decision.state
    if state.status not in (Status.DISPATCHED, Status.RETURNED):
        return wrong_status(decision)
    state.status = Status.DISPUTED
    units = tuple(dict.fromkeys(content.units))
    decision.emit(events.DisputeOpened(units=units))
    decision.stop_clock(ClockName.ACCEPT, ClockState.CANCELLED)
    due = decision.due(decision.at, decision.context.policy.terms.evidence)
    for unit in units:
        decision.start_clock(ClockName.EVIDENCE, decision.at, due, unit=unit)
        decision.emit(
            NoticeQueued(kind=NoticeKind.EVIDENCE_ASKED, role=Recipient.UNIT_CONTACT, unit=unit)
        )
    return None


def dispute_evidence(decision: Decision, content: messages.DisputeEvidence) -> Refusal | None:
    """Record the evidence of a unit in a dispute (3.3)."""
    unit = content.unit
    key = clock_key(ClockName.EVIDENCE, unit)
    if decision.state.status != Status.DISPUTED:
        return wrong_status(decision)
    if key not in decision.state.clocks:
        return Refusal(lazy("{unit} is no party to the dispute", unit=unit))
    decision.emit(events.DisputeEvidence(unit=unit, documents=content.documents))
    decision.stop_clock(key)
    return None


def dispute_decided(decision: Decision, content: messages.DisputeDecided) -> Refusal | None:
    """Dispatch to the unit decided or designated, counted from its first receipt (3.3)."""
    state, unit = decision.state, content.unit
    if state.status != Status.DISPUTED:
        return wrong_status(decision)
    decision.emit(events.DisputeDecided(unit=unit, by=content.by))
    decision.cancel_clocks(ClockName.EVIDENCE)
    state.may_not_return = True
    state.designated = content.by == Decider.LEADER
    state.suggested_unit = None
    if unit not in state.receipts:
        dispatch(decision, unit)
        return None
    put_in_charge(decision, unit)
    decision.emit(NoticeQueued(kind=NoticeKind.DESIGNATED, role=Recipient.UNIT_CONTACT, unit=unit))
    await_acceptance(
        decision, lazy("decided in a dispute: counted from the first receipt (Regulation 3.3)")
    )
    return None
