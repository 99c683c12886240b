"""The bulletin counted another way: ticket by ticket, from the events of its log."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from models.database import Store
from models.queries.figures import HOTLINE_DUTIES, Month
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


@dataclass
class Duty:
    """A duty as a log tells it."""

    name: str
    purpose: str | None
    holder: str
    state: str = "running"
    ended_at: datetime | None = None
    absent: bool = False


def duties_of(events: Sequence[Any]) -> list[Duty]:
    """The duties of a ticket in the order in which they began."""
    duties: list[Duty] = []
    latest: dict[tuple[str, str | None], Duty] = {}
    for event in sorted(events, key=_place):
        data = event.data
        if event.name == "unit.succeeded":
            for duty in duties:
                if duty.state == "running" and duty.holder == data["unit"]:
                    duty.holder = data["successor"]
        if event.name == "contact.deemed_absent":
            latest[f"{data['purpose']}_contact", None].absent = True
        if not event.name.startswith("clock.") or event.name == "clock.moved":
            continue
        key = data["clock"], data.get("purpose") or data.get("unit")
        begun = latest.get(key)
        if event.name != "clock.started":
            assert begun is not None
            expired = event.name == "clock.expired"
            begun.state = "expired" if expired else data["outcome"]
            begun.ended_at = datetime.fromisoformat(data["due"]) if expired else event.moment
            continue
        if begun is None or not _resumed(events, event, begun):
            begun = latest[key] = Duty(data["clock"], data.get("purpose"), data["holder"])
            duties.append(begun)
        begun.state, begun.ended_at = "running", None
    return duties


def _resumed(events: Sequence[Any], started: Any, before: Duty) -> bool:
    """Whether a handling runs on after a refused result, and no other one begins."""
    causes = ("result.refused", "rework.opened", "ticket.accepted", "ticket.deemed_accepted")
    earlier = [e for e in events if (e.moment, e.seq) < (started.moment, started.seq)]
    cause = next(
        (e.name for e in sorted(earlier, key=_place, reverse=True) if e.name in causes), None
    )
    return before.name == "handling" and before.state != "cancelled" and cause == causes[0]


def _place(event: Any) -> tuple[datetime, int]:
    return event.moment, event.seq


def _figures(events: Sequence[Any], month: Month) -> Iterator[tuple[str, str]]:
    yield from _events(events, month)
    (received,) = [e.moment for e in events if e.name == "ticket.received"]
    duties = duties_of(events)
    first = next((duty for duty in duties if duty.name == "accept"), None)
    if first is not None and _in(month, received):
        yield first.holder, "tickets"
    yield from _completions(events, month)
    for duty in duties:
        if duty.ended_at is None or not _in(month, duty.ended_at):
            continue
        if duty.name == "handling" and duty.state in ("met", "late"):
            yield duty.holder, "timed"
            yield duty.holder, "on_time" if duty.state == "met" else "late"
        for purpose in ("first", "closing"):
            if duty.name == f"{purpose}_contact":
                if duty.state in ("met", "late", "expired"):
                    yield duty.holder, f"{purpose}_due"
                if duty.state == "met" and not duty.absent:
                    yield duty.holder, f"{purpose}_contact"
        if duty.name == "proof" and duty.state == "expired":
            yield duty.holder, "absent"
        if duty.name in HOTLINE_DUTIES and duty.state != "cancelled":
            outcome = "expired" if duty.state == "expired" else "met"
            yield duty.holder, f"{duty.name}_{outcome}"


def _completions(events: Sequence[Any], month: Month) -> Iterator[tuple[str, str]]:
    """Each completion, for the unit whose result it was, and the rating that it has in the end."""
    unit, rating, open_since = "", None, None
    completions: list[tuple[datetime, str, str | None]] = []
    for event in sorted(events, key=_place):
        match event.name:
            case "result.submitted":
                unit, rating, open_since = event.data["unit"], None, event.moment
            case "rework.opened":
                open_since = event.moment
            case "ticket.completed":
                completions.append((event.moment, unit, rating))
                open_since = None
            case "survey.rated" | "rating.corrected":
                rating = event.data.get("rating") or event.data["to"]
                if completions and open_since is None:
                    completions[-1] = (*completions[-1][:2], rating)
    for moment, unit_then, rated in completions:
        if _in(month, moment):
            yield unit_then, "completed"
            if rated:
                yield unit_then, "rated"
            if rated in _GOOD:
                yield unit_then, "satisfied"


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
        if event.name == "unit.succeeded" and event.data["unit"] == holder:
            holder = event.data["successor"]
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


def _in(month: Month, at: datetime) -> bool:
    local = at.astimezone(SHANGHAI)
    return (local.year, local.month) == (month.year, month.month)
