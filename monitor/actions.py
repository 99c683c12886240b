"""What an operator can do with a ticket: each act is a message like any other source's."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.i18n import LazyText, lazy, render
from models.queries.detail import TicketDetail, proposed_unit
from models.rules.events import ScreeningDecided, ScreeningProposed
from models.rules.messages import HOTLINE
from models.rules.vocabulary import CLOSED, ClockName, Status
from monitor.labels import PURPOSES, RATINGS

_OF_CLOCK: dict[str, str] = {
    ClockName.FIRST_CONTACT: "first",
    ClockName.CLOSING_CONTACT: "closing",
    ClockName.SURVEY: "survey",
}
_PURPOSES = {code: PURPOSES[code] for code in ("first", "closing", "survey", "revisit")}
_BY_HOTLINE = ("survey", "revisit")
"""Calls that the hotline makes itself, not the unit (Regulation 4.4, 4.5)."""

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
_DECLINE = {"no": lazy("keep the ticket"), "yes": lazy("decline it")}


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that an act has to be told: a choice among codes, a unit, or a text."""

    name: str
    label: LazyText
    choices: Mapping[str, LazyText] | None = None
    is_unit: bool = False
    needed: bool = True
    given: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done: what it is called, the message it sends, what it asks."""

    label: LazyText
    type: str
    questions: Sequence[Question] = ()
    about: str = ""


def available_actions(ticket: TicketDetail) -> list[Action]:
    """The acts that a ticket's standing allows; whether one is right is decided by the rules."""
    found = [_decision(code, why) for code, why in open_proposals(ticket)]
    if ticket.status in (Status.MANUAL, Status.RECEIVED):
        found.append(_choice(ticket))
    if ticket.unit and ticket.status not in CLOSED:
        found.append(_URGE)
    if ticket.unit and ticket.status not in ("archived", "declined"):
        found.append(_contact(ticket))
    if ticket.status in (Status.SUBMITTED, Status.COMPLETED):
        found.append(_RATE)
    if ticket.state.revisit:
        found.append(_REVISIT)
    return found


def open_proposals(ticket: TicketDetail) -> list[tuple[str, str]]:
    """The screening's proposals that nobody has answered (Regulation 2.2): item and reason."""
    open_ones: dict[str, str] = {}
    for line in ticket.log:
        match line.event:
            case ScreeningProposed(code=code, why=why):
                open_ones[code.removeprefix("2.2.")] = render(why)
            case ScreeningDecided(code=code):
                open_ones.pop(code.removeprefix("2.2."), None)
    return [] if ticket.status in CLOSED else list(open_ones.items())


def message(
    act: Action, ticket: TicketDetail, answers: Mapping[str, str], operator: str, now: datetime
) -> dict[str, Any]:
    """The message that this act sends, with who did it; an answer left empty is left out."""
    body: dict[str, Any] = {k: v for k, v in answers.items() if v}
    if act.type == "contact.attempted":
        body["unit"] = HOTLINE if body.get("purpose") in _BY_HOTLINE else ticket.unit
    elif act.type == "unit.urged":
        body["unit"] = ticket.unit
    elif act.type == "screening.decided":
        body |= {"code": act.about, "decline": answers["decline"] == "yes"}
    envelope = {"id": uuid.uuid4().hex, "at": now.isoformat(), "type": act.type}
    return {**envelope, "ticket": ticket.number, **body, "by": operator}


def _contact(ticket: TicketDetail) -> Action:
    running = [c.name for c in ticket.clocks if c.state == "running"]
    owed = next((_OF_CLOCK[n] for n in running if n in _OF_CLOCK), "first")
    purpose = "revisit" if ticket.state.revisit and owed == "first" else owed
    return Action(
        lazy("Record a contact"),
        "contact.attempted",
        (
            Question("purpose", lazy("Purpose"), _PURPOSES, given=purpose),
            Question("outcome", lazy("Outcome"), _OUTCOMES, given="reached"),
            Question("method", lazy("By"), _METHODS, given="phone"),
            Question("evidence", lazy("Evidence"), needed=False),
        ),
    )


def _choice(ticket: TicketDetail) -> Action:
    """Choosing the unit; the one that a model proposes is filled in, and may be changed."""
    unit, label = "", lazy("Choose the unit")
    if proposed := proposed_unit(ticket):
        unit, why = proposed
        label = lazy("Choose the unit; proposed: {unit} ({why})", unit=unit, why=why)
    reason = Question("why", lazy("Reason"), needed=False)
    asked = (Question("unit", lazy("Unit"), is_unit=True, given=unit), reason)
    return Action(label, "ticket.assigned", asked)


def _decision(code: str, why: str) -> Action:
    label = lazy("Answer the proposal 2.2.{code}: {why}", code=code, why=why)
    decline = Question("decline", lazy("Decision"), _DECLINE, given="no")
    return Action(label, "screening.decided", (decline,), about=code)


_URGE = Action(
    lazy("Urge the unit"),
    "unit.urged",
    (Question("text", lazy("What to tell it"), given=""),),
)
_RATE = Action(
    lazy("Record the claimant's rating"),
    "survey.rated",
    (Question("rating", lazy("Rating"), RATINGS, given="satisfied"),),
)
_REVISIT = Action(
    lazy("Record the revisit"),
    "revisit.recorded",
    (
        Question("outcome", lazy("Outcome"), _REVISITED, given="confirmed"),
        Question("rating", lazy("Rating after it"), RATINGS, given="dissatisfied"),
        Question("notes", lazy("Notes"), needed=False),
    ),
)


def action_label(act: Action) -> str:
    """What the act is called, in the operator's language."""
    return render(act.label)
