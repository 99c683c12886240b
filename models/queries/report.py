"""The monthly bulletin (通报, Regulation 5.4): every figure is a set of cases to be looked at.

docs/bulletin.md says each figure in one sentence. A month goes from its first midnight to the
next one's, Asia/Shanghai.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, cast, func, literal, or_, select, text
from sqlalchemy.dialects import postgresql

from models.database import Session
from models.rules.calendar import SHANGHAI
from models.rules.choices import DISSATISFIED, RATING
from models.tables.core import CLOCK, EVENT, TICKET
from models.tables.ticket import LOOKED_AT, REPORTED

_ENDED = ("met", "late", "expired")
SATISFIED = tuple(rating for rating in RATING if rating not in DISSATISFIED)

HANDLED, FIRST, CLOSING = (CLOCK.alias(name) for name in ("handled", "first", "closing"))
PROOF_1, PROOF_2 = CLOCK.alias("proof_1"), CLOCK.alias("proof_2")
_ACCEPTANCE, _WITHDRAWAL = EVENT.alias("acceptance"), EVENT.alias("withdrawal")

OF_COMPLETED = (
    "completed",
    "timed",
    "on_time",
    "late",
    "first_due",
    "first_contact",
    "closing_due",
    "closing_contact",
    "rated",
    "satisfied",
)
OF_CARDS = ("prewarning", "yellow", "red")
OF_EVENTS = {
    "returns": "ticket.returned",
    "reworks": "rework.opened",
    "extensions": "extension.granted",
    "recorded": "conduct.recorded",
    "proposed": "conduct.proposed",
}
FIGURES = ("tickets", *OF_COMPLETED, *OF_CARDS, "cards", *OF_EVENTS)
"""What can be counted and looked at; rates are quotients of two of them."""

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
        """The month that is written as 2026-10; raises ValueError."""
        day = date.fromisoformat(f"{written}-01")
        return cls(day.year, day.month)

    @classmethod
    def of(cls, at: datetime) -> "Month":
        """The month that a moment lies in."""
        local = at.astimezone(SHANGHAI)
        return cls(local.year, local.month)

    def plus(self, months: int) -> "Month":
        """So many months later."""
        count = self.year * 12 + self.month - 1 + months
        return Month(count // 12, count % 12 + 1)

    @property
    def begins_at(self) -> datetime:
        """Its first moment; the next month's is its end."""
        return datetime.combine(date(self.year, self.month, 1), time(), SHANGHAI)

    def has(self, column: Any) -> ColumnElement[bool]:
        """Whether an instant lies in it."""
        return and_(column >= self.begins_at, column < self.plus(1).begins_at)

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02}"


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


def counts(session: Session, month: Month) -> dict[str, dict[str, int]]:
    """Every figure of a month, by unit; what is nought is left out."""
    found: dict[str, dict[str, int]] = {}

    def add(unit: str, figure: str, count: int) -> None:
        if count:
            found.setdefault(unit, {})[figure] = found.get(unit, {}).get(figure, 0) + count

    received = _received(month).with_only_columns(TICKET.c.unit, func.count())
    for unit, count in session.execute(received.group_by(TICKET.c.unit)):
        add(unit, "tickets", count)
    conditions = _conditions(session)
    sums = [func.sum(case((conditions[name], 1), else_=0)) for name in OF_COMPLETED]
    completed = _completed(month).with_only_columns(TICKET.c.unit, *sums)
    for unit, *numbers in session.execute(completed.group_by(TICKET.c.unit)):
        for name, count in zip(OF_COMPLETED, numbers, strict=True):
            add(unit, name, count)
    names = {event: figure for figure, event in OF_EVENTS.items()}
    for events in (_cards(session, month), _rare(session, month)):
        rows = events.subquery()
        grouped = select(rows.c.unit, rows.c.name, rows.c.level, func.count())
        for unit, name, level, count in session.execute(
            grouped.group_by(rows.c.unit, rows.c.name, rows.c.level)
        ):
            add(unit, names.get(name, level), count)
            if level in ("yellow", "red"):
                add(unit, "cards", count)
    return found


def cases(session: Session, month: Month, figure: str, unit: str | None = None) -> Iterator[Case]:
    """The tickets behind a figure of a month, of one unit or of all, in the order of unit and time.

    A ticket is there as often as it is counted: each card, return or extension by itself.
    """
    if figure in ("tickets", *OF_COMPLETED):
        yield from _ticket_cases(session, month, figure, unit)
        return
    events = _cards if figure in (*OF_CARDS, "cards") else _rare
    rows = events(session, month).subquery()
    wanted = {"cards": ("yellow", "red")}.get(figure, (figure,))
    named = rows.c.level.in_(wanted) if events is _cards else rows.c.name == OF_EVENTS[figure]
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
        found = _received(month).with_only_columns(*what, at.label("at"), TICKET.c.status)
    else:
        at = TICKET.c.completed_at
        found = (
            _completed(month)
            .where(_conditions(session)[figure])
            .with_only_columns(
                *what,
                at.label("at"),
                HANDLED.c.state.label("handling"),
                HANDLED.c.due,
                HANDLED.c.ended_at,
                FIRST.c.state.label("first_contact"),
                CLOSING.c.state.label("closing_contact"),
                _json(session, TICKET.c.state, "rating").label("rating"),
            )
        )
    if unit is not None:
        found = found.where(TICKET.c.unit == unit)
    for row in session.execute(found.order_by(TICKET.c.unit, at, TICKET.c.number)):
        own = row._asdict()
        unit, number, title = own.pop("unit"), own.pop("number"), own.pop("title")
        category, moment = own.pop("category"), own.pop("at")
        note = {k: v for k, v in own.items() if v is not None}
        yield Case(unit, number, title, category, moment, note)


