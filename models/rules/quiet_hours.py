"""Quiet hours (免打扰): the nights, weekends and holidays in which notices disturb nobody."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from models.rules.calendar import SHANGHAI, Calendar
from models.rules.policy import Policy

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The hours of a day in which notices wait, and whether they wait on days off too.

    Hours are Asia/Shanghai. Quiet days end with the quiet hours of the next working day, or at
    `opening` where there are no hours over night.
    """

    begins: time | None
    ends: time | None
    days_off: bool
    opening: time
    calendar: Calendar

    @classmethod
    def under(cls, policy: Policy, calendar: Calendar) -> "QuietHours":
        """Return the quiet hours that a policy sets."""
        rules, opening = policy.notices, policy.office.opening
        return cls(rules.quiet_from, rules.quiet_until, rules.quiet_days_off, opening, calendar)

    def end_after(self, at: datetime) -> datetime:
        """Return `at`, or the end of the quiet time that it lies in."""
        end = self._end_of_days_off(self._end_of_hours(at))
        # a day off may end within hours that are quiet by day
        return end if end == at else self._end_of_hours(end)

    def waited_since(self, now: datetime, span: timedelta) -> datetime:
        """Return the instant `span` before `now`; quiet days in between do not count."""
        since = now - span
        day = now.astimezone(SHANGHAI).date()
        while self.days_off and day >= since.astimezone(SHANGHAI).date():
            if not self.calendar.is_working(day):
                since -= _DAY
            day -= _DAY
        return since

    def _end_of_hours(self, at: datetime) -> datetime:
        begins, ends = self.begins, self.ends
        if begins is None or ends is None:
            return at
        local = at.astimezone(SHANGHAI)
        hour, day = local.time(), local.date()
        quiet = hour >= begins or hour < ends if self._over_night else begins <= hour < ends
        if not quiet:
            return at
        if self._over_night and hour >= begins:
            day += _DAY
        return datetime.combine(day, ends, SHANGHAI)

    def _end_of_days_off(self, at: datetime) -> datetime:
        day = at.astimezone(SHANGHAI).date()
        if not self.days_off or self.calendar.is_working(day):
            return at
        morning = self.ends if self._over_night and self.ends is not None else self.opening
        return self.calendar.instant(day, 1, morning)

    @property
    def _over_night(self) -> bool:
        return self.begins is not None and self.ends is not None and self.begins > self.ends
