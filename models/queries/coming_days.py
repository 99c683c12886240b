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
    """A working day: how many handling terms and other duties are due in it, and the levels.

    A day off before it counts with it. `moments` are those at which levels are raised, in order.
    """

    day: date
    handling: int = 0
    others: int = 0
    moments: Mapping[datetime, Mapping[Level, int]] = field(default_factory=dict)

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
    calendar, today = context.calendar, now.astimezone(SHANGHAI).date()
    days = [] if not calendar.is_working(today) else [today]
    days += [calendar.after(today, n) for n in range(1, WORKING_DAYS + 1 - len(days))]
    first = today - LONGEST_LADDER
    span = [first + timedelta(n) for n in range((days[-1] - first).days + 8)]
    handling, others = _dues(session, span)
    raised: dict[date, dict[datetime, dict[Level, int]]] = {}
    for day, count in handling.items():
        due = datetime.combine(day, context.policy.office.closing, SHANGHAI)
        for level, at in levels_to_come(due, now, context):
            of_day = raised.setdefault(_working_day(days, at.astimezone(SHANGHAI).date()), {})
            levels = of_day.setdefault(at, {})
            levels[level] = levels.get(level, 0) + count
    due_on: dict[date, tuple[int, int]] = {}
    for day in sorted({*handling, *others}):
        if day >= today:
            working = _working_day(days, day)
            handled, other = due_on.get(working, (0, 0))
            due_on[working] = handled + handling.get(day, 0), other + others.get(day, 0)
    return tuple(
        ComingDay(day, handled, other, dict(sorted(raised.get(day, {}).items())))
        for day in days
        for handled, other in [due_on.get(day, (0, 0))]
    )


def _working_day(days: list[date], day: date) -> date:
    """Return the first of the working days from this day on; a day after them is none of them."""
    return next((working for working in days if working >= day), date.max)


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
