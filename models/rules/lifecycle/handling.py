"""While a unit handles a ticket: terms 3.4, extension 3.5, withdrawal 3.6, help and reports."""

from datetime import datetime

from msgspec import UNSET

from models.i18n import LazyText, lazy
from models.rules import events, messages
from models.rules.events import NoticeQueued
from models.rules.lifecycle.decision import Decision, has_content, wrong_status
from models.rules.messages import Refusal
from models.rules.terms import Term
from models.rules.vocabulary import (
    OPEN,
    ClockName,
    ContactPurpose,
    NoticeKind,
    Recipient,
    Status,
    WithdrawnTo,
)

EXTENSION_PARTS = ("facts", "reasons", "progress", "next_steps", "claimant_told")


def term_from(decision: Decision, base: datetime) -> datetime:
    """The expiry of the ticket's term from `base` (3.4.1-4), or of a shorter legal one (3.4.5)."""
    state = decision.state
    assert state.category is not None
    due = decision.due(base, decision.context.policy.terms.of(state.category))
    if (limit := state.limit) is None:
        return due
    if limit.workdays is not None:
        legal = Term(limit.workdays, "workdays")
    else:
        legal = Term(limit.hours or 0, "hours")
    return min(due, decision.due(base, legal))


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
    """The claimant adds facts: before the result is submitted the full term runs again (3.4.6)."""
    if decision.state.status not in OPEN:
        return wrong_status(decision)
    decision.emit(events.TicketSupplemented(text=content.text))
    if decision.running_clock(ClockName.HANDLING):
        _restart(decision, lazy("the claimant added new facts (Regulation 3.4.6)"))
    return None


def term_restarted(decision: Decision, content: messages.TermRestarted) -> Refusal | None:
    """Force majeure, or a changed law: the full term runs again, with cause and basis (3.4.7)."""
    if not decision.running_clock(ClockName.HANDLING):
        return wrong_status(decision)
    cause, basis = content.cause, content.basis
    _restart(decision, lazy("{cause}: {basis} (Regulation 3.4.7)", cause=cause, basis=basis))
    return None


def extension_requested(decision: Decision, content: messages.ExtensionRequested) -> Refusal | None:
    """The unit asks for more time; granted or refused by the regulation itself (3.5)."""
    state = decision.state
    refusal = _why_not_extend(decision, content)
    if refusal is not None:
        decision.emit(events.ExtensionRefused(why=refusal.why, missing=refusal.missing or UNSET))
        return None
    old = state.clocks[ClockName.HANDLING]
    state.extensions += 1
    state.extensions_since += 1
    number, due = state.extensions, term_from(decision, old.due)
    decision.emit(events.ExtensionGranted(number=number, due=due))
    decision.begin_run()
    why = lazy("extension {n} (Regulation 3.5)", n=number)
    decision.move_clock(ClockName.HANDLING, old.base, due, why)
    return None


def _why_not_extend(decision: Decision, content: messages.ExtensionRequested) -> Refusal | None:
    state, policy = decision.state, decision.context.policy
    clock = decision.running_clock(ClockName.HANDLING)
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
    lacking = tuple(part for part in EXTENSION_PARTS if not has_content(getattr(content, part)))
    if lacking:
        return Refusal(lazy("the request lacks: {names}", names=", ".join(lacking)), lacking)
    return None


def withdrew(decision: Decision, content: messages.ClaimantWithdrew) -> Refusal | None:
    """The claimant withdraws: to the hotline, archived; to the unit, guided there (3.6)."""
    state = decision.state
    if state.status not in OPEN:
        return wrong_status(decision)
    if content.to == WithdrawnTo.UNIT:
        if state.unit is None:
            return wrong_status(decision)
        decision.emit(events.ContactRecorded(purpose=ContactPurpose.WITHDRAWAL, unit=state.unit))
        decision.emit(NoticeQueued(kind=NoticeKind.WITHDRAWAL_GUIDANCE, role=Recipient.CLAIMANT))
        return None
    decision.emit(events.TicketWithdrawn(to=content.to))
    decision.cancel_clocks()
    state.status = Status.ARCHIVED
    decision.emit(events.TicketArchived())
    if state.unit:
        decision.emit(
            NoticeQueued(kind=NoticeKind.WITHDRAWN, role=Recipient.UNIT_CONTACT, unit=state.unit)
        )
    return None


def joined(decision: Decision, content: messages.UnitJoined) -> Refusal | None:
    """Another unit helps; the lead stays responsible (3.1, 3.9)."""
    if decision.state.unit is None or decision.state.status not in OPEN:
        return wrong_status(decision)
    join(decision, content.unit)
    return None


def join(decision: Decision, unit: str) -> None:
    """Let a unit help the lead."""
    state = decision.state
    if unit != state.unit and unit not in state.co_units:
        state.co_units = (*state.co_units, unit)
    decision.emit(events.UnitJoined(unit=unit))
    decision.emit(NoticeQueued(kind=NoticeKind.JOINED, role=Recipient.UNIT_CONTACT, unit=unit))


def arrived(decision: Decision, content: messages.SiteArrived) -> Refusal | None:
    """A unit is on site: the two hours of an emergency are met (3.4)."""
    if decision.state.status not in OPEN:
        return wrong_status(decision)
    decision.emit(events.SiteArrived(unit=content.unit))
    decision.stop_clock(ClockName.ON_SITE)
    return None


def progressed(decision: Decision, content: messages.ProgressReported) -> Refusal | None:
    """An interim report: the twenty-four hours of an emergency are met (3.4)."""
    if decision.state.status not in OPEN:
        return wrong_status(decision)
    decision.emit(events.ProgressReported(unit=content.unit, text=content.text))
    decision.stop_clock(ClockName.EMERGENCY_REPORT)
    return None


def urged(decision: Decision, content: messages.UnitUrged) -> Refusal | None:
    """The desk urges a unit (5)."""
    if decision.state.status not in OPEN:
        return wrong_status(decision)
    decision.emit(events.UnitUrged(unit=content.unit, by=content.by, text=content.text))
    decision.emit(
        NoticeQueued(kind=NoticeKind.URGED, role=Recipient.UNIT_CONTACT, unit=content.unit)
    )
    return None


def conduct(decision: Decision, content: messages.ConductRecorded) -> Refusal | None:
    """A case for talk-and-remind (约谈提醒) is registered (6.1)."""
    decision.emit(
        events.ConductRecorded(unit=content.unit, ground=content.ground, grave=content.grave)
    )
    return None
