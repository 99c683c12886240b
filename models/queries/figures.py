"""The definitions of the bulletin's figures: which tickets and events of a month count (5.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    ColumnElement,
    CompoundSelect,
    FromClause,
    LargeBinary,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    text,
    true,
    union_all,
)

from models.database import Session
from models.queries.conditions import COMPLETED_ONCE_TICKET, REWORKED_TICKET, event_named
from models.rules.calendar import SHANGHAI
from models.rules.vocabulary import (
    SATISFIED,
    ClockName,
    ClockState,
    ContactPurpose,
    DutyOutcome,
    EventName,
    Level,
)
from models.sql_types import AnyExpression, AnySelect
from models.tables.core import CLOCK, EVENT, TICKET
from models.tables.ticket import REPORTED, WITHDRAWN

_ACCEPTANCE, _WITHDRAWAL = EVENT.alias("acceptance"), EVENT.alias("withdrawal")
_SUBMISSION, _RATING, _REWORK = (
    EVENT.alias("submission"),
    EVENT.alias("rating"),
    EVENT.alias("redo"),
)
_PROOF = CLOCK.alias("proof")

_HANDLING, _FIRST, _CLOSING = (
    ClockName.HANDLING,
    ClockName.FIRST_CONTACT,
    ClockName.CLOSING_CONTACT,
)
_MET, _LATE, _EXPIRED = DutyOutcome.MET, DutyOutcome.LATE, DutyOutcome.EXPIRED


class DutyFigure(NamedTuple):
    """A figure that counts duties: those of a name that ended in one of these ways.

    One that is `denied` leaves out the contacts that the claimant denied and nobody proved.
    """

    name: ClockName
    states: tuple[DutyOutcome, ...]
    denied: bool = False


OF_DUTIES: Mapping[str, DutyFigure] = {
    "timed": DutyFigure(_HANDLING, (_MET, _LATE)),
    "on_time": DutyFigure(_HANDLING, (_MET,)),
    "late": DutyFigure(_HANDLING, (_LATE,)),
    "first_due": DutyFigure(_FIRST, (_MET, _LATE, _EXPIRED)),
    "first_contact": DutyFigure(_FIRST, (_MET,), denied=True),
    "closing_due": DutyFigure(_CLOSING, (_MET, _LATE, _EXPIRED)),
    "closing_contact": DutyFigure(_CLOSING, (_MET,), denied=True),
    "absent": DutyFigure(ClockName.PROOF, (_EXPIRED,)),
}
"""The figures of the units' duties: each belongs to its holder, in the month in which it ended."""

HOTLINE_DUTIES = (
    ClockName.ASSIGNMENT,
    ClockName.RETURN_REVIEW,
    ClockName.RESULT_REVIEW,
    ClockName.MEDIATION,
    ClockName.SURVEY,
    ClockName.REVISIT,
)
"""The duties of the desk and the city hotline, in the order in which a bulletin shows them."""
OF_HOTLINE: Mapping[str, DutyFigure] = {
    f"{name}_{outcome}": DutyFigure(name, states)
    for name in HOTLINE_DUTIES
    for outcome, states in (("met", (_MET, _LATE)), ("expired", (_EXPIRED,)))
}
"""The figures of the hotline's own duties (decision 33)."""

OF_COMPLETED = ("completed", "rated", "satisfied")
"""The figures of completions: of the unit that submitted the result, a second handling's beside."""
OF_CARDS = tuple(Level)
OF_EVENTS = {
    "returns": EventName.TICKET_RETURNED,
    "reworks": EventName.REWORK_OPENED,
    "extensions": EventName.EXTENSION_GRANTED,
    "recorded": EventName.CONDUCT_RECORDED,
    "proposed": EventName.CONDUCT_PROPOSED,
}
UNIT_FIGURES = ("tickets", *OF_COMPLETED, *OF_DUTIES, *OF_CARDS, "cards", *OF_EVENTS)
"""Everything that is counted of units; rates are quotients of two of these."""
FIGURES = (*UNIT_FIGURES, *OF_HOTLINE)

