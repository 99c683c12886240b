"""The catalogue of what an operator can do with a ticket.

Each action is sent as a message, like those of any other source, and the rules decide about it.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime

from models.i18n import lazy, render
from models.queries.detail import TicketDetail, proposed_topic, proposed_unit
from models.rules.events import ScreeningDecided, ScreeningProposed
from models.rules.messages import HOTLINE
from models.rules.vocabulary import (
    CLOSED,
    ClockName,
    ClockState,
    ContactMethod,
    ContactOutcome,
    ContactPurpose,
    Decider,
    MessageType,
    Rating,
    RevisitOutcome,
    Status,
)
from monitor.action_types import Action, ActionTicket, Question
from monitor.labels import labels
from monitor.shared_actions import BY_OR_TO_UNIT, assignment, shared_actions

_PURPOSE_OF_CLOCK: dict[str, ContactPurpose] = {
    ClockName.FIRST_CONTACT: ContactPurpose.FIRST,
    ClockName.CLOSING_CONTACT: ContactPurpose.CLOSING,
    ClockName.SURVEY: ContactPurpose.SURVEY,
}
_PURPOSES = (
    ContactPurpose.FIRST,
    ContactPurpose.CLOSING,
    ContactPurpose.SURVEY,
    ContactPurpose.REVISIT,
)
_BY_HOTLINE = (ContactPurpose.SURVEY, ContactPurpose.REVISIT)
"""Purposes of the calls that the hotline makes itself, not the unit (Regulation 4.4, 4.5)."""

_OUTCOMES = tuple(o for o in ContactOutcome if o is not ContactOutcome.CONFIRMED)
_APPROVALS = {"yes": lazy("approve"), "no": lazy("refuse")}
_DECISIONS = {"no": lazy("keep the ticket"), "yes": lazy("decline it")}


def available_actions(ticket: TicketDetail) -> list[Action]:
    """List the actions that a ticket's status allows; whether one is right the rules decide."""
    actions = [_decision(code, why) for code, why in open_proposals(ticket)]
    shared = {action.type: action for action in shared_actions(ticket)}
    if MessageType.TICKET_ASSIGNED in shared:
        shared[MessageType.TICKET_ASSIGNED] = _assignment(ticket)
    if ticket.status == Status.RETURNED:
        actions.append(_return_review(ticket))
    if ticket.status == Status.SUBMITTED:
        actions.append(_RESULT_REVIEW)
    if ticket.status == Status.DISPUTED:
        actions.append(_DISPUTE)
    if (urging := shared.pop(MessageType.UNIT_URGED, None)) is not None:
        actions.append(urging)
    if ticket.unit and ticket.status not in (Status.ARCHIVED, Status.DECLINED):
        actions.append(_contact(ticket))
    actions += shared.values()
    if ticket.status in (Status.SUBMITTED, Status.COMPLETED):
        actions.append(_RATE)
    if ticket.state.revisit:
        actions.append(_REVISIT)
    if ticket.status not in (Status.ARCHIVED, Status.DECLINED):
        actions.append(_classification(ticket))
    return actions


def open_proposals(ticket: TicketDetail) -> list[tuple[str, str]]:
    """List the unanswered proposals of the screening (Regulation 2.2): item and reason."""
    proposals: dict[str, str] = {}
    for line in ticket.log:
        match line.event:
            case ScreeningProposed(code=code, why=why):
                proposals[code.removeprefix("2.2.")] = render(why)
            case ScreeningDecided(code=code):
                proposals.pop(code.removeprefix("2.2."), None)
    return [] if ticket.status in CLOSED else list(proposals.items())


def message(
    action: Action,
    ticket: ActionTicket,
    answers: Mapping[str, str],
    operator: str,
    now: datetime,
    message_id: str | None = None,
) -> dict[str, object]:
    """Build the message that an action sends; an answer left empty is left out.

    Without an id it gets a new one.
    """
    body: dict[str, object] = {k: v for k, v in answers.items() if v}
    if action.type == MessageType.CONTACT_ATTEMPTED:
        body["unit"] = HOTLINE if body.get("purpose") in _BY_HOTLINE else ticket.unit
    elif action.type in BY_OR_TO_UNIT:
        body["unit"] = ticket.unit
    elif action.type == MessageType.SCREENING_DECIDED:
        body |= {"code": action.item, "decline": answers["decline"] == "yes"}
    elif action.type in (MessageType.RETURN_REVIEWED, MessageType.RESULT_REVIEWED):
        body["approved"] = answers["approved"] == "yes"
    sent_id = message_id or uuid.uuid4().hex
    envelope = {"id": sent_id, "at": now.isoformat(), "type": action.type.value}
    # of a dispute `by` says whether the desk or the leader decided
    signature = {} if action.type == MessageType.DISPUTE_DECIDED else {"by": operator}
    return {**envelope, "ticket": ticket.number, **body, **signature}


