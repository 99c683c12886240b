"""Working days: what operators declared first, then chinese-calendar, then a provisional guess."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from functools import cache, cached_property

import chinese_calendar

from models.i18n import N_, LazyText, lazy
from models.rules.festivals import festivals

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The zone of every rule. China keeps one offset all year; summer time ended in 1991."""

_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class DeclaredDay:
    """A day that an operator declared working or off (调休安排), with the document that says so."""

    working: bool
    document: str


@dataclass(frozen=True, slots=True)
class Day:
    """A day: whether it counts as a working day (工作日), and why."""

    day: date
    counts: bool
    why: LazyText
    provisional: bool


@cache
def announced_years() -> range:
    """The years whose arrangement chinese-calendar knows."""
    known = [*chinese_calendar.holidays, *chinese_calendar.workdays]
    return range(min(known).year, max(known).year + 1)


def _guess(day: date, *, known: bool = False) -> Day:
    """Say whether a day counts that nobody named: by its weekday and the law's festivals.

    `known` says that the year's arrangement is declared, so that this is no guess.
    """
    if (festival := festivals(day.year).get(day)) is not None:
        text = (
            lazy("{name}, by law", name=festival)
            if known
            else lazy("{name}, by law; provisional", name=festival)
        )
        return Day(day, False, text, not known)
    weekend = day.weekday() >= _SATURDAY
    if known:
        text = lazy("weekend") if weekend else lazy("working day")
    else:
        text = lazy("weekend; provisional") if weekend else lazy("working day; provisional")
    return Day(day, not weekend, text, not known)


@dataclass(frozen=True)
class Calendar:
    """The working days of any year; never raises for one that nobody has announced.

    `years` are those whose whole arrangement an operator declared, with the document: a day of them
    that the overlay does not name follows the law's rule, and is no guess.
    A year's working days are listed once, when first asked for, and bisected from then on. Instants
    are cached, since the many tickets of a day ask for the same few.
    """

    overlay: Mapping[date, DeclaredDay] = field(default_factory=dict)
    version: int = 0
    years: Mapping[int, str] = field(default_factory=dict)
    _years: dict[int, list[date]] = field(default_factory=dict, repr=False, compare=False)
    _instants: dict[tuple[date, int, time], datetime] = field(
        default_factory=dict, repr=False, compare=False
    )
    _kept: dict[tuple[tuple[str, bool], ...], "Calendar"] = field(
        default_factory=dict, repr=False, compare=False
    )

    def day(self, day: date) -> Day:
        """Say whether `day` counts, by the first source that knows it, with the reason."""
        if (declared := self.overlay.get(day)) is not None:
            text = (
                lazy("declared working: {document}", document=declared.document)
                if declared.working
                else lazy("declared off: {document}", document=declared.document)
            )
            return Day(day, declared.working, text, provisional=False)
        weekend = day.weekday() >= _SATURDAY
        if day.year in announced_years() and day.year not in self.years:
            if day in chinese_calendar.holidays:
                return Day(day, False, lazy(chinese_calendar.holidays[day]), False)
            if day in chinese_calendar.workdays:
                name = chinese_calendar.workdays[day]
                return Day(day, True, lazy("make-up working day for {name}", name=name), False)
            return Day(day, not weekend, lazy("weekend") if weekend else lazy("working day"), False)
        return _guess(day, known=day.year in self.years)

    def is_working(self, day: date) -> bool:
        """Return whether `day` counts as a working day."""
        days = self._year(day.year)
        i = bisect_left(days, day)
        return i < len(days) and days[i] == day

    def after(self, day: date, n: int) -> date:
        """The `n`-th working day after `day` (n ≥ 1), or before it (n ≤ -1)."""
        year = day.year
        days = self._year(year)
        if n > 0:
            index = bisect_right(days, day) + n - 1
            while index >= len(days):
                index -= len(days)
                year += 1
                days = self._year(year)
        else:
            index = bisect_left(days, day) + n
            while index < 0:
                year -= 1
                days = self._year(year)
                index += len(days)
        return days[index]

    def instant(self, day: date, n: int, hour: time) -> datetime:
        """The instant at `hour` (Asia/Shanghai) of the `n`-th working day after `day`."""
        at = self._instants.get((day, n, hour))
        if at is None:
            at = datetime.combine(self.after(day, n), hour, SHANGHAI)
            self._instants[day, n, hour] = at
        return at

    def provisional(self, first: date, last: date) -> bool:
        """Return whether any day from `first` to `last` is only a guess.

        Of instants, which are dates too, the day in their own zone counts.
        """
        known = self._known_years
        if first.year in known and last.year in known:
            return False
        begin, end = first.toordinal(), last.toordinal()
        span = map(date.fromordinal, range(begin, end + 1))
        return any(day.year not in known and day not in self.overlay for day in span)

    @cached_property
    def _known_years(self) -> frozenset[int]:
        return frozenset((*announced_years(), *self.years))

    def guesses(self, first: date, last: date) -> dict[date, bool]:
        """Return the days from `first` to `last` that were guessed wrongly, and each guess."""
        span = (first + timedelta(n) for n in range((last - first).days + 1))
        return {
            day: working for day in span if (working := _guess(day).counts) != self.is_working(day)
        }

    def keeping(self, days: Mapping[str, bool]) -> "Calendar":
        """Return this calendar with these days, by ISO date, working or off as they were before.

        A ticket whose people acted by them keeps them (decision 29).
        """
        key = tuple(sorted(days.items()))
        calendar = self._kept.get(key)
        if calendar is None:
            calendar = self.keeping_days({date.fromisoformat(day): days[day] for day in days})
            self._kept[key] = calendar
        return calendar

    def keeping_days(self, days: Mapping[date, bool]) -> "Calendar":
        """Return this calendar with these days working or off as they were before."""
        document = N_("as it stood before")
        kept = {day: DeclaredDay(working, document) for day, working in days.items()}
        return Calendar({**self.overlay, **kept}, self.version, self.years)

    def _year(self, year: int) -> list[date]:
        days = self._years.get(year)
        if days is None:
            first = date(year, 1, 1)
            length = (date(year, 12, 31) - first).days + 1
            span = (first + timedelta(n) for n in range(length))
            days = self._years[year] = [d for d in span if self.day(d).counts]
        return days
