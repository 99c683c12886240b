"""The handling of a ticket by its unit: terms 3.4, helping units, reports and urging."""

from datetime import datetime

from models.i18n import LazyText, lazy
from models.rules import events, messages
from models.rules.events import NoticeQueued
from models.rules.lifecycle.decision import Decision, wrong_status
from models.rules.messages import Refusal
from models.rules.vocabulary import (
    OPEN,
    ClockName,
    NoticeKind,
    Recipient,
    Status,
)


def term_from(decision: Decision, base: datetime) -> datetime:
    """The expiry of the ticket's term from `base` (3.4.1-4), or of a shorter legal one (3.4.5)."""
    state = decision.state
    assert state.category is not None
    due = decision.due(base, decision.context.policy.terms.of(state.category))
    if (limit := state.limit) is None:
        return due
    return min(due, decision.due(base, limit.term))


def begin_handling(decision: Decision, base: datetime) -> None:
    """Run the ticket's term (3.4) and the first contact's (4.1), now that a unit has it."""
    state = decision.state
    state.status = Status.HANDLING
    state.restarted_at = None
    state.extensions_since = 0
    decision.begin_run()
    decision.start_clock(ClockName.HANDLING, base, term_from(decision, base))
    if state.contact_wanted:
        due = decision.due(base, decision.context.policy.terms.first_contact)
        decision.start_clock(ClockName.FIRST_CONTACT, base, due)
        if state.reached_early:
            decision.stop_clock(ClockName.FIRST_CONTACT)


def _restart(decision: Decision, why: LazyText) -> None:
    decision.state.restarted_at = decision.at
    decision.state.extensions_since = 0
    decision.begin_run()
    due = term_from(decision, decision.at)
    decision.move_clock(ClockName.HANDLING, decision.at, due, why)


def supplemented(decision: Decision, content: messages.ClaimantSupplemented) -> Refusal | None:
    """Run the full term again for facts that the claimant adds before the result (3.4.6)."""
    if decision.state.status not in OPEN:
        return wrong_status(decision)
    decision.emit(events.TicketSupplemented(text=content.text))
    if decision.running_clock(ClockName.HANDLING):
        _restart(decision, lazy("the claimant added new facts (Regulation 3.4.6)"))
    return None


def term_restarted(decision: Decision, content: messages.TermRestarted) -> Refusal | None:
    """Run the full term again after force majeure or a change of law (3.4.7)."""
    if not decision.running_clock(ClockName.HANDLING):
        return wrong_status(decision)
    cause, basis = content.cause, content.basis
    _restart(decision, lazy("{cause}: {basis} (Regulation 3.4.7)", cause=cause, basis=basis))
    return None


def joined(decision: Decision, content: messages.UnitJoined) -> Refusal | None:
    """Add a unit that helps the lead, which stays responsible (3.1, 3.9)."""
    if decision.state.unit is None or decision.state.status not in OPEN:
        return wrong_status(decision)
    join(decision, content.unit)
    return None


def join(decision: Decision, unit: str) -> None:
    """Add a unit to those that help the lead, and notify it."""
    state = decision.state
    if unit != state.unit and unit not in state.co_units:
        state.co_units = (*state.co_units, unit)
    decision.emit(events.UnitJoined(unit=unit))
    decision.emit(NoticeQueued(kind=NoticeKind.JOINED, role=Recipient.UNIT_CONTACT, unit=unit))


def arrived(decision: Decision, content: messages.SiteArrived) -> Refusal | None:
    """Record that a unit is on site, which meets the two hours of an emergency (3.4)."""
    if decision.state.status not in OPEN:
        return wrong_status(decision)
    decision.emit(events.SiteArrived(unit=content.unit))
    decision.stop_clock(ClockName.ON_SITE)
    return None


def progress_reported(decision: Decision, content: messages.ProgressReported) -> Refusal | None:
    """Record an interim report, which meets the twenty-four hours of an emergency (3.4)."""
    if decision.state.status not in OPEN:
        return wrong_status(decision)
    decision.emit(events.ProgressReported(unit=content.unit, text=content.text))
    decision.stop_clock(ClockName.EMERGENCY_REPORT)
    return None


def urged(decision: Decision, content: messages.UnitUrged) -> Refusal | None:
    """Urge a unit, as the district desk asks (5)."""
    if decision.state.status not in OPEN:
        return wrong_status(decision)
    decision.emit(events.UnitUrged(unit=content.unit, by=content.by, text=content.text))
    decision.emit(
        NoticeQueued(kind=NoticeKind.URGED, role=Recipient.UNIT_CONTACT, unit=content.unit)
    )
    return None


def conduct_recorded(decision: Decision, content: messages.ConductRecorded) -> Refusal | None:
    """Register a case for talk-and-remind, 约谈提醒 (6.1)."""
    decision.emit(
        events.ConductRecorded(unit=content.unit, ground=content.ground, grave=content.grave)
    )
    return None
