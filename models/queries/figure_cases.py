"""The figures of the monthly bulletin (通报, Regulation 5.4), each with the tickets behind it.

docs/bulletin.md says each figure in one sentence. A month goes from its first midnight to the
next one's, Asia/Shanghai.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, case, func, select

from models.database import Session
from models.json_types import Json, JsonObject
from models.queries.figures import (
    CONDITIONS,
    OF_CARDS,
    OF_COMPLETED,
    OF_EVENTS,
    Month,
    card_events,
    in_span_with_unit,
    month_index,
    rare_events,
)
from models.rules import events
from models.rules.calendar import SHANGHAI
from models.rules.events import EventData
from models.rules.vocabulary import ClockName, EventName, Level
from models.sql_types import AnyExpression, AnySelect
from models.tables.core import CLOCK, TICKET


@dataclass(frozen=True, slots=True)
class FigureCase:
    """A ticket behind a figure: from when it counts, and the event that it counts by, if any.

    `note` is what there is to say of it beside the other fields, for reports to list.
    """

    unit: str
    ticket: str
    title: str
    category: str
    at: datetime
    note: Mapping[str, Json]
    event: EventData | None = None


def case_as_dict(case: FigureCase) -> JsonObject:
    """Return a case for machines, every instant in +08:00."""
    local = {
        k: v.astimezone(SHANGHAI) if isinstance(v, datetime) else v for k, v in case.note.items()
    }
    columns = {f: getattr(case, f) for f in ("unit", "ticket", "title", "category")}
    return {**local, **columns, "at": case.at.astimezone(SHANGHAI)}


Counts = dict[str, dict[str, int]]
"""Figures by unit; zeros are left out."""


def figure_counts(session: Session, span: Sequence[Month]) -> list[Counts]:
    """Count every figure of each of these months, all months by the same statements."""
    by_month: list[Counts] = [{} for _month in span]

    def add(place: int, unit: str, figure: str, count: int) -> None:
        if count:
            figures = by_month[place].setdefault(unit, {})
            figures[figure] = figures.get(figure, 0) + count

    place = month_index(span, TICKET.c.received_at)
    received = select(place, TICKET.c.unit, func.count())
    received = received.where(*in_span_with_unit(span, TICKET.c.received_at))
    for month, unit, count in session.execute(received.group_by(place, TICKET.c.unit)):
        add(month, unit, "tickets", count)
    place = month_index(span, TICKET.c.completed_at)
    sums = [func.sum(case((asked, 1), else_=0)) for asked in CONDITIONS.values()]
    done = select(place, TICKET.c.unit, *sums).where(
        *in_span_with_unit(span, TICKET.c.completed_at)
    )
    for month, unit, *numbers in session.execute(done.group_by(place, TICKET.c.unit)):
        for name, count in zip(CONDITIONS, numbers, strict=True):
            add(month, unit, name, count)
    names = {event: figure for figure, event in OF_EVENTS.items()}
    for counted in (card_events(session, span), rare_events(session, span)):
        rows = counted.subquery()
        by = (month_index(span, rows.c.moment), rows.c.unit, rows.c.name, rows.c.level)
        grouped = select(*by, func.count()).group_by(*by)
        for month, unit, name, level, count in session.execute(grouped):
            add(month, unit, names.get(name, level), count)
            if level in (Level.YELLOW, Level.RED):
                add(month, unit, "cards", count)
    return by_month


def figure_cases(
    session: Session, month: Month, figure: str, unit: str | None = None
) -> Iterator[FigureCase]:
    """Yield the tickets behind a figure of a month, of one unit or all, by unit and time.

    A ticket is there as often as it is counted: each card, return or extension by itself.
    """
    for row in session.execute(_behind(session, month, figure, unit)):
        fields = row._asdict()
        unit, number, title = fields.pop("unit"), fields.pop("number"), fields.pop("title")
        category, moment = fields.pop("category"), fields.pop("at")
        event = None
        if (data := fields.get("data")) is not None:
            event = events.convert(OF_EVENTS.get(figure, EventName.ALERT_RAISED), data)
            fields = data
        note = {k: v for k, v in fields.items() if k not in _SAID_BESIDE and v is not None}
        yield FigureCase(unit, number, title, category, moment, note, event)


def figure_tickets(session: Session, month: Month, figure: str) -> dict[str, tuple[str, ...]]:
    """Return the numbers of the tickets behind a figure of a month, by unit, each once."""
    rows = _behind(session, month, figure, None)
    wanted = rows.selected_columns.unit, rows.selected_columns.number
    numbers: dict[str, dict[str, None]] = {}
    for unit, number in session.execute(
        rows.with_only_columns(*wanted, maintain_column_froms=True)
    ):
        numbers.setdefault(unit, {})[number] = None
    return {unit: tuple(of_unit) for unit, of_unit in numbers.items()}


def _behind(session: Session, month: Month, figure: str, unit: str | None) -> AnySelect:
    if figure in ("tickets", *OF_COMPLETED):
        rows: AnySelect = _ticket_cases(month, figure)
        unit_column: AnyExpression = TICKET.c.unit
    else:
        rows, unit_column = _event_cases(session, month, figure)
    return rows if unit is None else rows.where(unit_column == unit)


def _event_cases(session: Session, month: Month, figure: str) -> tuple[AnySelect, AnyExpression]:
    select_events = card_events if figure in (*OF_CARDS, "cards") else rare_events
    rows = select_events(session, [month]).subquery()
    wanted = (Level.YELLOW, Level.RED) if figure == "cards" else (figure,)
    named = (
        rows.c.level.in_(wanted)
        if select_events is card_events
        else rows.c.name == OF_EVENTS[figure]
    )
    what = (rows.c.unit, rows.c.moment.label("at"), rows.c.data, *_NAMED)
    query = (
        select(*what)
        .join(TICKET, TICKET.c.id == rows.c.ticket_id)
        .where(named)
        .order_by(rows.c.unit, rows.c.moment, TICKET.c.number, rows.c.seq)
    )
    return query, rows.c.unit


def _ticket_cases(month: Month, figure: str) -> AnySelect:
    at = TICKET.c.received_at if figure == "tickets" else TICKET.c.completed_at
    what: tuple[AnyExpression, ...] = (TICKET.c.unit, *_NAMED, at.label("at"))
    if figure == "tickets":
        query = select(*what, TICKET.c.status)
    else:
        handling = and_(CLOCK.c.ticket_id == TICKET.c.id, CLOCK.c.key == ClockName.HANDLING)
        query = select(
            *what,
            TICKET.c.handled.label("handling"),
            CLOCK.c.due,
            CLOCK.c.ended_at,
            TICKET.c.first_contacted.label("first_contact"),
            TICKET.c.closing_contacted.label("closing_contact"),
            TICKET.c.rating,
        )
        query = query.outerjoin(CLOCK, handling).where(CONDITIONS[figure])
    query = query.where(*in_span_with_unit([month], at))
    return query.order_by(TICKET.c.unit, at, TICKET.c.number)


_SAID_BESIDE = ("unit", "clock", "why")
_NAMED = (TICKET.c.number, TICKET.c.title, TICKET.c.category)
