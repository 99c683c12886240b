"""From receipt to acceptance: screening 2.2, dispatch, acceptance 3.1, return 3.2, dispute 3.3."""

from datetime import datetime

from msgspec import UNSET

from models.i18n import N_, LazyText, PrivateText, lazy
from models.rules import events, messages
from models.rules.lifecycle.decision import Decision, clock_key, lacks, wrong_status
from models.rules.lifecycle.handling import (
    begin_handling,
    join,
    start_emergency_clock,
)
from models.rules.messages import HOTLINE, Refusal, Route, named_topic
from models.rules.screening import EMERGENCY_LINE
from models.rules.state import Clock
from models.rules.vocabulary import (
    EMERGENCY_CLOCKS,
    OPEN,
    ClockName,
    ClockState,
    ContactPurpose,
    ContactWish,
    Decider,
    Ground,
    NoticeKind,
    Recipient,
    Status,
)

_FEWEST_PARTIES = 2


def received(decision: Decision, content: messages.TicketReceived) -> Refusal | None:
    """Begin a ticket: decline it by its code (2.2), or route and dispatch it (3.1)."""
    state, message = decision.state, decision.message
    assert message is not None
    if state.received_at is not None:
        return Refusal(lazy("ticket {ticket} has been received before", ticket=message.ticket))
    state.received_at = decision.at
    state.category = content.category
    state.emergency = content.emergency
    state.topic = named_topic(message, content.topic)
    state.contact_wanted = content.claimant.contact == ContactWish.WANTED
    state.limit = content.statutory_limit
    policy = decision.context.policy
    older = decision.at < policy.begins_at
    decision.emit(
        events.TicketReceived(
            category=content.category,
            policy=policy.document,
            emergency=content.emergency or UNSET,
            topic=message.topic or UNSET,
            note=lazy("older than the first policy; runs under the first") if older else UNSET,
            title=PrivateText("title"),
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
    if (proposed := message.proposed_topic) is not None:
        decision.emit(
            events.TopicProposed(
                topic=proposed.code, certainty=proposed.certainty, why=proposed.why
            )
        )
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
        decision.start_duty(ClockName.ASSIGNMENT, Recipient.DISTRICT_DESK)
        decision.notify(NoticeKind.UNROUTED, Recipient.DISTRICT_DESK)
        return
    decision.emit(events.TicketRouted(unit=route.unit, why=route.why))
    dispatch(decision, route.unit)
    for unit in route.joined:
        if unit != route.unit:
            join(decision, unit)


def decline(decision: Decision, code: str) -> None:
    """Decline the matter, with the advice for its item (Regulation 2.2)."""
    decision.cancel_clocks()
    decision.state.status = Status.DECLINED
    number = decision.state.emergency_line if code == EMERGENCY_LINE else None
    advice = decision.context.policy.screening.advice_for(code, number)
    decision.emit(events.TicketDeclined(code=f"2.2.{code}", advice=advice))
    decision.notify(
        NoticeKind.DECLINED, Recipient.CLAIMANT, code=f"2.2.{code}", number=number or UNSET
    )
    decision.notify_unit(NoticeKind.RELEASED, decision.state.unit)


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
    chosen = lazy("chosen by {by}", by=content.by)
    why = lazy("{why}", why=content.why) if content.why else chosen
    decision.emit(events.TicketRouted(unit=content.unit, why=why, by=content.by))
    decision.stop_clock(ClockName.ASSIGNMENT)
    dispatch(decision, content.unit)
    return None


def reassigned(decision: Decision, content: messages.TicketReassigned) -> Refusal | None:
    """Dispatch to another unit, as the desk takes back its own misrouting (decisions 36, 42)."""
    state, former = decision.state, decision.state.unit
    if state.status not in (Status.DISPATCHED, Status.HANDLING):
        return wrong_status(decision)
    if state.reworked:
        return Refusal(lazy("in a second handling, name the unit when it is asked for"))
    if state.designated:
        return Refusal(lazy("the district leader has designated {unit}", unit=str(former)))
    if content.unit == former:
        return Refusal(lazy("{unit} has the ticket already", unit=content.unit))
    decision.emit(events.TicketReassigned(unit=content.unit, by=content.by, why=content.why))
    decision.cancel_clocks(ClockName.ACCEPT, ClockName.HANDLING, ClockName.FIRST_CONTACT)
    dispatch(decision, content.unit)
    decision.notify_unit(NoticeKind.RELEASED, former)
    return None


def dispatch(decision: Decision, unit: str, kind: NoticeKind = NoticeKind.DISPATCHED) -> None:
    """Dispatch the ticket to a unit; start its acceptance term and an emergency's clocks (3.1)."""
    state = decision.state
    state.receipts[unit] = decision.at
    # its present holding begins: what it did in an earlier one does not count in it
    state.reached.pop(unit, None)
    first = ContactPurpose.FIRST
    if unit in state.evidenced.get(first, ()):
        state.evidenced[first] = tuple(u for u in state.evidenced[first] if u != unit)
    decision.emit(events.TicketDispatched(unit=unit))
    decision.notify_unit(kind, unit)
    put_in_charge(decision, unit)
    await_acceptance(decision)


def put_in_charge(decision: Decision, unit: str) -> None:
    """Make a unit the lead; if it is another one, restart an emergency's clocks but those met."""
    state = decision.state
    before, state.unit = state.unit, unit
    state.co_units = tuple(u for u in state.co_units if u != unit)
    state.deemed = False
    if unit != before:
        state.may_not_return = unit in state.barred
    if state.emergency and unit != before:
        for name in EMERGENCY_CLOCKS:
            clock = state.clocks.get(name)
            if clock is None or clock.state != ClockState.MET:
                decision.stop_clock(name, ClockState.CANCELLED)
                start_emergency_clock(decision, name)


def await_acceptance(decision: Decision, why: LazyText | None = None) -> None:
    """Run the acceptance term of the unit in charge from its first receipt (3.1)."""
    state = decision.state
    assert state.unit is not None
    base = state.receipts[state.unit]
    state.status = Status.DISPATCHED
    due = decision.due(base, decision.context.policy.terms.accept)
    decision.start_clock(ClockName.ACCEPT, base, due, why=why)


def accepted(decision: Decision, _content: messages.UnitAccepted) -> Refusal | None:
    """Accept the ticket, as its unit confirms that the matter is its own (3.1).

    One that was deemed accepted is still taken on, once, which changes no clock (decision 30a).
    """
    state = decision.state
    if state.status == Status.DISPATCHED:
        accept(decision)
    elif state.status == Status.HANDLING and state.deemed:
        state.deemed = False
        decision.emit(events.TicketAccepted(unit=state.unit, late=True))
    else:
        return wrong_status(decision)
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
    decision.state.deemed = True
    decision.notify_unit(NoticeKind.DEEMED_ACCEPTED, unit, effective_at=due)
    begin_handling(decision, due)


def returned(decision: Decision, content: messages.UnitReturned) -> Refusal | None:
    """Return the ticket, with reasons, basis, a suggested unit and a signed opinion (3.2)."""
    state = decision.state
    if state.status != Status.DISPATCHED:
        return wrong_status(decision)
    if state.may_not_return:
        return Refusal(lazy("{unit} may not return this ticket again", unit=str(state.unit)))
    refusal = lacks(content, N_("the return lacks: {names}; the term runs on"))
    if refusal is not None:
        return refusal
    state.status = Status.RETURNED
    suggested = content.suggested_unit
    known = isinstance(suggested, str) and suggested != HOTLINE
    state.suggested_unit = suggested if isinstance(suggested, str) and known else None
    state.suggested_known = known
    decision.emit(
        events.TicketReturned(
            unit=state.unit,
            suggested_unit=suggested,
            reason=content.reason,
            basis=content.basis,
            signed_by=content.signed_by,
        )
    )
    decision.stop_clock(ClockName.ACCEPT, ClockState.CANCELLED)
    decision.start_duty(ClockName.RETURN_REVIEW, Recipient.CITY_HOTLINE)
    decision.notify(NoticeKind.RETURNED, Recipient.CITY_HOTLINE, state.unit)
    return None


def return_reviewed(decision: Decision, content: messages.ReturnReviewed) -> Refusal | None:
    """Dispatch to another unit if the city approves the return; else the same one goes on (3.2)."""
    state = decision.state
    if state.status != Status.RETURNED:
        return wrong_status(decision)
    if not content.approved:
        _bar(decision, str(state.unit))
        decision.emit(events.ReturnRefused(unit=state.unit))
        decision.stop_clock(ClockName.RETURN_REVIEW)
        decision.notify_unit(NoticeKind.RETURN_REFUSED, state.unit)
        await_acceptance(
            decision,
            lazy("the city refused the return: counted from the first receipt (Regulation 3.2)"),
        )
        return None
    unit = content.unit or state.suggested_unit
    if unit is None:
        return Refusal(lazy("the suggested unit is not known; name one in `unit`"))
    former = state.unit
    state.suggested_unit = None
    decision.emit(events.ReturnApproved(unit=unit))
    decision.stop_clock(ClockName.RETURN_REVIEW)
    dispatch(decision, unit)
    if former != unit:
        decision.notify_unit(NoticeKind.RELEASED, former)
    return None


def _bar(decision: Decision, unit: str) -> None:
    """Let a unit never return this ticket again, wherever it goes meanwhile (decision 10)."""
    state = decision.state
    state.barred = tuple(dict.fromkeys((*state.barred, unit)))
    state.may_not_return = unit == state.unit


def dispute_opened(decision: Decision, content: messages.DisputeOpened) -> Refusal | None:
    """Open a dispute between units, each to give evidence within half a working day (3.3).

    The unit that holds the ticket is always a party (decision 11).
    """
    state = decision.state
    if state.status not in (Status.DISPATCHED, Status.RETURNED):
        return wrong_status(decision)
    if state.designated:
        return Refusal(lazy("the district leader has designated {unit}", unit=str(state.unit)))
    units = tuple(dict.fromkeys((*content.units, str(state.unit))))
    if len(units) < _FEWEST_PARTIES:
        return Refusal(lazy("a dispute needs another unit than {unit}", unit=str(state.unit)))
    state.status = Status.DISPUTED
    state.parties = units
    state.suggested_unit = None
    decision.emit(events.DisputeOpened(units=units))
    decision.cancel_clocks(ClockName.ACCEPT, ClockName.RETURN_REVIEW)
    due = decision.due(decision.at, decision.context.policy.terms.evidence)
    for unit in units:
        decision.start_clock(ClockName.EVIDENCE, decision.at, due, holder=unit, unit=unit)
        decision.notify_unit(NoticeKind.EVIDENCE_ASKED, unit)
    decision.start_duty(ClockName.MEDIATION, Recipient.DISTRICT_DESK, base=due)
    decision.notify(NoticeKind.DISPUTE_OPENED, Recipient.DISTRICT_DESK)
    return None


def dispute_evidence(decision: Decision, content: messages.DisputeEvidence) -> Refusal | None:
    """Record the evidence of a unit in a dispute (3.3)."""
    unit = content.unit
    if decision.state.status != Status.DISPUTED:
        return wrong_status(decision)
    if unit not in decision.state.parties:
        return Refusal(lazy("{unit} is no party to the dispute", unit=unit))
    if (refusal := lacks(content)) is not None:
        return refusal
    decision.emit(events.DisputeEvidence(unit=unit, documents=content.documents))
    decision.stop_clock(clock_key(ClockName.EVIDENCE, unit))
    return None


def dispute_decided(decision: Decision, content: messages.DisputeDecided) -> Refusal | None:
    """Dispatch to the unit decided or designated, counted from its first receipt (3.3)."""
    state, unit = decision.state, content.unit
    if state.status != Status.DISPUTED:
        return wrong_status(decision)
    others = [party for party in state.parties if party != unit]
    decision.emit(events.DisputeDecided(unit=unit, by=content.by))
    decision.cancel_clocks(ClockName.EVIDENCE)
    decision.stop_clock(ClockName.MEDIATION)
    _bar(decision, unit)
    state.designated = content.by == Decider.LEADER
    state.parties = ()
    if unit in state.receipts:
        put_in_charge(decision, unit)
        decision.notify_unit(NoticeKind.DESIGNATED, unit)
        await_acceptance(
            decision, lazy("decided in a dispute: counted from the first receipt (Regulation 3.3)")
        )
    else:
        dispatch(decision, unit, NoticeKind.DESIGNATED)
    if state.designated:
        due = decision.due(decision.at, decision.context.policy.terms.designation)
        decision.start_clock(ClockName.DESIGNATION, decision.at, due)
    for other in others:
        decision.notify_unit(NoticeKind.RELEASED, other)
    return None


def propose_conduct(decision: Decision, clock: Clock) -> None:
    """Propose a talk with a designated unit that did nothing in its term (6.1(5))."""
    why = lazy("designated by the district leader, it did not take the ticket")
    decision.emit(
        events.ConductProposed(unit=clock.holder, ground=Ground.REFUSED_ASSIGNMENT, why=why)
    )