RATES = {
    "on_time_rate": ("on_time", "timed"),
    "first_contact_rate": ("first_contact", "first_due"),
    "closing_contact_rate": ("closing_contact", "closing_due"),
    "satisfaction": ("satisfied", "rated"),
}


def format_rate(rate: float | None) -> str:
    """Format a rate as a bulletin and the screens show it: in per cent with one decimal."""
    return "-" if rate is None else f"{rate:.1%}"


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
    return case(*ends, else_=len(span)).label("place")


def received_tickets(span: Span) -> AnySelect:
    """Select the tickets received in a span, each with the unit that held its first acceptance."""
    return select(
        TICKET.c.id.label("ticket_id"),
        TICKET.c.first_unit.label("unit"),
        TICKET.c.received_at.label("moment"),
    ).where(in_span(span, TICKET.c.received_at), TICKET.c.first_unit.is_not(None))


def ended_duties(span: Span) -> AnySelect:
    """Select the duties that ended in a span, each with its holder."""
    return select(
        CLOCK.c.ticket_id,
        CLOCK.c.ordinal,
        CLOCK.c.name,
        CLOCK.c.state,
        CLOCK.c.holder.label("unit"),
        CLOCK.c.ended_at.label("moment"),
    ).where(in_span(span, CLOCK.c.ended_at))


def duty_condition(figure: DutyFigure) -> ColumnElement[bool]:
    """Return the condition that a duty counts for a figure."""
    counted = and_(CLOCK.c.name == figure.name, CLOCK.c.state.in_(figure.states))
    return and_(counted, ~_is_absent(figure.name)) if figure.denied else counted


def duty_outcome(name: ClockName) -> AnyExpression:
    """Return how a duty ended, as a bulletin says it."""
    if name not in (_FIRST, _CLOSING):
        return CLOCK.c.state
    absent = and_(CLOCK.c.state == ClockState.MET, _is_absent(name))
    return case((absent, DutyOutcome.ABSENT), else_=CLOCK.c.state)


def _is_absent(contact: ClockName) -> ColumnElement[bool]:
    return (
        select(1)
        .where(_PROOF.c.ticket_id == CLOCK.c.ticket_id, _PROOF.c.key == _proof_key(contact))
        .where(_PROOF.c.state == ClockState.EXPIRED, _concerned(_PROOF) == CLOCK.c.ordinal)
        .exists()
    )


def absences(span: Span) -> AnySelect:
    """Select the contacts that were met in a span, and denied and not proved at any time since."""
    names = (_FIRST, _CLOSING)
    key = case(*((_PROOF.c.key == _proof_key(name), name) for name in names))
    contact = and_(
        CLOCK.c.ticket_id == _PROOF.c.ticket_id,
        CLOCK.c.key == key,
        CLOCK.c.ordinal == _concerned(_PROOF),
    )
    # no proof ends before the contact that it is about
    expired = and_(
        _PROOF.c.ended_at >= span_bounds(span)[0],
        _PROOF.c.name == ClockName.PROOF,
        _PROOF.c.state == ClockState.EXPIRED,
    )
    return (
        select(CLOCK.c.name, CLOCK.c.holder.label("unit"), CLOCK.c.ended_at.label("moment"))
        .distinct()
        .add_columns(CLOCK.c.ticket_id, CLOCK.c.ordinal)
        .select_from(_PROOF)
        .join(CLOCK, contact)
        .where(expired, in_span(span, CLOCK.c.ended_at), CLOCK.c.state == ClockState.MET)
    )


def _proof_key(contact: ClockName) -> str:
    purpose = ContactPurpose.FIRST if contact == _FIRST else ContactPurpose.CLOSING
    return f"{ClockName.PROOF}:{purpose}"


def _concerned(proof: FromClause) -> ColumnElement[int]:
    """Return the ordinal of the contact that a proof is about; old stores have only the first."""
    return case((proof.c.concerns == 0, 1), else_=proof.c.concerns)


