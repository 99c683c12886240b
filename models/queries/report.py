"""The monthly bulletin (通报, Regulation 5.4): every figure is a set of cases to be looked at.

docs/bulletin.md says each figure in one sentence. A month goes from its first midnight to the
next one's, Asia/Shanghai.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, select

from models.database import Session
from models.queries.figures import (
    CONTACTS,
    OF_CARDS,
    OF_COMPLETED,
    OF_EVENTS,
    Month,
    cards,
    clocks_of,
    completed,
    conditions,
    in_charge,
    rare,
    which,
)
from models.rules.calendar import SHANGHAI
from models.tables.core import TICKET


@dataclass(frozen=True, slots=True)
class Case:
    """A ticket behind a figure: when it came to be counted, and what there is to say of it."""

    unit: str
    ticket: str
    title: str
    category: str
    at: datetime
    note: Mapping[str, Any]


def plain_case(case: Case) -> dict[str, Any]:
    """A case for machines, every instant in +08:00."""
    local = {
        k: v.astimezone(SHANGHAI) if isinstance(v, datetime) else v for k, v in case.note.items()
    }
    own = {f: getattr(case, f) for f in ("unit", "ticket", "title", "category")}
    return {**local, **own, "at": case.at.astimezone(SHANGHAI)}


Counts = dict[str, dict[str, int]]
"""Figures by unit; what is nought is left out."""


def counts(session: Session, span: Sequence[Month]) -> list[Counts]:
    """Every figure of each of these months; all months are counted in one go."""
    found: list[Counts] = [{} for _month in span]

    def add(place: int, unit: str, figure: str, count: int) -> None:
        if count:
            own = found[place].setdefault(unit, {})
            own[figure] = own.get(figure, 0) + count

    place = which(span, TICKET.c.received_at)
    received = select(place, TICKET.c.unit, func.count())
    received = received.where(*in_charge(span, TICKET.c.received_at))
    for month, unit, count in session.execute(received.group_by(place, TICKET.c.unit)):
        add(month, unit, "tickets", count)
    clocks = clocks_of(span)
    asked = conditions(clocks)
    place = which(span, TICKET.c.completed_at)
    sums = [func.sum(case((asked[name], 1), else_=0)) for name in OF_COMPLETED]
    own = completed(span, clocks, place, TICKET.c.unit, *sums)
    for month, unit, *numbers in session.execute(own.group_by(place, TICKET.c.unit)):
        for name, count in zip(OF_COMPLETED, numbers, strict=True):
            add(month, unit, name, count)
    names = {event: figure for figure, event in OF_EVENTS.items()}
    for events in (cards(session, span), rare(session, span)):
        rows = events.subquery()
        by = (which(span, rows.c.moment), rows.c.unit, rows.c.name, rows.c.level)
        grouped = select(*by, func.count()).group_by(*by)
        for month, unit, name, level, count in session.execute(grouped):
            add(month, unit, names.get(name, level), count)
            if level in ("yellow", "red"):
                add(month, unit, "cards", count)
    return found


def cases(session: Session, month: Month, figure: str, unit: str | None = None) -> Iterator[Case]:
    """The tickets behind a figure of a month, of one unit or of all, in the order of unit and time.

    A ticket is there as often as it is counted: each card, return or extension by itself.
    """
    if figure in ("tickets", *OF_COMPLETED):
        yield from _ticket_cases(session, month, figure, unit)
        return
    events = cards if figure in (*OF_CARDS, "cards") else rare
    rows = events(session, [month]).subquery()
    wanted = {"cards": ("yellow", "red")}.get(figure, (figure,))
    named = rows.c.level.in_(wanted) if events is cards else rows.c.name == OF_EVENTS[figure]
    found = (
        select(rows, TICKET.c.number, TICKET.c.title, TICKET.c.category)
        .join(TICKET, TICKET.c.id == rows.c.ticket_id)
        .where(named)
        .order_by(rows.c.unit, rows.c.moment, TICKET.c.number, rows.c.seq)
    )
    if unit is not None:
        found = found.where(rows.c.unit == unit)
    for row in session.execute(found):
        note = {k: v for k, v in row.data.items() if k not in ("unit", "clock", "why")}
        yield Case(row.unit, row.number, row.title, row.category, row.moment, note)


def _ticket_cases(session: Session, month: Month, figure: str, unit: str | None) -> Iterator[Case]:
    what = (TICKET.c.unit, TICKET.c.number, TICKET.c.title, TICKET.c.category)
    if figure == "tickets":
        at = TICKET.c.received_at
        found: Select[Any] = select(*what, at.label("at"), TICKET.c.status).where(
            *in_charge([month], at)
        )
    else:
        at = TICKET.c.completed_at
        clocks = clocks_of([month])
        shown = (clocks.c[name] for name in ("handling", "due", "ended_at", *CONTACTS))
        found = completed([month], clocks, *what, at.label("at"), *shown, TICKET.c.rating)
        found = found.where(conditions(clocks)[figure])
    if unit is not None:
        found = found.where(TICKET.c.unit == unit)
    for row in session.execute(found.order_by(TICKET.c.unit, at, TICKET.c.number)):
        own = row._asdict()
        unit, number, title = own.pop("unit"), own.pop("number"), own.pop("title")
        category, moment = own.pop("category"), own.pop("at")
        note = {k: v for k, v in own.items() if v is not None}
        yield Case(unit, number, title, category, moment, note)
