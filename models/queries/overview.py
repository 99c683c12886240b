"""The overview: how many tickets wait for what, whose they are, and the last cards."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import and_, case, func, select

from models.database import Session
from models.queries.conditions import (
    CARD_EVENT,
    OPEN_TICKET,
    REVISIT,
    RUNNING_CLOCK,
    event_named,
)
from models.rules import events
from models.rules.calendar import SHANGHAI
from models.rules.events import AlertRaised, AlertWithdrawn
from models.rules.vocabulary import ClockName, EventName, Level, Status
from models.sql_types import SelectedRow
from models.tables.core import CLOCK, EVENT, TICKET

_CARDS_KEPT = timedelta(days=7)
"""The time in which the last cards are looked for: a quiet district's whole log is too much."""

HOURS = 24


@dataclass(frozen=True, slots=True)
class Counters:
    """Counts of tickets by what they wait for; levels are those of open tickets.

    `due_today` counts those whose next duty is due today.
    """

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
    """One unit's open tickets, how many stand at each level, and how many are due today."""

    unit: str
    open: int = 0
    prewarning: int = 0
    yellow: int = 0
    red: int = 0
    due_today: int = 0


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
class Workload:
    """The counters, and each unit's share of them, those with the worst levels first."""

    counters: Counters
    units: tuple[UnitLoad, ...]


@dataclass(frozen=True, slots=True)
class HourlyCounts:
    """Counts of tickets that came in and were completed in each hour of a day in Shanghai."""

    received: tuple[int, ...] = (0,) * HOURS
    completed: tuple[int, ...] = (0,) * HOURS


def workload(session: Session, now: datetime) -> Workload:
    """Read all counters from one scan of the index of open tickets; days are Shanghai's."""
    begin, end = day_bounds(now)
    due_today = func.sum(
        case((and_(TICKET.c.next_due >= begin, TICKET.c.next_due < end), 1), else_=0)
    )
    groups = session.execute(
        select(TICKET.c.unit, TICKET.c.status, TICKET.c.level, func.count(), due_today)
        .where(OPEN_TICKET)
        .group_by(TICKET.c.unit, TICKET.c.status, TICKET.c.level)
    ).all()
    total = dict.fromkeys(("open", *Level, "due_today", Status.RETURNED, Status.MANUAL), 0)
    units: dict[str, dict[str, int]] = {}
    for unit, status, level, count, today in groups:
        figures = {"open": count, "due_today": today} | ({level: count} if level else {})
        for name, n in figures.items():
            total[name] += n
        if status in (Status.RETURNED, Status.MANUAL):
            total[status] += count
        if unit is not None:
            of_unit = units.setdefault(unit, {})
            for name, n in figures.items():
                of_unit[name] = of_unit.get(name, 0) + n
    loads = [UnitLoad(unit, **of_unit) for unit, of_unit in units.items()]
    loads.sort(key=lambda u: (-u.red, -u.yellow, -u.prewarning, -u.open, u.unit))
    waiting = _owed(session)
    counters = Counters(
        **total,
        first_contact=waiting.get(ClockName.FIRST_CONTACT, 0),
        survey=waiting.get(ClockName.SURVEY, 0),
        dissatisfied=session.scalar(select(func.count(TICKET.c.id)).where(REVISIT)) or 0,
    )
    return Workload(counters, tuple(loads))


def latest_cards(session: Session, now: datetime, limit: int = 20) -> tuple[Card, ...]:
    """Read the yellow and red cards recorded last, latest first, without withdrawn ones."""
    # a morning's cards are all of one second: the few to be shown are chosen before the join
    latest = (
        select(EVENT.c.ticket_id, EVENT.c.seq, EVENT.c.at, EVENT.c.moment, EVENT.c.data)
        .where(EVENT.c.at > now - _CARDS_KEPT, CARD_EVENT)
        .order_by(EVENT.c.at.desc())
        .limit(limit * 2)
        .subquery()
    )
    raised = session.execute(
        select(latest, TICKET.c.number, TICKET.c.title, TICKET.c.unit)
        .join(TICKET, TICKET.c.id == latest.c.ticket_id)
        .order_by(latest.c.at.desc(), latest.c.moment.desc(), latest.c.ticket_id)
    ).all()
    withdrawn = {
        (row.ticket_id, events.read(AlertWithdrawn, row.data).of)
        for row in session.execute(
            select(EVENT.c.ticket_id, EVENT.c.data).where(
                EVENT.c.ticket_id.in_({r.ticket_id for r in raised}),
                EVENT.c.name == EventName.ALERT_WITHDRAWN,
            )
        )
    }
    standing = [row for row in raised if (row.ticket_id, row.seq) not in withdrawn]
    return tuple(_card(row, events.read(AlertRaised, row.data)) for row in standing[:limit])


def _card(row: SelectedRow, alert: AlertRaised) -> Card:
    return Card(row.number, row.title, alert.unit or row.unit, alert.level, row.moment, row.at)


def hourly_counts(session: Session, now: datetime) -> HourlyCounts:
    """Count what was received and completed today, by the hour in which it was recorded."""
    begin, _end = day_bounds(now)
    edges = [begin + timedelta(hours=n) for n in range(HOURS)]
    # a sum for each hour: no function that cuts an instant is the same on both databases
    hours = [
        func.sum(case((and_(EVENT.c.at >= e, EVENT.c.at < e + timedelta(hours=1)), 1), else_=0))
        for e in edges
    ]
    by_event = []
    for name in (EventName.TICKET_RECEIVED, EventName.TICKET_COMPLETED):
        row = session.execute(select(*hours).where(event_named(name), EVENT.c.at >= begin)).one()
        by_event.append(tuple(n or 0 for n in row))
    return HourlyCounts(*by_event)


def day_bounds(now: datetime) -> tuple[datetime, datetime]:
    """Return when the day of this moment begins and ends in Shanghai."""
    begin = datetime.combine(now.astimezone(SHANGHAI).date(), time(), SHANGHAI)
    return begin, begin + timedelta(days=1)


def _owed(session: Session) -> dict[str, int]:
    rows = session.execute(
        select(CLOCK.c.name, func.count())
        .where(RUNNING_CLOCK, CLOCK.c.name.in_((ClockName.FIRST_CONTACT, ClockName.SURVEY)))
        .group_by(CLOCK.c.name)
    ).all()
    return {row[0]: row[1] for row in rows}
