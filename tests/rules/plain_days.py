"""Terms for the second model: one day after the other, under one set of declared days."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from models.rules.calendar import DeclaredDay
from tests.rules import slow_calendar

OPENING, CLOSING = time(8, 30), time(17, 30)
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Days:
    """The working days as they stand under `overlay` (time.md)."""

    overlay: Mapping[date, DeclaredDay] = field(default_factory=dict)
    _known: dict[date, bool] = field(default_factory=dict, compare=False, repr=False)

    def works(self, day: date) -> bool:
        """Return whether a day counts."""
        if day not in self._known:
            self._known[day] = slow_calendar.counts(day, self.overlay)
        return self._known[day]

    def workday(self, day: date, n: int) -> date:
        """The n-th working day after `day`, or before it."""
        step = _ONE_DAY if n > 0 else -_ONE_DAY
        for _ in range(abs(n)):
            day += step
            while not self.works(day):
                day += step
        return day

    def opening(self, day: date, n: int, base: datetime) -> datetime:
        """Opening time of the n-th working day from `day`, but not before `base`."""
        moment = datetime.combine(self.workday(day, n), OPENING, base.tzinfo)
        return max(base, moment)

    def closing(self, day: date, n: int, base: datetime) -> datetime:
        """Closing time of the n-th working day from `day`, in the zone of `base`."""
        return datetime.combine(self.workday(day, n), CLOSING, base.tzinfo)

    def workdays(self, base: datetime, n: int) -> datetime:
        """N working days from `base` (time.md, Terms)."""
        return self.closing(base.date(), n, base)

    def calendar_days(self, base: datetime, n: int) -> datetime:
        """N calendar days from `base`; a last day off moves to the next working day (37)."""
        day = base.date() + n * _ONE_DAY
        while not self.works(day):
            day += _ONE_DAY
        return datetime.combine(day, CLOSING, base.tzinfo)

    def half_day(self, base: datetime) -> datetime:
        """Half a working day: the first working half-day that begins strictly after `base`."""
        return slow_calendar.expiry(base, 1, "halfdays", self.overlay)


PLAIN_DAYS = Days()
"""No day is declared otherwise."""
