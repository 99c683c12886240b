"""The handling of a ticket by its unit: terms 3.4, helping units, reports and urging."""

from datetime import datetime

from models.i18n import LazyText, lazy
from models.rules import events, messages
from models.rules.lifecycle.decision import Decision, lacks, wrong_status
from models.rules.messages import Refusal
from models.rules.vocabulary import (
    OPEN,
    ClockName,
    ClockState,
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


def term_with_extensions(decision: Decision, base: datetime) -> datetime:
    """The expiry of the ticket's term from `base`, with the extensions granted since (3.5)."""
    due = term_from(decision, base)
    for _ in range(decision.state.extensions_since):
        due = term_from(decision, due)
    return due


def begin_handling(decision: Decision, base: datetime) -> None:
    """Run the ticket's term (3.4) and the first contact's (4.1), now that a unit has it."""
    state = decision.state
    state.status = Status.HANDLING
    state.restarted_at = None
    state.extensions_since = 0
    decision.begin_run()
    decision.start_clock(ClockName.HANDLING, base, term_from(decision, base))
    if state.contact_wanted:
        start_first_contact(decision, base)


def start_first_contact(decision: Decision, base: datetime) -> None:
    """Run the first contact's term (4.1); one made before the acceptance meets it by its due."""
    due = decision.due(base, decision.context.policy.terms.first_contact)
    decision.start_clock(ClockName.FIRST_CONTACT, base, due)
    reached_at = decision.state.reached.get(str(decision.state.unit))
    if reached_at is not None and reached_at <= due:
        decision.stop_clock(ClockName.FIRST_CONTACT, ClockState.MET)


def start_emergency_clock(decision: Decision, name: ClockName) -> None:
    """Run one of the two terms of an emergency from this moment, for the unit in charge (3.4)."""
    due = decision.due(decision.at, decision.context.policy.terms.of(name))
    decision.start_clock(name, decision.at, due)


def _restart(decision: Decision, why: LazyText) -> None:
    decision.state.restarted_at = decision.at
    decision.state.extensions_since = 0
    decision.begin_run()
    due = term_from(decision, decision.at)
    decision.move_clock(ClockName.HANDLING, decision.at, due, why)


def supplemented(decision: Decision, content: messages.ClaimantSupplemented) -> Refusal | None:
    """Run the full term again for facts that the claimant adds before the result (3.4.6)."""
    state = decision.state
    if state.status not in OPEN:
        return wrong_status(decision)
    if (refusal := lacks(content)) is not None:
        return refusal
    decision.emit(events.TicketSupplemented(text=content.text))
    if decision.running_clock(ClockName.HANDLING):
        _restart(decision, lazy("the claimant added new facts (Regulation 3.4.6)"))
    decision.notify_unit(NoticeKind.SUPPLEMENTED, state.unit)
    return None


def term_restarted(decision: Decision, content: messages.TermRestarted) -> Refusal | None:
    """Run the full term again after force majeure or a change of law (3.4.7)."""
    if not decision.running_clock(ClockName.HANDLING):
        return wrong_status(decision)
    cause, basis = content.cause, content.basis
    if (refusal := lacks(content)) is not None:
        return refusal
    _restart(decision, lazy("{cause}: {basis} (Regulation 3.4.7)", cause=cause, basis=basis))
    decision.notify_unit(NoticeKind.RESTARTED, decision.state.unit)
    return None


def joined(decision: Decision, content: messages.UnitJoined) -> Refusal | None:
    """Add a unit that helps the lead, which stays responsible (3.1, 3.9)."""
    state, unit = decision.state, content.unit
    if state.unit is None or state.status not in OPEN:
        return wrong_status(decision)
    if unit == state.unit:
        return Refusal(lazy("{unit} leads already", unit=unit))
    if unit in state.co_units:
        return Refusal(lazy("{unit} helps already", unit=unit))
    join(decision, unit)
    return None


def join(decision: Decision, unit: str) -> None:
    """Add a unit to those that help the lead, and notify it."""
    state = decision.state
    if unit not in state.co_units:
        state.co_units = (*state.co_units, unit)
    decision.emit(events.UnitJoined(unit=unit))
    decision.notify_unit(NoticeKind.JOINED, unit)


def arrived(decision: Decision, content: messages.SiteArrived) -> Refusal | None:
    """Record that a unit is on site, which meets the two hours of an emergency (3.4)."""
    state = decision.state
    if state.status not in OPEN:
        return wrong_status(decision)
    decision.emit(events.SiteArrived(unit=content.unit))
    # one that helps the lead arrives for it, too
    arrived = (content.unit, str(state.unit))
    state.on_site = tuple(dict.fromkeys((*state.on_site, *arrived)))
    decision.stop_clock(ClockName.ON_SITE)
    return None


def progress_reported(decision: Decision, content: messages.ProgressReported) -> Refusal | None:
    """Record an interim report, which meets the twenty-four hours of an emergency (3.4)."""
    if decision.state.status not in OPEN:
        return wrong_status(decision)
    if (refusal := lacks(content)) is not None:
        return refusal
    decision.emit(events.ProgressReported(unit=content.unit, text=content.text))
    decision.stop_clock(ClockName.EMERGENCY_REPORT)
    return None


def urged(decision: Decision, content: messages.UnitUrged) -> Refusal | None:
    """Urge a unit, as the district desk asks (5)."""
    if decision.state.status not in OPEN:
        return wrong_status(decision)
    decision.emit(events.UnitUrged(unit=content.unit, by=content.by, text=content.text))
    decision.notify_unit(NoticeKind.URGED, content.unit)
    return None


def conduct_recorded(decision: Decision, content: messages.ConductRecorded) -> Refusal | None:
    """Register a case for talk-and-remind, 约谈提醒 (6.1); a grave one is passed on at once.

    Falsification is found in later audits: it is registered in the archive too (decision 26).
    """
    decision.emit(
        events.ConductRecorded(unit=content.unit, ground=content.ground, grave=content.grave)
    )
    if content.grave:
        for role in (Recipient.DISTRICT_DESK, Recipient.DISTRICT_LEADER):
            decision.notify(NoticeKind.GRAVE_CONDUCT, role, content.unit)
    return None


def note_added(decision: Decision, content: messages.NoteAdded) -> Refusal | None:
    """Keep an operator's note; no duty, clock or state depends on it, and nobody is told."""
    decision.emit(events.NoteAdded(by=content.by, text=content.text))
    return None
