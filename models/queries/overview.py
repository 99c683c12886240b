"""The overview: how many tickets wait for what, whose they are, and the last cards."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import and_, case, func, select

from models.database import Session
from models.queries.conditions import OPEN_TICKET, REVISIT, RUNNING_CLOCK
from models.rules.calendar import SHANGHAI
from models.rules.vocabulary import ClockName, Level, Status
from models.tables.core import CLOCK, TICKET

MAX_CARDS = 100
"""The most standing cards that are listed; all are counted."""

_LEVELS = frozenset(Level)


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
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Workload:
    """The counters, each unit's share of them, and the cards that stand, red and oldest first.

    Of `units` those with the worst levels are first. `newest_red` is when the last of the red cards
    that stand took effect.
    """

    counters: Counters
    units: tuple[UnitLoad, ...]
    cards: tuple[Card, ...] = ()
    newest_red: datetime | None = None


def workload(session: Session, now: datetime) -> Workload:
    """Read all counters from one scan of the index of open tickets; days are Shanghai's."""
    begin, end = day_bounds(now)
    due_today = func.sum(
        case((and_(TICKET.c.next_due >= begin, TICKET.c.next_due < end), 1), else_=0)
    )
    groups = session.execute(
        select(
            TICKET.c.unit,
            TICKET.c.status,
            TICKET.c.level,
            func.count(),
            due_today,
            func.max(TICKET.c.level_at),
        )
        .where(OPEN_TICKET)
        .group_by(TICKET.c.unit, TICKET.c.status, TICKET.c.level)
    ).all()
    total = dict.fromkeys(("open", *Level, "due_today", Status.RETURNED, Status.MANUAL), 0)
    units: dict[str, dict[str, int]] = {}
    for unit, status, level, count, today, _raised_at in groups:
        # a level that there is not, as somebody may write over one, counts as none
        of_level = {level: count} if level in _LEVELS else {}
        figures = {"open": count, "due_today": today} | of_level
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
    raised = [row[-1] for row in groups if row.level == Level.RED and row[-1]]
    cards = _standing_cards(session) if counters.yellow or counters.red else ()
    return Workload(counters, tuple(loads), cards, max(raised, default=None))


def _standing_cards(session: Session) -> tuple[Card, ...]:
    """Read the open tickets with a card, red before yellow, the oldest card first."""
    columns = [TICKET.c[name] for name in ("number", "title", "unit", "level", "level_at", "due")]
    is_red = case((TICKET.c.level == Level.RED, 0), else_=1)
    rows = session.execute(
        select(*columns)
        .where(OPEN_TICKET, TICKET.c.level.in_((Level.YELLOW, Level.RED)))
        .order_by(is_red, TICKET.c.level_at, TICKET.c.number)
        .limit(MAX_CARDS)
    )
    return tuple(Card(*row) for row in rows)


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
