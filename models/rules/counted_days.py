"""Count a term day by day: which days from its base to its expiry count, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from models.i18n import LazyText, lazy
from models.rules.calendar import SHANGHAI, Calendar, Day
from models.rules.terms import OfficeHours, Term

_NOT_COUNTED = lazy("the day of the base is not counted")


@dataclass(frozen=True, slots=True)
class CountedDay:
    """One day between base and expiry, and whether it counts towards the term.

    `number` says how many days, or half-days, of the term have passed with it; None where the day
    does not count, and in a term of hours, which is not counted in days.
    """

    day: date
    counts: bool
    number: int | None
    why: LazyText
    provisional: bool


def count_days(
    base: datetime, due: datetime, term: Term, calendar: Calendar, hours: OfficeHours
) -> list[CountedDay]:
    """Return every day from the base's to the expiry's, as the kind of the term counts it."""
    first, last = base.astimezone(SHANGHAI).date(), due.astimezone(SHANGHAI).date()
    days = [calendar.day(first + timedelta(n)) for n in range((last - first).days + 1)]
    if term.wall is not None:
        why = lazy("hours run day and night")
        return [CountedDay(d.day, True, None, why, d.provisional) for d in days]
    if term.unit == "halfdays":
        return list(_half_days(base, due, days, hours))
    if term.unit == "calendardays":
        return list(_calendar_days(days, term.count))
    return list(_working_days(days))


def _working_days(days: list[Day]) -> Iterator[CountedDay]:
    number = 0
    for index, day in enumerate(days):
        counts = day.counts and index > 0
        number += counts
        why = day.why if index else _NOT_COUNTED
        yield CountedDay(day.day, counts, number if counts else None, why, day.provisional)


def _half_days(
    base: datetime, due: datetime, days: list[Day], hours: OfficeHours
) -> Iterator[CountedDay]:
    number = 0
    for index, day in enumerate(days):
        passed = sum(
            datetime.combine(day.day, half.begins, SHANGHAI) > base
            and datetime.combine(day.day, half.ends, SHANGHAI) <= due
            for half in (hours.morning, hours.afternoon)
        )
        counts = day.counts and passed > 0
        number += passed if counts else 0
        why = day.why
        if index == 0 and day.counts and not counts:
            why = lazy("no working half-day begins after the base")
        yield CountedDay(day.day, counts, number if counts else None, why, day.provisional)


def _calendar_days(days: list[Day], count: int) -> Iterator[CountedDay]:
    """Days off count too, but for those on which the term would end: it ends on the next one."""
    last = len(days) - 1
    for index, day in enumerate(days):
        moved = last > count <= index
        if index == 0:
            yield CountedDay(day.day, False, None, _NOT_COUNTED, day.provisional)
        elif moved and index < last and not any(d.counts for d in days[count:last]):
            yield CountedDay(day.day, False, None, day.why, day.provisional)
        elif moved and index == last and not any(d.counts for d in days[count:last]):
            why = lazy("the last day was off: the term ends on the next working day")
            yield CountedDay(day.day, True, count, why, day.provisional)
        else:
            yield CountedDay(day.day, True, index, lazy("calendar day"), day.provisional)
