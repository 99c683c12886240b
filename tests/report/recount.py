"""The bulletin counted another way: ticket by ticket, from the events of its log."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from models.database import Store
from models.queries.figures import Month
from models.rules.calendar import SHANGHAI
from models.tables.core import EVENT, TICKET

_GOOD = {"very_satisfied", "satisfied", "basically_satisfied"}


def logs(store: Store) -> dict[str, list[Any]]:
    """The standing events of each ticket: what was taken back is left out."""
    result: dict[str, list[Any]] = defaultdict(list)
    with store.reading() as session:
        rows = session.execute(
            select(EVENT, TICKET.c.number)
            .join(TICKET, TICKET.c.id == EVENT.c.ticket_id)
            .order_by(EVENT.c.ticket_id, EVENT.c.seq)
        )
        for row in rows:
            result[row.number].append(row)
    for number, events in result.items():
        gone = {e.data["of"] for e in events if e.name.endswith(".withdrawn") and "of" in e.data}
        result[number] = [e for e in events if e.seq not in gone]
    return result


def counted(store: Store, month: Month) -> dict[str, dict[str, int]]:
    """Every figure of a month by unit, by reading what happened."""
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for events in logs(store).values():
        for unit, figure in _figures(events, month):
            sums[unit][figure] += 1
    return {unit: dict(counts) for unit, counts in sums.items()}


def _figures(events: Sequence[Any], month: Month) -> Iterator[tuple[str, str]]:
    yield from _events(events, month)
    unit = _unit(events)
    if unit is None:
        return
    (received,) = [e.moment for e in events if e.name == "ticket.received"]
    if _in(month, received):
        yield unit, "tickets"
    completed = [e.moment for e in events if e.name == "ticket.completed"]
    if not completed or not _in(month, completed[-1]):
        return
    yield unit, "completed"
    handling = _clock(events, "handling")
    if handling in ("met", "late"):
        yield unit, "timed"
        yield unit, "on_time" if handling == "met" else "late"
    absent = {e.data["purpose"] for e in events if e.name == "contact.deemed_absent"}
    for purpose in ("first", "closing"):
        state = _clock(events, f"{purpose}_contact")
        if state in ("met", "late", "expired"):
            yield unit, f"{purpose}_due"
        if state == "met" and purpose not in absent:
            yield unit, f"{purpose}_contact"
    if rating := _rating(events):
        yield unit, "rated"
        if rating in _GOOD:
            yield unit, "satisfied"


def _events(events: Sequence[Any], month: Month) -> Iterator[tuple[str, str]]:
    figures = {
        "ticket.returned": "returns",
        "rework.opened": "reworks",
        "conduct.recorded": "recorded",
        "conduct.proposed": "proposed",
    }
    holder = ""
    for event in events:
        if event.name in ("ticket.accepted", "ticket.deemed_accepted"):
            holder = event.data["unit"]
        if event.name == "alert.raised":
            effective = datetime.fromisoformat(event.data["effective_at"])
            if _in(month, effective):
                yield event.data["unit"], event.data["level"]
                if event.data["level"] != "prewarning":
                    yield event.data["unit"], "cards"
        elif not _in(month, event.moment):
            continue
        elif event.name == "extension.granted":
            yield holder, "extensions"
        elif event.name in figures:
            yield event.data["unit"], figures[event.name]


def _unit(events: Sequence[Any]) -> str | None:
    leading = ("ticket.dispatched", "dispute.decided", "rework.opened")
    return next((e.data["unit"] for e in reversed(events) if e.name in leading), None)


def _clock(events: Sequence[Any], name: str) -> str | None:
    for event in reversed(events):
        if event.name.startswith("clock.") and event.data["clock"] == name:
            if event.name == "clock.stopped":
                return str(event.data["outcome"])
            return "expired" if event.name == "clock.expired" else "running"
    return None


def _rating(events: Sequence[Any]) -> str | None:
    rating = before = None
    for event in events:
        match event.name:
            case "result.submitted":
                before = rating
            case "result.refused":
                rating = before
            case "survey.rated":
                rating = event.data["rating"]
            case "rating.corrected":
                rating = event.data["to"]
    return rating


def _in(month: Month, at: datetime) -> bool:
    local = at.astimezone(SHANGHAI)
    return (local.year, local.month) == (month.year, month.month)
