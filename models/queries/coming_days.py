"""The coming working days: what falls due in each, and which levels come if nothing is done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from sqlalchemy import case, func, select

from models.database import Session
from models.queries.coming_levels import LONGEST_LADDER, levels_to_come
from models.queries.conditions import RUNNING_CLOCK
from models.rules.calendar import SHANGHAI
from models.rules.state import RuleContext
from models.rules.vocabulary import ClockName, Level
from models.tables.core import CLOCK

WORKING_DAYS = 10


@dataclass(frozen=True, slots=True)
class ComingDay:
    """A day: how many handling terms and other duties are due in it, and the levels that come.

    `moments` are those at which levels are raised, in order.
    """

    day: date
    handling: int = 0
    others: int = 0
    moments: Mapping[datetime, Mapping[Level, int]] = field(default_factory=dict)
    is_working: bool = True

    @property
    def levels(self) -> Mapping[Level, int]:
        """The levels of the whole day."""
        levels: dict[Level, int] = {}
        for raised in self.moments.values():
            for level, count in raised.items():
                levels[level] = levels.get(level, 0) + count
        return levels


def coming_days(session: Session, now: datetime, context: RuleContext) -> tuple[ComingDay, ...]:
    """Count for today, if it is a working day, and the working days after it."""
    today = now.astimezone(SHANGHAI).date()
    first, last = today - LONGEST_LADDER, _working_days(today, context)[-1]
    span = [first + timedelta(n) for n in range((last - first).days + 8)]
    return days_of_dues(*_dues(session, span), now, context)


def days_of_dues(
    handling: Mapping[date, int],
    others: Mapping[date, int],
    now: datetime,
    context: RuleContext,
) -> tuple[ComingDay, ...]:
    """Return the coming days, given how many handling terms and other duties are due in each day.

    A day off is among them where something falls due in it, or a level comes.
    """
    today = now.astimezone(SHANGHAI).date()
    working = _working_days(today, context)
    raised: dict[date, dict[datetime, dict[Level, int]]] = {}
    for day, count in handling.items():
        due = datetime.combine(day, context.policy.office.closing, SHANGHAI)
        for level, at in levels_to_come(due, now, context):
            levels = raised.setdefault(at.astimezone(SHANGHAI).date(), {}).setdefault(at, {})
            levels[level] = levels.get(level, 0) + count
    days = {day for day in (*handling, *others, *raised) if today <= day <= working[-1]}
    return tuple(
        ComingDay(
            day,
            handling.get(day, 0),
            others.get(day, 0),
            dict(sorted(raised.get(day, {}).items())),
            day in working,
        )
        for day in sorted(days.union(working))
    )


def _working_days(today: date, context: RuleContext) -> list[date]:
    """Return today, if it is a working day, and the working days after it."""
    calendar = context.calendar
    days = [today] if calendar.is_working(today) else []
    return days + [calendar.after(today, n) for n in range(1, WORKING_DAYS + 1 - len(days))]


def _dues(session: Session, span: list[date]) -> tuple[dict[date, int], dict[date, int]]:
    """Count the dues of running clocks in each day: handling terms, and all others."""
    edges = [datetime.combine(day, time(), SHANGHAI) for day in span]
    ends = [(CLOCK.c.due < edge, index) for index, edge in enumerate(edges[1:])]
    place = case(*ends, else_=len(edges) - 1).label("place")
    rows = session.execute(
        select(CLOCK.c.name, place, func.count())
        .where(RUNNING_CLOCK, CLOCK.c.name.in_(list(ClockName)))
        .where(CLOCK.c.due >= edges[0], CLOCK.c.due < edges[-1] + timedelta(days=1))
        .group_by(CLOCK.c.name, place)
    )
    counts: tuple[dict[date, int], dict[date, int]] = {}, {}
    for name, index, count in rows:
        dues = counts[name != ClockName.HANDLING]
        dues[span[index]] = dues.get(span[index], 0) + count
    return counts
