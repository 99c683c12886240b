"""The catalogue of what an operator can do with a ticket.

Each action is sent as a message, like those of any other source, and the rules decide about it.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.i18n import LazyText, lazy, render
from models.queries.detail import TicketDetail, proposed_unit
from models.rules.events import ScreeningDecided, ScreeningProposed
from models.rules.messages import HOTLINE
from models.rules.vocabulary import CLOSED, ClockName, Status
from monitor.labels import PURPOSES, RATINGS

_PURPOSE_OF_CLOCK: dict[str, str] = {
    ClockName.FIRST_CONTACT: "first",
    ClockName.CLOSING_CONTACT: "closing",
    ClockName.SURVEY: "survey",
}
_PURPOSES = {code: PURPOSES[code] for code in ("first", "closing", "survey", "revisit")}
_BY_HOTLINE = ("survey", "revisit")
"""Purposes of the calls that the hotline makes itself, not the unit (Regulation 4.4, 4.5)."""

_OUTCOMES = {
    "reached": lazy("reached"),
    "no_answer": lazy("no answer"),
    "wrong_number": lazy("wrong number"),
    "refused": lazy("would not talk"),
}
_METHODS = {
    "phone": lazy("phone"),
    "sms": lazy("text message"),
    "visit": lazy("visit"),
    "online": lazy("online"),
}
_REVISITED = {"confirmed": lazy("confirmed"), "corrected": lazy("corrected")}
_DECISIONS = {"no": lazy("keep the ticket"), "yes": lazy("decline it")}


@dataclass(frozen=True, slots=True)
class Question:
    """Something that an action asks for: a choice among codes, a unit, or a text."""

    name: str
    label: LazyText
    choices: Mapping[str, LazyText] | None = None
    is_unit: bool = False
    required: bool = True
    default: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done: its name, the type of its message, and what it asks for.

    `item` is the screening item that a decision answers.
    """

    label: LazyText
    type: str
    questions: Sequence[Question] = ()
    item: str = ""


def available_actions(ticket: TicketDetail) -> list[Action]:
    """List the actions that a ticket's status allows; whether one is right the rules decide."""
    actions = [_decision(code, why) for code, why in open_proposals(ticket)]
    if ticket.status in (Status.MANUAL, Status.RECEIVED):
        actions.append(_assignment(ticket))
    if ticket.unit and ticket.status not in CLOSED:
        actions.append(_URGE)
    if ticket.unit and ticket.status not in (Status.ARCHIVED, Status.DECLINED):
        actions.append(_contact(ticket))
    if ticket.status in (Status.SUBMITTED, Status.COMPLETED):
        actions.append(_RATE)
    if ticket.state.revisit:
        actions.append(_REVISIT)
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
    action: Action, ticket: TicketDetail, answers: Mapping[str, str], operator: str, now: datetime
) -> dict[str, object]:
    """Build the message that an action sends; an answer left empty is left out."""
    body: dict[str, object] = {k: v for k, v in answers.items() if v}
    if action.type == "contact.attempted":
        body["unit"] = HOTLINE if body.get("purpose") in _BY_HOTLINE else ticket.unit
    elif action.type == "unit.urged":
        body["unit"] = ticket.unit
    elif action.type == "screening.decided":
        body |= {"code": action.item, "decline": answers["decline"] == "yes"}
    envelope = {"id": uuid.uuid4().hex, "at": now.isoformat(), "type": action.type}
    return {**envelope, "ticket": ticket.number, **body, "by": operator}


def _contact(ticket: TicketDetail) -> Action:
    running = [c.name for c in ticket.clocks if c.state == "running"]
    owed = next((_PURPOSE_OF_CLOCK[n] for n in running if n in _PURPOSE_OF_CLOCK), "first")
    purpose = "revisit" if ticket.state.revisit and owed == "first" else owed
    return Action(
        lazy("Record a contact"),
        "contact.attempted",
        (
            Question("purpose", lazy("Purpose"), _PURPOSES, default=purpose),
            Question("outcome", lazy("Outcome"), _OUTCOMES, default="reached"),
            Question("method", lazy("By"), _METHODS, default="phone"),
            Question("evidence", lazy("Evidence"), required=False),
        ),
    )


def _assignment(ticket: TicketDetail) -> Action:
    """Choose the unit; the one that a model proposes is filled in, and may be changed."""
    unit, label = "", lazy("Choose the unit")
    if proposed := proposed_unit(ticket):
        unit, why = proposed
        label = lazy("Choose the unit; proposed: {unit} ({why})", unit=unit, why=why)
    reason = Question("why", lazy("Reason"), required=False)
    questions = (Question("unit", lazy("Unit"), is_unit=True, default=unit), reason)
    return Action(label, "ticket.assigned", questions)


def _decision(code: str, why: str) -> Action:
    label = lazy("Answer the proposal 2.2.{code}: {why}", code=code, why=why)
    decline = Question("decline", lazy("Decision"), _DECISIONS, default="no")
    return Action(label, "screening.decided", (decline,), item=code)


_URGE = Action(
    lazy("Urge the unit"),
    "unit.urged",
    (Question("text", lazy("What to tell it")),),
)
_RATE = Action(
    lazy("Record the claimant's rating"),
    "survey.rated",
    (Question("rating", lazy("Rating"), RATINGS, default="satisfied"),),
)
_REVISIT = Action(
    lazy("Record the revisit"),
    "revisit.recorded",
    (
        Question("outcome", lazy("Outcome"), _REVISITED, default="confirmed"),
        Question("rating", lazy("Rating after it"), RATINGS, default="dissatisfied"),
        Question("notes", lazy("Notes"), required=False),
    ),
)
