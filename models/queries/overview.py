"""The whole house at a glance: how many tickets stand where, whose they are, what was raised."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import ColumnElement, case, func, literal, or_, select

from models.database import Session
from models.rules.calendar import SHANGHAI
from models.rules.policy import LEVELS
from models.rules.state import FIRST, MANUAL, OPEN, RETURNED, RUNNING, SUBMITTED, SURVEY
from models.tables.core import CLOCK, EVENT, TICKET

_CARDS_KEPT = timedelta(days=7)
"""How far back the last cards are looked for: a quiet district must not cost a look at all."""

_REVISITED = (SUBMITTED, "completed", "handling")
"""Where a ticket can be while its claimant's dissatisfaction waits for the revisit (4.5)."""


@dataclass(frozen=True, slots=True)
class Counters:
    """How many tickets wait for what; levels are those of open tickets."""

    open: int = 0
    prewarning: int = 0
    yellow: int = 0
    red: int = 0
    due_today: int = 0
    first_contact: int = 0
    survey: int = 0
    dissatisfied: int = 0
    returned: int = 0
    manual: int = 0


@dataclass(frozen=True, slots=True)
class UnitLoad:
    """One unit's open tickets, and how many of them stand at each level."""

    unit: str
    open: int
    prewarning: int
    yellow: int
    red: int


@dataclass(frozen=True, slots=True)
class Card:
    """A yellow or red card that stands; `at` is when it took effect (Regulation 5.2, 5.3)."""

    ticket: str
    title: str
    unit: str | None
    level: str
    at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that the first screen shows about tickets."""

    counters: Counters
    units: tuple[UnitLoad, ...]
    cards: tuple[Card, ...]


def overview(session: Session, now: datetime, *, cards: int = 20) -> Overview:
    """The counters, each unit's load (worst first), and the last cards that still stand."""
    return Overview(counters(session, now), unit_loads(session), last_cards(session, now, cards))


def counters(session: Session, now: datetime) -> Counters:
    """How many tickets wait for what; `due_today` by the calendar day in Shanghai."""
    day = datetime.combine(now.astimezone(SHANGHAI).date(), time(), SHANGHAI)
    today = TICKET.c.due.between(day, day + timedelta(days=1) - timedelta(microseconds=1))
    row = session.execute(
        select(
            func.count(),
            *(_sum(TICKET.c.level == level) for level in LEVELS),
            _sum(today),
            _sum(TICKET.c.status == RETURNED),
            _sum(TICKET.c.status == MANUAL),
        ).where(TICKET.c.status.in_(OPEN))
    ).one()
    waiting = dict(
        session.execute(
            select(CLOCK.c.name, func.count())
            .where(CLOCK.c.state == RUNNING, CLOCK.c.name.in_((FIRST, SURVEY)))
            .group_by(CLOCK.c.name)
        ).all()
    )
    return Counters(
        open=row[0],
        prewarning=row[1],
        yellow=row[2],
        red=row[3],
        due_today=row[4],
        first_contact=waiting.get(FIRST, 0),
        survey=waiting.get(SURVEY, 0),
        dissatisfied=_dissatisfied(session),
        returned=row[5],
        manual=row[6],
    )


def last_cards(session: Session, now: datetime, limit: int) -> tuple[Card, ...]:
    """The yellow and red cards recorded last, latest first, without those taken back."""
    raised = session.execute(
        select(EVENT.c.ticket_id, EVENT.c.seq, EVENT.c.at, EVENT.c.moment, EVENT.c.data)
        .add_columns(TICKET.c.number, TICKET.c.title, TICKET.c.unit)
        .join(TICKET, TICKET.c.id == EVENT.c.ticket_id)
        .where(EVENT.c.at > now - _CARDS_KEPT, EVENT.c.name == "alert.raised")
        .where(or_(*(EVENT.c.once.endswith(f"/{level}") for level in LEVELS[1:])))
        .order_by(EVENT.c.at.desc(), EVENT.c.moment.desc(), EVENT.c.ticket_id)
        .limit(limit * 2)
    ).all()
    withdrawn = {
        (row.ticket_id, row.data["seq"])
        for row in session.execute(
            select(EVENT.c.ticket_id, EVENT.c.data).where(
                EVENT.c.ticket_id.in_({r.ticket_id for r in raised}),
                EVENT.c.name == "alert.withdrawn",
            )
        )
    }
    cards = [
        Card(r.number, r.title, r.data.get("unit") or r.unit, r.data["level"], r.moment, r.at)
        for r in raised
        if (r.ticket_id, r.seq) not in withdrawn
    ]
    return tuple(cards[:limit])


def unit_loads(session: Session) -> tuple[UnitLoad, ...]:
    """Each unit that has open tickets, those with the worst levels first."""
    rows = session.execute(
        select(TICKET.c.unit, func.count(), *(_sum(TICKET.c.level == lv) for lv in LEVELS))
        .where(TICKET.c.status.in_(OPEN), TICKET.c.unit.is_not(None))
        .group_by(TICKET.c.unit)
    )
    loads = [UnitLoad(*row) for row in rows]
    loads.sort(key=lambda u: (-u.red, -u.yellow, -u.prewarning, -u.open, u.unit))
    return tuple(loads)


def _dissatisfied(session: Session) -> int:
    # an open revisit is a fact of the state alone; the few statuses keep the look short
    return (
        session.scalar(
            select(func.count())
            .where(TICKET.c.status.in_(_REVISITED))
            .where(TICKET.c.state.contains('"revisit":true'))
        )
        or 0
    )


def _sum(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, literal(1)), else_=literal(0))), 0)
