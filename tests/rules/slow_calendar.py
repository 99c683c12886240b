"""A second, slow and obvious reading of the rules of time: one day after the other, no tables.

Written from the words of the regulation's page on time, not from the code that it checks.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta

import chinese_calendar
import holidays

from models.rules.calendar import DeclaredDay

OPENING, NOON, AFTERNOON, CLOSING = time(8, 30), time(12), time(14, 30), time(17, 30)
ONE_DAY = timedelta(days=1)


def announced(day: date) -> bool:
    """Return whether the State Council's arrangement of this day is known to the library."""
    try:
        chinese_calendar.is_workday(day)
    except NotImplementedError:
        return False
    return True


def counts(day: date, overlay: Mapping[date, DeclaredDay]) -> bool:
    """Overlay, then chinese-calendar, then Monday to Friday less the festivals fixed by law."""
    if day in overlay:
        return overlay[day].working
    if announced(day):
        return bool(chinese_calendar.is_workday(day))
    festival = day in holidays.country_holidays("CN", years=day.year, observed=False)
    return day.isoweekday() <= 5 and not festival


def guessed(first: date, last: date, overlay: Mapping[date, DeclaredDay]) -> bool:
    """Return whether neither the operator nor the library knows one of these days."""
    day = first
    while day <= last:
        if day not in overlay and not announced(day):
            return True
        day += ONE_DAY
    return False


def nth_working_day(day: date, n: int, overlay: Mapping[date, DeclaredDay]) -> date:
    """The n-th working day after `day`; before it for a negative n. `day` itself is not counted."""
    step = ONE_DAY if n > 0 else -ONE_DAY
    left = abs(n)
    while left:
        day += step
        if counts(day, overlay):
            left -= 1
    return day


def half_days(base: datetime, overlay: Mapping[date, DeclaredDay]) -> Iterator[datetime]:
    """The ends of the working half-days that begin strictly after `base`."""
    day = base.date()
    while True:
        if counts(day, overlay):
            for begins, ends in ((OPENING, NOON), (AFTERNOON, CLOSING)):
                if datetime.combine(day, begins, base.tzinfo) > base:
                    yield datetime.combine(day, ends, base.tzinfo)
        day += ONE_DAY


def expiry(base: datetime, count: int, unit: str, overlay: Mapping[date, DeclaredDay]) -> datetime:
    """Return when a term runs out; `base` in Asia/Shanghai."""
    if unit == "workdays":
        day = nth_working_day(base.date(), count, overlay)
        return datetime.combine(day, CLOSING, base.tzinfo)
    if unit == "calendardays":
        day = base.date() + timedelta(count)
        while not counts(day, overlay):
            day += ONE_DAY
        return datetime.combine(day, CLOSING, base.tzinfo)
    if unit == "halfdays":
        ends = half_days(base, overlay)
        for _ in range(count - 1):
            next(ends)
        return next(ends)
    seconds = {"days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}[unit]
    return base + count * timedelta(seconds=seconds)


def ladder(
    base: datetime, due: datetime, overlay: Mapping[date, DeclaredDay]
) -> list[tuple[str, datetime]]:
    """Pre-warning, yellow and red of a term that ends on the day of `due`, Asia/Shanghai."""
    levels = []
    for level, n in (("prewarning", -1), ("yellow", 1), ("red", 2)):
        day = nth_working_day(due.date(), n, overlay)
        levels.append((level, max(base, datetime.combine(day, OPENING, base.tzinfo))))
    return levels