def _received(month: Month) -> Select[Any]:
    return select(TICKET).where(month.has(TICKET.c.received_at), TICKET.c.unit.is_not(None))


def _completed(month: Month) -> Select[Any]:
    """Tickets completed in the month, each with its clocks by their primary key."""
    found = TICKET
    for clock, key in (
        (HANDLED, "handling"),
        (FIRST, "first_contact"),
        (CLOSING, "closing_contact"),
        (PROOF_1, "proof:first"),
        (PROOF_2, "proof:closing"),
    ):
        same = and_(clock.c.ticket_id == TICKET.c.id, clock.c.key == literal(key))
        found = found.outerjoin(clock, same)  # type: ignore[assignment]
    wanted = (month.has(TICKET.c.completed_at), TICKET.c.unit.is_not(None))
    return select(TICKET).select_from(found).where(*wanted)


def _conditions(session: Session) -> dict[str, ColumnElement[bool]]:
    """What each figure asks of a completed ticket."""
    rating = _json(session, TICKET.c.state, "rating")
    return {
        "completed": literal(1) == 1,
        "timed": HANDLED.c.state.in_(("met", "late")),
        "on_time": HANDLED.c.state == "met",
        "late": HANDLED.c.state == "late",
        "first_due": FIRST.c.state.in_(_ENDED),
        "first_contact": and_(FIRST.c.state == "met", _not_absent(PROOF_1)),
        "closing_due": CLOSING.c.state.in_(_ENDED),
        "closing_contact": and_(CLOSING.c.state == "met", _not_absent(PROOF_2)),
        "rated": rating.is_not(None),
        "satisfied": rating.in_(SATISFIED),
    }


def _not_absent(proof: Any) -> ColumnElement[bool]:
    # a contact that the claimant denied and the unit could not prove (4.3)
    return or_(proof.c.state.is_(None), proof.c.state != "expired")


def _cards(session: Session, month: Month) -> Select[Any]:
    """Levels raised, by their moment; none is recorded before it, so that the index helps."""
    raised = and_(EVENT.c.name == "alert.raised", EVENT.c.at >= month.begins_at, text(LOOKED_AT))
    return _events(session, month, raised)


def _rare(session: Session, month: Month) -> Select[Any]:
    return _events(session, month, text(REPORTED))  # type: ignore[arg-type]


def _events(session: Session, month: Month, which: ColumnElement[bool]) -> Select[Any]:
    """Events of a month that have not been taken back, each with its unit and its level if any."""
    unit = _json(session, EVENT.c.data, "unit")
    # an extension does not name the unit: it is who had accepted the ticket
    accepted = (
        select(_json(session, _ACCEPTANCE.c.data, "unit"))
        .where(_ACCEPTANCE.c.ticket_id == EVENT.c.ticket_id, _ACCEPTANCE.c.seq < EVENT.c.seq)
        .where(_ACCEPTANCE.c.name.in_(("ticket.accepted", "ticket.deemed_accepted")))
        .order_by(_ACCEPTANCE.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    taken_back = (
        select(1)
        .where(_WITHDRAWAL.c.ticket_id == EVENT.c.ticket_id, _WITHDRAWAL.c.seq > EVENT.c.seq)
        .where(_WITHDRAWAL.c.name.in_(("alert.withdrawn", "decision.withdrawn")))
        .where(_json(session, _WITHDRAWAL.c.data, "of") == _as_json(session, EVENT.c.seq))
        .exists()
    )
    return select(
        EVENT.c.ticket_id,
        EVENT.c.seq,
        EVENT.c.name,
        EVENT.c.moment,
        EVENT.c.data,
        case((EVENT.c.name == "extension.granted", accepted), else_=unit).label("unit"),
        _json(session, EVENT.c.data, "level").label("level"),
    ).where(which, month.has(EVENT.c.moment), ~taken_back)


def _json(session: Session, column: Any, key: str) -> ColumnElement[Any]:
    """A field of a column that holds JSON as text."""
    if session.dialect == "sqlite":
        return func.json_extract(column, f"$.{key}")
    field: ColumnElement[Any] = cast(column, postgresql.JSON)[key].astext
    return field


def _as_json(session: Session, column: Any) -> ColumnElement[Any]:
    """A number as `_json` would give it."""
    return column if session.dialect == "sqlite" else cast(column, postgresql.TEXT)


def months(month: Month, before: int) -> Sequence[Month]:
    """So many months before a month, and itself, in order."""
    return [month.plus(-n) for n in range(before, -1, -1)]
