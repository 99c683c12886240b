"""The figures of the monthly bulletin (通报, Regulation 5.4), each with the tickets behind it.

docs/bulletin.md says each figure in one sentence. A month goes from its first midnight to the
next one's, Asia/Shanghai.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CompoundSelect, FromClause, and_, case, func, literal, select

from models.database import Session
from models.json_types import Json, JsonObject
from models.queries.figures import (
    HOTLINE_DUTIES,
    OF_CARDS,
    OF_COMPLETED,
    OF_DUTIES,
    OF_EVENTS,
    OF_HOTLINE,
    DutyFigure,
    Interval,
    Month,
    Span,
    absences,
    card_events,
    completed_condition,
    completions,
    duty_condition,
    duty_outcome,
    ended_duties,
    month_index,
    rare_events,
    received_tickets,
)
from models.queries.unit_names import UnitNames
from models.rules import events
from models.rules.calendar import SHANGHAI
from models.rules.events import EventData
from models.rules.vocabulary import SATISFIED, ClockName, DutyOutcome, EventName, Level
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
"""Figures by unit or other holder; zeros are left out."""

_FIGURES_OF_DUTY: Mapping[tuple[str, str], tuple[str, ...]] = {
    (name, state): tuple(
        figure
        for figure, counted in {**OF_DUTIES, **OF_HOTLINE}.items()
        if counted.name == name and state in counted.states
    )
    for name in (*HOTLINE_DUTIES, *(counted.name for counted in OF_DUTIES.values()))
    for state in DutyOutcome
}


class DutyCounts:
    """Counts figures by unit in each month of a span, or in one interval, by one statement each."""

    def __init__(self, session: Session, span: Span, names: UnitNames | None = None) -> None:
        self._session, self._span = session, span
        self._names = names or UnitNames()
        places = 1 if isinstance(span, Interval) else len(span)
        self._counts: list[Counts] = [{} for _place in range(places)]

    def counts(self) -> list[Counts]:
        """Return what has been counted, of each month in order."""
        return [
            {
                unit: {figure: n for figure, n in figures.items() if n}
                for unit, figures in counts.items()
            }
            for counts in self._counts
        ]

    def count_tickets(self) -> None:
        """Count the tickets received."""
        for place, unit, count in self._grouped(received_tickets(self._span)):
            self._add(place, unit, "tickets", count)

    def count_completions(self) -> None:
        """Count completions and their ratings."""
        rows = completions(self._session, self._span)
        for place, unit, rating, count in self._grouped(rows, "rating"):
            self._add(place, unit, "completed", count)
            self._add(place, unit, "rated", count if rating else 0)
            self._add(place, unit, "satisfied", count if rating in SATISFIED else 0)

    def count_duties(self) -> None:
        """Count the duties that ended, without the contacts that nobody proved."""
        rows = self._grouped(ended_duties(self._span), "name", "state")
        for place, unit, name, state, count in rows:
            for figure in _FIGURES_OF_DUTY.get((name, state), ()):
                self._add(place, unit, figure, count)
        for place, unit, name, count in self._grouped(absences(self._span), "name"):
            self._add(place, unit, name, -count)

    def count_events(self) -> None:
        """Count cards, returns, second handlings, extensions and conduct."""
        figures = {event: figure for figure, event in OF_EVENTS.items()}
        for select_events in (card_events, rare_events):
            rows = select_events(self._session, self._span)
            for place, unit, name, level, count in self._grouped(rows, "name", "level"):
                self._add(place, unit, figures.get(name, level), count)
                if level in (Level.YELLOW, Level.RED):
                    self._add(place, unit, "cards", count)

    def _add(self, place: int, unit: str, figure: str, count: int) -> None:
        figures = self._counts[place].setdefault(self._names.present(unit), {})
        figures[figure] = figures.get(figure, 0) + count

    def _grouped(
        self, counted: AnySelect | CompoundSelect[Any], *columns: str
    ) -> Iterator[tuple[Any, ...]]:
        rows = self._by_present_names(counted.subquery())
        by: list[AnyExpression] = [rows.c.unit, *(rows.c[column] for column in columns)]
        if isinstance(self._span, Interval):
            for row in self._session.execute(select(*by, func.count()).group_by(*by)):
                yield 0, *row
            return
        by.insert(0, month_index(self._span, rows.c.moment))
        for row in self._session.execute(select(*by, func.count()).group_by(*by)):
            yield tuple(row)

    def _by_present_names(self, rows: FromClause) -> FromClause:
        """Tell apart the units that have had one name, by the moments of the rows."""
        holders = [
            (and_(rows.c.unit == each.name, rows.c.moment <= each.until), literal(each.present))
            for each in self._names.reused
        ]
        if not holders:
            return rows
        others = [column for column in rows.c if column.name != "unit"]
        return select(case(*holders, else_=rows.c.unit).label("unit"), *others).subquery()


def figure_counts(
    session: Session, span: Sequence[Month], names: UnitNames | None = None
) -> list[Counts]:
    """Count every figure of each of these months, all months by the same statements."""
    duty_counts = DutyCounts(session, span, names)
    duty_counts.count_tickets()
    duty_counts.count_completions()
    duty_counts.count_duties()
    duty_counts.count_events()
    return duty_counts.counts()


def figure_cases(
    session: Session,
    month: Month,
    figure: str,
    unit: str | None = None,
    names: UnitNames | None = None,
) -> Iterator[FigureCase]:
    """Yield the tickets behind a figure of a month, of one unit or all, by unit and time.

    A ticket is there as often as it is counted: each card, return or extension by itself.
    """
    names = names or UnitNames()
    wanted = None if unit is None else names.all_names(unit)
    cases = [
        _case(row._asdict(), figure, names)
        for row in session.execute(_behind(session, month, figure, wanted))
    ]
    if unit is not None:  # another unit may have had one of its names
        cases = [case for case in cases if case.unit == names.present(unit)]
    # a renamed unit stands where its present name does
    several = names.renamed or names.reused
    yield from sorted(cases, key=lambda case: case.unit) if several else cases


def _case(fields: dict[str, Any], figure: str, names: UnitNames) -> FigureCase:
    unit, number, title = fields.pop("unit"), fields.pop("number"), fields.pop("title")
    category, moment = fields.pop("category"), fields.pop("at")
    event = None
    if (data := fields.get("data")) is not None:
        event = events.convert(OF_EVENTS.get(figure, EventName.ALERT_RAISED), data)
        fields = data
    note = {k: v for k, v in fields.items() if k not in _SAID_BESIDE and v is not None}
    return FigureCase(names.present(unit, moment), number, title, category, moment, note, event)


def figure_tickets(
    session: Session, month: Month, figure: str, names: UnitNames | None = None
) -> dict[str, tuple[str, ...]]:
    """Return the numbers of the tickets behind a figure of a month, by unit, each time counted."""
    present = (names or UnitNames()).present
    rows = _behind(session, month, figure, None)
    columns = rows.selected_columns
    numbers: dict[str, list[str]] = {}
    for unit, number, at in session.execute(
        rows.with_only_columns(columns.unit, columns.number, columns.at)
    ):
        numbers.setdefault(present(unit, at), []).append(number)
    return {unit: tuple(of_unit) for unit, of_unit in numbers.items()}


def _behind(session: Session, month: Month, figure: str, units: Sequence[str] | None) -> AnySelect:
    if figure == "tickets":
        cases = _cases(received_tickets([month]).subquery(), TICKET.c.status)
    elif figure in OF_COMPLETED:
        completed = completions(session, [month]).subquery()
        cases = _cases(completed, completed.c.rating)
        cases = cases.where(completed_condition(figure, completed.c.rating))
    elif (duty := {**OF_DUTIES, **OF_HOTLINE}.get(figure)) is not None:
        cases = _duty_cases(month, duty)
    else:
        cases = _event_cases(session, month, figure)
    return cases if units is None else cases.where(cases.selected_columns.unit.in_(units))


def _cases(rows: FromClause, *notes: AnyExpression) -> AnySelect:
    return (
        select(rows.c.unit, *_NAMED, rows.c.moment.label("at"), *notes)
        .select_from(rows)
        .join(TICKET, TICKET.c.id == rows.c.ticket_id)
        .order_by(rows.c.unit, rows.c.moment, TICKET.c.number)
    )


def _duty_cases(month: Month, duty: DutyFigure) -> AnySelect:
    name = _NOTE_OF.get(duty.name, "outcome")
    rows = ended_duties([month]).where(duty_condition(duty))
    counted = rows.add_columns(CLOCK.c.due, duty_outcome(duty.name).label("outcome")).subquery()
    return _cases(counted, counted.c.outcome.label(name), counted.c.due)


_NOTE_OF = {
    ClockName.HANDLING: "handling",
    ClockName.FIRST_CONTACT: "first_contact",
    ClockName.CLOSING_CONTACT: "closing_contact",
}
"""The notes of units' duties."""


def _event_cases(session: Session, month: Month, figure: str) -> AnySelect:
    select_events = card_events if figure in (*OF_CARDS, "cards") else rare_events
    rows = select_events(session, [month]).subquery()
    wanted = (Level.YELLOW, Level.RED) if figure == "cards" else (figure,)
    named = (
        rows.c.level.in_(wanted)
        if select_events is card_events
        else rows.c.name == OF_EVENTS[figure]
    )
    what = (rows.c.unit, rows.c.moment.label("at"), rows.c.data, *_NAMED)
    return (
        select(*what)
        .select_from(rows)
        .join(TICKET, TICKET.c.id == rows.c.ticket_id)
        .where(named)
        .order_by(rows.c.unit, rows.c.moment, TICKET.c.number, rows.c.seq)
    )


_SAID_BESIDE = ("unit", "clock", "why")
_NAMED = (TICKET.c.number, TICKET.c.title, TICKET.c.category)