def completions(session: Session, span: Span) -> CompoundSelect[Any]:
    """Select the completions of a span, each with the unit whose result it was and its rating.

    A ticket's row tells all of them but where there is a second handling: the log tells those.
    """
    once = select(
        TICKET.c.id.label("ticket_id"),
        TICKET.c.completed_by.label("unit"),
        TICKET.c.completed_at.label("moment"),
        TICKET.c.rating.label("rating"),
    ).where(COMPLETED_ONCE_TICKET, in_span(span, TICKET.c.completed_at))
    submitted = (
        select(_SUBMISSION)
        .where(_SUBMISSION.c.ticket_id == EVENT.c.ticket_id)
        .where(_SUBMISSION.c.name == EventName.RESULT_SUBMITTED)
        .where(_is_before(_SUBMISSION, EVENT), ~_taken_back(session, _SUBMISSION))
        .order_by(_SUBMISSION.c.moment.desc(), _SUBMISSION.c.seq.desc())
        .limit(1)
        .correlate(EVENT)
    )
    unit = submitted.with_only_columns(_json(session, _SUBMISSION.c.data, "unit"))
    # a rating is of the result before it, until there is another one or a second handling
    submitted_since = (
        select(1)
        .where(_SUBMISSION.c.ticket_id == EVENT.c.ticket_id)
        .where(_SUBMISSION.c.name == EventName.RESULT_SUBMITTED)
        .where(~_taken_back(session, _SUBMISSION))
        .where(_is_before(_RATING, _SUBMISSION), _is_before(_SUBMISSION, EVENT))
        .correlate(EVENT, _RATING)
        .exists()
    )
    handled_again = (
        select(1)
        .where(_REWORK.c.ticket_id == EVENT.c.ticket_id)
        .where(_REWORK.c.name == EventName.REWORK_OPENED, ~_taken_back(session, _REWORK))
        .where(_is_before(EVENT, _REWORK), _is_before(_REWORK, _RATING))
        .correlate(EVENT, _RATING)
        .exists()
    )
    corrected = _RATING.c.name == EventName.RATING_CORRECTED
    rating = (
        select(
            case(
                (corrected, _json(session, _RATING.c.data, "to")),
                else_=_json(session, _RATING.c.data, "rating"),
            )
        )
        .where(_RATING.c.ticket_id == EVENT.c.ticket_id)
        .where(_RATING.c.name.in_((EventName.SURVEY_RATED, EventName.RATING_CORRECTED)))
        .where(~_taken_back(session, _RATING), ~submitted_since, ~handled_again)
        .order_by(_RATING.c.moment.desc(), _RATING.c.seq.desc())
        .limit(1)
    )
    again = (
        select(
            EVENT.c.ticket_id,
            unit.scalar_subquery().label("unit"),
            EVENT.c.moment,
            rating.scalar_subquery().label("rating"),
        )
        .join(TICKET, TICKET.c.id == EVENT.c.ticket_id)
        .where(REWORKED_TICKET, TICKET.c.completed_at >= span_bounds(span)[0])
        .where(EVENT.c.name == EventName.TICKET_COMPLETED, in_span(span, EVENT.c.moment))
        .where(~_taken_back(session, EVENT))
    )
    return union_all(once, again)


def _is_before(event: FromClause, other: FromClause) -> ColumnElement[bool]:
    """Return the condition that an event of a ticket took effect before another one."""
    together = and_(event.c.moment == other.c.moment, event.c.seq < other.c.seq)
    return or_(event.c.moment < other.c.moment, together)


def completed_condition(figure: str, rating: AnyExpression) -> ColumnElement[bool]:
    """Return the condition that a completion with this rating counts for a figure."""
    match figure:
        case "rated":
            return rating.is_not(None)
        case "satisfied":
            return rating.in_(SATISFIED)
        case _:
            return true()