def _contact(ticket: TicketDetail) -> Action:
    running = [d.row.name for d in ticket.duties if d.row.state == ClockState.RUNNING]
    owed = next(
        (_PURPOSE_OF_CLOCK[n] for n in running if n in _PURPOSE_OF_CLOCK), ContactPurpose.FIRST
    )
    may_be_revisit = ticket.state.revisit and owed == ContactPurpose.FIRST
    purpose = ContactPurpose.REVISIT if may_be_revisit else owed
    return Action(
        lazy("Record a contact"),
        MessageType.CONTACT_ATTEMPTED,
        (
            Question("purpose", lazy("Purpose"), labels(_PURPOSES), default=purpose),
            Question("outcome", lazy("Outcome"), labels(_OUTCOMES)),
            Question("method", lazy("By"), labels(ContactMethod), default=ContactMethod.PHONE),
            Question("evidence", lazy("Evidence")),
        ),
    )


def _assignment(ticket: TicketDetail) -> Action:
    """Choose the unit; the one that a model proposes is filled in, and may be changed."""
    if proposed := proposed_unit(ticket):
        unit, why = proposed
        label = lazy("Choose the unit; proposed: {unit} ({why})", unit=unit, why=why)
        return assignment(label, unit)
    return assignment()


def _classification(ticket: TicketDetail) -> Action:
    """Say the topic; the one that a model proposes is filled in, and may be changed."""
    label, topic, why = lazy("Choose the topic"), "", ""
    if (proposal := proposed_topic(ticket)) is not None:
        topic, reason = proposal.topic, render(proposal.why)
        label = lazy("Choose the topic; proposed: {topic} ({why})", topic=topic, why=reason)
        why = render(lazy("proposed, {sure} sure", sure=f"{proposal.certainty}%"))
    questions = (
        Question("topic", lazy("Topic: its code, label or path"), needed=True, default=topic),
        Question("why", lazy("Reason"), default=why),
    )
    return Action(label, MessageType.TICKET_AMENDED, questions)


def _decision(code: str, why: str) -> Action:
    label = lazy("Answer the proposal 2.2.{code}: {why}", code=code, why=why)
    decline = Question("decline", lazy("Decision"), _DECISIONS)
    return Action(label, MessageType.SCREENING_DECIDED, (decline,), item=code)


def _return_review(ticket: TicketDetail) -> Action:
    """Review a return; the unit that the returning one suggests is filled in, if it is known."""
    approved = Question("approved", lazy("Decision"), _APPROVALS)
    unit = Question(
        "unit",
        lazy("Unit, if approved"),
        is_unit=True,
        default=ticket.state.suggested_unit or "",
        needed_with=None if ticket.state.suggested_unit else ("approved", "yes"),
    )
    return Action(lazy("Review the return"), MessageType.RETURN_REVIEWED, (approved, unit))


_RESULT_REVIEW = Action(
    lazy("Review the result"),
    MessageType.RESULT_REVIEWED,
    (
        Question("approved", lazy("Decision"), _APPROVALS),
        Question("why", lazy("Reason")),
    ),
)
_DISPUTE = Action(
    lazy("Decide the dispute"),
    MessageType.DISPUTE_DECIDED,
    (
        Question("unit", lazy("Unit"), is_unit=True),
        Question("by", lazy("Decided by"), labels(Decider)),
    ),
)
_RATE = Action(
    lazy("Record the claimant's rating"),
    MessageType.SURVEY_RATED,
    (Question("rating", lazy("Rating"), labels(Rating)),),
)
_REVISIT = Action(
    lazy("Record the revisit"),
    MessageType.REVISIT_RECORDED,
    (
        Question("outcome", lazy("Outcome"), labels(RevisitOutcome)),
        Question("rating", lazy("Rating after it"), labels(Rating)),
        Question("notes", lazy("Notes")),
    ),
)
