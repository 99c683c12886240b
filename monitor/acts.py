"""What an operator can do with a ticket: each act is a message like any other source's."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.labels import Said, readable, say, told
from models.queries.detail import Detail, proposed_unit
from models.rules.messages import HOTLINE
from models.rules.state import (
    CLOSED,
    CLOSING,
    COMPLETED,
    FIRST,
    MANUAL,
    RECEIVED,
    SUBMITTED,
    SURVEY,
)
from monitor.words import PURPOSES, RATINGS

_OF_CLOCK = {FIRST: "first", CLOSING: "closing", SURVEY: "survey"}
_PURPOSES = {code: PURPOSES[code] for code in ("first", "closing", "survey", "revisit")}
_BY_HOTLINE = ("survey", "revisit")
"""Calls that the hotline makes itself, not the unit (Regulation 4.4, 4.5)."""

_OUTCOMES = {
    "reached": say("reached"),
    "no_answer": say("no answer"),
    "wrong_number": say("wrong number"),
    "refused": say("would not talk"),
}
_METHODS = {
    "phone": say("phone"),
    "sms": say("text message"),
    "visit": say("visit"),
    "online": say("online"),
}
_REVISITED = {"confirmed": say("confirmed"), "corrected": say("corrected")}
_DECLINE = {"no": say("keep the ticket"), "yes": say("decline it")}


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that an act has to be told: a choice among codes, a unit, or a text."""

    name: str
    label: Said
    choices: Mapping[str, Said] | None = None
    is_unit: bool = False
    needed: bool = True
    given: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that can be done: what it is called, the message it sends, what it asks."""

    label: Said
    type: str
    questions: Sequence[Question] = ()
    about: str = ""


def possible(ticket: Detail) -> list[Act]:
    """The acts that a ticket's standing allows; whether one is right is decided by the rules."""
    found = [_decision(code, why) for code, why in proposals(ticket)]
    if ticket.status in (MANUAL, RECEIVED):
        found.append(_choice(ticket))
    if ticket.unit and ticket.status not in CLOSED:
        found.append(_URGE)
    if ticket.unit and ticket.status not in ("archived", "declined"):
        found.append(_contact(ticket))
    if ticket.status in (SUBMITTED, COMPLETED):
        found.append(_RATE)
    if ticket.state.revisit:
        found.append(_REVISIT)
    return found


def proposals(ticket: Detail) -> list[tuple[str, str]]:
    """The screening's proposals that nobody has answered (Regulation 2.2): item and reason."""
    open_ones: dict[str, str] = {}
    for line in ticket.log:
        code = str(line.data.get("code", "")).removeprefix("2.2.")
        if line.name == "screening.proposed":
            open_ones[code] = str(readable(line.data.get("why", "")))
        elif line.name == "screening.decided":
            open_ones.pop(code, None)
    return [] if ticket.status in CLOSED else list(open_ones.items())


def message(
    act: Act, ticket: Detail, answers: Mapping[str, str], operator: str, now: datetime
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


def _contact(ticket: Detail) -> Act:
    running = [c.name for c in ticket.clocks if c.state == "running"]
    owed = next((_OF_CLOCK[n] for n in running if n in _OF_CLOCK), "first")
    purpose = "revisit" if ticket.state.revisit and owed == "first" else owed
    return Act(
        say("Record a contact"),
        "contact.attempted",
        (
            Question("purpose", say("Purpose"), _PURPOSES, given=purpose),
            Question("outcome", say("Outcome"), _OUTCOMES, given="reached"),
            Question("method", say("By"), _METHODS, given="phone"),
            Question("evidence", say("Evidence"), needed=False),
        ),
    )


def _choice(ticket: Detail) -> Act:
    """Choosing the unit; the one that a model proposes is filled in, and may be changed."""
    unit, label = "", say("Choose the unit")
    if proposed := proposed_unit(ticket):
        unit, why = proposed
        label = say("Choose the unit; proposed: {unit} ({why})", unit=unit, why=why)
    reason = Question("why", say("Reason"), needed=False)
    asked = (Question("unit", say("Unit"), is_unit=True, given=unit), reason)
    return Act(label, "ticket.assigned", asked)


def _decision(code: str, why: str) -> Act:
    label = say("Answer the proposal 2.2.{code}: {why}", code=code, why=why)
    decline = Question("decline", say("Decision"), _DECLINE, given="no")
    return Act(label, "screening.decided", (decline,), about=code)


_URGE = Act(
    say("Urge the unit"),
    "unit.urged",
    (Question("text", say("What to tell it"), given=""),),
)
_RATE = Act(
    say("Record the claimant's rating"),
    "survey.rated",
    (Question("rating", say("Rating"), RATINGS, given="satisfied"),),
)
_REVISIT = Act(
    say("Record the revisit"),
    "revisit.recorded",
    (
        Question("outcome", say("Outcome"), _REVISITED, given="confirmed"),
        Question("rating", say("Rating after it"), RATINGS, given="dissatisfied"),
        Question("notes", say("Notes"), needed=False),
    ),
)


def said(act: Act) -> str:
    """What the act is called, in the operator's language."""
    return told(act.label)
