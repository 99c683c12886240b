"""The definitions of the bulletin's figures: which tickets and events of a month count (5.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import NamedTuple

from sqlalchemy import (
    JSON,
    ColumnElement,
    Text,
    and_,
    case,
    cast,
    func,
    select,
    text,
    true,
)

from models.database import Session
from models.queries.conditions import event_named
from models.rules.calendar import SHANGHAI
from models.rules.vocabulary import SATISFIED, DutyOutcome, EventName, Level
from models.sql_types import AnyExpression, AnySelect
from models.tables.core import EVENT, TICKET
from models.tables.ticket import REPORTED, WITHDRAWN

_ACCEPTANCE, _WITHDRAWAL = EVENT.alias("acceptance"), EVENT.alias("withdrawal")

CONDITIONS: Mapping[str, ColumnElement[bool]] = {
    "completed": true(),
    "timed": TICKET.c.handled.in_((DutyOutcome.MET, DutyOutcome.LATE)),
    "on_time": TICKET.c.handled == DutyOutcome.MET,
    "late": TICKET.c.handled == DutyOutcome.LATE,
    "first_due": TICKET.c.first_contacted.is_not(None),
    "first_contact": TICKET.c.first_contacted == DutyOutcome.MET,
    "closing_due": TICKET.c.closing_contacted.is_not(None),
    "closing_contact": TICKET.c.closing_contacted == DutyOutcome.MET,
    "rated": TICKET.c.rating.is_not(None),
    "satisfied": TICKET.c.rating.in_(SATISFIED),
}
"""The condition on a completed ticket for each figure."""
OF_COMPLETED = tuple(CONDITIONS)
OF_CARDS = tuple(Level)
OF_EVENTS = {
    "returns": EventName.TICKET_RETURNED,
    "reworks": EventName.REWORK_OPENED,
    "extensions": EventName.EXTENSION_GRANTED,
    "recorded": EventName.CONDUCT_RECORDED,
    "proposed": EventName.CONDUCT_PROPOSED,
}
FIGURES = ("tickets", *OF_COMPLETED, *OF_CARDS, "cards", *OF_EVENTS)
"""Everything that is counted; rates are quotients of two of these."""

RATES = {
    "on_time_rate": ("on_time", "timed"),
    "first_contact_rate": ("first_contact", "first_due"),
    "closing_contact_rate": ("closing_contact", "closing_due"),
    "satisfaction": ("satisfied", "rated"),
}


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month, Asia/Shanghai."""

    year: int
    month: int

    @classmethod
    def parse(cls, written: str) -> "Month":
        """Parse a month such as 2026-10; raises ValueError."""
        day = date.fromisoformat(f"{written}-01")
        return cls(day.year, day.month)

    @classmethod
    def of(cls, at: datetime) -> "Month":
        """Return the month of a moment."""
        local = at.astimezone(SHANGHAI)
        return cls(local.year, local.month)

    def plus(self, months_until: int) -> "Month":
        """Return the month so many months later."""
        count = self.year * 12 + self.month - 1 + months_until
        return Month(count // 12, count % 12 + 1)

    @property
    def begins_at(self) -> datetime:
        """Its first moment; the next month's is its end."""
        return datetime.combine(date(self.year, self.month, 1), time(), SHANGHAI)

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02}"


class Interval(NamedTuple):
    """An interval that is no month: its first moment, and the first one after it."""

    begins_at: datetime
    ends_at: datetime


Span = Sequence[Month] | Interval
"""Consecutive months, or another interval."""


def span_bounds(span: Span) -> tuple[datetime, datetime]:
    """Return the first moment of a span, and the first one after it."""
    if isinstance(span, Interval):
        return span
    return span[0].begins_at, span[-1].plus(1).begins_at


def in_span(span: Span, column: AnyExpression) -> ColumnElement[bool]:
    """Return the condition that an instant lies in a span."""
    begins_at, ends_at = span_bounds(span)
    return and_(column >= begins_at, column < ends_at)


def month_index(span: Sequence[Month], column: AnyExpression) -> ColumnElement[int]:
    """Return the index of the month in which an instant lies, from 0."""
    ends = [(column < month.plus(1).begins_at, place) for place, month in enumerate(span)]
    return case(*ends, else_=len(span)).label("which")


def in_span_with_unit(
    span: Span, column: AnyExpression
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the conditions that a ticket's instant lies in a span and that it has a unit."""
    return in_span(span, column), TICKET.c.unit.is_not(None)


def card_events(session: Session, span: Span) -> AnySelect:
    """Select levels by their moment; none is recorded before it, so the index by `at` helps."""
    raised = and_(event_named(EventName.ALERT_RAISED), EVENT.c.at >= span_bounds(span)[0])
    return _events(session, span, raised, _json(session, EVENT.c.data, "unit"))


def rare_events(session: Session, span: Span) -> AnySelect:
    """Select returns, second handlings, extensions and conduct of a span."""
    # an extension does not name the unit: it is who had accepted the ticket
    accepted = (
        select(_json(session, _ACCEPTANCE.c.data, "unit"))
        .where(_ACCEPTANCE.c.ticket_id == EVENT.c.ticket_id, _ACCEPTANCE.c.seq < EVENT.c.seq)
        .where(
            _ACCEPTANCE.c.name.in_((EventName.TICKET_ACCEPTED, EventName.TICKET_DEEMED_ACCEPTED))
        )
        .order_by(_ACCEPTANCE.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    named = _json(session, EVENT.c.data, "unit")
    unit = case((EVENT.c.name == EventName.EXTENSION_GRANTED, accepted), else_=named)
    return _events(session, span, text(REPORTED), unit)  # type: ignore[arg-type]


def _events(
    session: Session, span: Span, wanted: ColumnElement[bool], unit: AnyExpression
) -> AnySelect:
    """Select events of a span that were not withdrawn, each with its unit and its level if any."""
    taken_back = (
        select(1)
        .where(_WITHDRAWAL.c.ticket_id == EVENT.c.ticket_id, _WITHDRAWAL.c.seq > EVENT.c.seq)
        .where(text(f"withdrawal.{WITHDRAWN}"))
        .where(_json(session, _WITHDRAWAL.c.data, "of") == _as_json(session, EVENT.c.seq))
        .exists()
    )
    return select(
        EVENT.c.ticket_id,
        EVENT.c.seq,
        EVENT.c.name,
        EVENT.c.moment,
        EVENT.c.data,
        unit.label("unit"),
        _json(session, EVENT.c.data, "level").label("level"),
    ).where(wanted, in_span(span, EVENT.c.moment), ~taken_back)


def _json(session: Session, column: AnyExpression, key: str) -> AnyExpression:
    """Return a field of a column that holds JSON as text."""
    if session.dialect == "sqlite":
        return func.json_extract(column, f"$.{key}")
    field: AnyExpression = cast(column, JSON)[key].as_string()
    return field


def _as_json(session: Session, column: AnyExpression) -> AnyExpression:
    """Return a number as `_json` would."""
    return column if session.dialect == "sqlite" else cast(column, Text)


def months_until(month: Month, before: int) -> Sequence[Month]:
    """Return a month and so many before it, in order."""
    return [month.plus(-n) for n in range(before, -1, -1)]
