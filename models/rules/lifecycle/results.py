"""The result of a ticket: format and review 3.7, second handling 3.8 and 3.9."""

from datetime import datetime

from msgspec import UNSET

from models.i18n import N_, LazyText, PrivateText, lazy
from models.rules import events, messages
from models.rules.lifecycle.acceptance import accept
from models.rules.lifecycle.decision import Decision, lacks, wrong_status
from models.rules.lifecycle.handling import join, term_from, term_with_extensions
from models.rules.messages import Refusal
from models.rules.state import State
from models.rules.vocabulary import (
    DISSATISFIED,
    ClockName,
    ContactPurpose,
    Disposal,
    NoticeKind,
    Recipient,
    Status,
)


def submitted(decision: Decision, content: messages.ResultSubmitted) -> Refusal | None:
    """Take a unit's result if its format is right (3.7); this also accepts the ticket."""
    state = decision.state
    if state.status not in (Status.DISPATCHED, Status.HANDLING):
        return wrong_status(decision)
    if (refusal := lacks(content, N_("the result lacks: {names}"))) is not None:
        return refusal
    if state.status == Status.DISPATCHED:
        accept(decision)
    decision.emit(
        events.ResultSubmitted(
            unit=state.unit,
            disposal=content.disposal,
            facts=content.facts,
            measures=content.measures,
            remedies=content.remedies,
            basis=content.basis,
            long_term=PrivateText("long_term") if content.long_term is not None else UNSET,
        )
    )
    decision.stop_clock(ClockName.HANDLING)
    decision.stop_clock(ClockName.EMERGENCY_REPORT)
    state.deemed, state.has_result = False, True
    state.rating_before, state.revisit_before = state.rating, state.revisit
    decision.emit(events.SurveyOpened())
    due = decision.due(decision.at, decision.context.policy.terms.survey)
    decision.start_clock(ClockName.SURVEY, decision.at, due, holder=Recipient.CITY_HOTLINE)
    decision.notify(NoticeKind.RESULT_SUBMITTED, Recipient.CITY_HOTLINE)
    if content.disposal == Disposal.ORDINARY:
        state.status = Status.SUBMITTED
        decision.start_duty(ClockName.RESULT_REVIEW, Recipient.CITY_HOTLINE)
    else:
        _complete(decision)
    return None


def _complete(decision: Decision) -> None:
    state = decision.state
    state.status = Status.COMPLETED
    state.completed_at = decision.at
    decision.emit(events.TicketCompleted())
    decision.note_settled(decision.at)
    decision.cancel_clocks(ClockName.ON_SITE, ClockName.EMERGENCY_REPORT)
    if state.contact_wanted:
        due = decision.due(decision.at, decision.context.policy.terms.closing_contact)
        decision.start_clock(ClockName.CLOSING_CONTACT, decision.at, due)
    # what was shown of an earlier closing contact proves nothing of this one
    state.evidenced.pop(ContactPurpose.CLOSING, None)
    decision.notify_unit(NoticeKind.COMPLETED, state.unit)


def reviewed(decision: Decision, content: messages.ResultReviewed) -> Refusal | None:
    """Complete a ticket whose result the city approves; otherwise let its term run on (3.7)."""
    state = decision.state
    if state.status != Status.SUBMITTED:
        return wrong_status(decision)
    decision.stop_clock(ClockName.RESULT_REVIEW)
    if content.approved:
        _complete(decision)
        return None
    decision.emit(events.ResultRefused(why=content.why))
    decision.cancel_clocks(ClockName.SURVEY)
    # what the claimant thought of a refused result does not count
    state.rating, state.revisit = state.rating_before, state.revisit_before
    if not state.revisit:
        decision.cancel_clocks(ClockName.REVISIT)
    state.status = Status.HANDLING
    _resume_handling(decision)
    decision.notify_unit(NoticeKind.RESULT_REFUSED, state.unit)
    return None


def _resume_handling(decision: Decision) -> None:
    """Run the handling clock on after a refused result, with the extensions granted (3.7 c)."""
    base, why = _resumed_base(decision.state)
    extensions = decision.state.extensions_since
    due = term_with_extensions(decision, base)
    decision.start_clock(ClockName.HANDLING, base, due, why=why, resumes=True)
    if extensions:
        added = lazy("extensions granted since then, added: {n} (Regulation 3.5)", n=extensions)
        decision.change_clock(ClockName.HANDLING, why=(why, added))


def _resumed_base(state: State) -> tuple[datetime, LazyText]:
    if state.restarted_at is not None:
        return state.restarted_at, lazy(
            "the city refused the result: counted from the latest restart (Regulation 3.7)"
        )
    assert state.unit is not None
    return state.receipts[state.unit], lazy(
        "the city refused the result: counted from the first receipt (Regulation 3.7)"
    )


def rework_requested(decision: Decision, content: messages.ReworkRequested) -> Refusal | None:
    """Open a second handling, once, for a dissatisfied claimant; same term, no extension (3.9)."""
    state = decision.state
    if (refused := _why_no_rework(decision)) is not None:
        decision.emit(events.ReworkRefused(why=refused))
        return None
    former, unit = state.unit, content.unit or state.unit
    state.reworked = True
    state.unit = unit
    state.status = Status.HANDLING
    state.deemed = False
    state.restarted_at = decision.at
    state.extensions_since = 0
    state.co_units = tuple(u for u in state.co_units if u != unit)
    decision.emit(events.ReworkOpened(unit=unit))
    decision.cancel_clocks(ClockName.CLOSING_CONTACT, ClockName.SURVEY)
    if unit != former:
        # what had expired stays the former unit's own (decision 44)
        decision.cancel_clocks(ClockName.FIRST_CONTACT)
        if content.former_holder != former:
            decision.notify_unit(NoticeKind.RELEASED, former)
    decision.begin_run()
    why = lazy("second handling, same term as the first (Regulation 3.9)")
    due = term_from(decision, decision.at)
    decision.start_clock(ClockName.HANDLING, decision.at, due, why=why)
    decision.notify_unit(NoticeKind.REWORK, unit)
    if content.former_holder and content.former_holder != unit:
        join(decision, content.former_holder)
    return None


def _why_no_rework(decision: Decision) -> LazyText | None:
    state = decision.state
    if state.status != Status.COMPLETED:
        return wrong_status(decision).why
    if state.reworked:
        return lazy("a second handling is allowed once (Regulation 3.9)")
    if state.rating not in DISSATISFIED:
        return lazy("a second handling needs a rating of dissatisfied (Regulation 3.8)")
    return None