def card_events(session: Session, span: Span) -> AnySelect:
    """Select levels by their moment; none is recorded before it, so the index by `at` helps."""
    raised = and_(event_named(EventName.ALERT_RAISED), EVENT.c.at >= span_bounds(span)[0])
    return _events(session, span, raised, _json(session, EVENT.c.data, "unit"))


def rare_events(session: Session, span: Span) -> AnySelect:
    """Select returns, second handlings, extensions and conduct of a span."""
    # an extension does not name the unit: it is who had accepted the ticket, or took over since
    taken_over = (
        select(1)
        .where(_SUBMISSION.c.ticket_id == _ACCEPTANCE.c.ticket_id)
        .where(_SUBMISSION.c.name.in_(_ACCEPTANCES), _SUBMISSION.c.seq < _ACCEPTANCE.c.seq)
        .where(
            _json(session, _SUBMISSION.c.data, "unit") == _json(session, _ACCEPTANCE.c.data, "unit")
        )
        .exists()
    )
    passed_on = and_(_ACCEPTANCE.c.name == EventName.UNIT_SUCCEEDED, taken_over)
    accepted = (
        select(
            case(
                (passed_on, _json(session, _ACCEPTANCE.c.data, "successor")),
                else_=_json(session, _ACCEPTANCE.c.data, "unit"),
            )
        )
        .where(_ACCEPTANCE.c.ticket_id == EVENT.c.ticket_id, _ACCEPTANCE.c.seq < EVENT.c.seq)
        .where(or_(_ACCEPTANCE.c.name.in_(_ACCEPTANCES), passed_on))
        .order_by(_ACCEPTANCE.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    named = _json(session, EVENT.c.data, "unit")
    unit = case((EVENT.c.name == EventName.EXTENSION_GRANTED, accepted), else_=named)
    return _events(session, span, text(REPORTED), unit)  # type: ignore[arg-type]


_ACCEPTANCES = (EventName.TICKET_ACCEPTED, EventName.TICKET_DEEMED_ACCEPTED)


def _taken_back(session: Session, event: FromClause) -> ColumnElement[bool]:
    """Return the condition that an event was withdrawn by a later one of its ticket."""
    return (
        select(1)
        .where(_WITHDRAWAL.c.ticket_id == event.c.ticket_id, _WITHDRAWAL.c.seq > event.c.seq)
        .where(text(f"withdrawal.{WITHDRAWN}"))
        .where(_json(session, _WITHDRAWAL.c.data, "of") == _as_json(session, event.c.seq))
        .correlate_except(_WITHDRAWAL)
        .exists()
    )


def _events(
    session: Session, span: Span, wanted: ColumnElement[bool], unit: AnyExpression
) -> AnySelect:
    """Select events of a span that were not withdrawn, each with its unit and its level if any."""
    return select(
        EVENT.c.ticket_id,
        EVENT.c.seq,
        EVENT.c.name,
        EVENT.c.moment,
        EVENT.c.data,
        unit.label("unit"),
        _json(session, EVENT.c.data, "level").label("level"),
    ).where(wanted, in_span(span, EVENT.c.moment), ~_taken_back(session, EVENT))


def _json(session: Session, column: AnyExpression, key: str) -> AnyExpression:
    """Return a field of a column that holds JSON as text."""
    # what is packed is none: of the events that are looked for no data is (READ_BY_QUERIES)
    if session.dialect == "sqlite":
        is_clear = func.typeof(column) == "text"
        field: AnyExpression = func.json_extract(column, f"$.{key}")
    else:
        is_clear = func.substr(column, 1, 1) == literal(b"{", LargeBinary)
        field = cast(func.convert_from(column, "UTF8"), JSON)[key].as_string()
    return case((is_clear, field))


def _as_json(session: Session, column: AnyExpression) -> AnyExpression:
    """Return a number as `_json` would."""
    return column if session.dialect == "sqlite" else cast(column, Text)


def months_until(month: Month, before: int) -> Sequence[Month]:
    """Return a month and so many before it, in order."""
    return [month.plus(-n) for n in range(before, -1, -1)]
