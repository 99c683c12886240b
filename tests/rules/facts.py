"""Facts of a ticket's life, read from its events as scenarios/README.md lists them."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from models.rules.calendar import SHANGHAI
from models.rules.events import Event, fields

Fact = tuple[Any, ...]

_UNNUMBERED = (
    *("evidence", "proof", "designation"),
    *("assignment", "return_review", "result_review", "mediation", "revisit"),
)
_SILENT = ("accept", "handling", *_UNNUMBERED)
_TAKING_BACK = ("alert.withdrawn", "decision.withdrawn")
_AT = {
    "extension.refused": "ext_refused",
    "ticket.completed": "completed",
    "ticket.withdrawn": "archived_withdrawn",
    "rework.opened": "rework",
    "rework.refused": "rework_refused",
}


def facts_of(ticket: str, events: Sequence[Event]) -> list[Fact]:
    """Every fact that the events of one ticket show, in their order; instants with +08:00."""
    counted: Counter[str] = Counter()
    plain = ((event.name, event.at, fields(event.data)) for event in events)
    return [fact for event in plain for fact in _facts(ticket, *event, counted)]


def facts_of_log(log: Sequence[dict[str, Any]]) -> list[Fact]:
    """The same from a log as a replay prints it: events of several tickets, one object each."""
    tickets = dict.fromkeys(e["ticket"] for e in log if e["ticket"] is not None)
    facts: list[Fact] = []
    for ticket in tickets:
        of_ticket = [e for e in log if e["ticket"] == ticket]
        gone = {e["of"] for e in of_ticket if e["event"] in _TAKING_BACK}
        standing = [(e, datetime.fromisoformat(e["at"])) for e in of_ticket if e["seq"] not in gone]
        counted: Counter[str] = Counter()
        for event, at in standing:
            facts += _facts(ticket, event["event"], at, event, counted)
    return facts


def _facts(
    ticket: str, name: str, at: datetime, data: dict[str, Any], counted: Counter[str]
) -> list[Fact]:
    clock = data.get("clock", "")

    def nth(what: str) -> int:
        counted[what] += 1
        return counted[what]

    match name:
        case "ticket.accepted" if data.get("late"):
            return [("late_accept", ticket, _text(at))]
        case "contact.deemed_absent":
            due = _text(data["effective_at"])
            return [("absent", ticket, data["purpose"], data["unit"], due)]
        case "contact.proved" if not data.get("late"):
            return [("proved", ticket, data["purpose"], data["unit"])]
        case "clock.expired" if clock == "designation":
            return [("proposed", ticket, "refused_assignment", _text(data["due"]))]
        case "clock.started" | "clock.moved" if clock not in _UNNUMBERED:
            return [("due", ticket, clock, nth(f"due {clock}"), _text(data["due"]))]
        case "clock.stopped" if clock == "handling" and data["outcome"] in ("met", "late"):
            return [("stopped", ticket, clock, nth("stopped"), data["outcome"])]
        case "clock.expired" if clock not in _SILENT:
            return [("expired", ticket, clock, _text(data["due"]))]
        case "alert.raised" if clock == "handling":
            return [("level", ticket, nth("level"), data["level"], _text(data["effective_at"]))]
        case "ticket.deemed_accepted":
            return [("deemed", ticket, _text(data["effective_at"]))]
        case "extension.granted":
            return [("ext", ticket, data["number"], _text(data["due"]))]
        case "contact.unreachable":
            return [("unreachable", ticket, data["purpose"], _text(at))]
        case _ if name in _AT:
            return [(_AT[name], ticket, _text(at))]
    return []


def _text(at: datetime | str) -> str:
    at = datetime.fromisoformat(at) if isinstance(at, str) else at
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")
