"""Terms (期限): from a base to an expiry, in working, half or calendar days, or wall-clock time."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal

from models.i18n import LazyText, _, lazy, render, render_values
from models.rules.calendar import SHANGHAI, Calendar

Unit = Literal["workdays", "halfdays", "calendardays", "days", "hours", "minutes", "seconds"]

_TERM = re.compile(r"(\d{1,9}) (workday|half-day|calendar-day|day|hour|minute|second)s?")
_OFFSET = re.compile(r"([+-]\d{1,9})([smhd])")
_WORKDAY = re.compile(r"workday ([+-][1-9]\d?)")
_LETTERS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LENGTHS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_NAMES: dict[Unit, str] = {
    "workdays": "workday",
    "halfdays": "half-day",
    "calendardays": "calendar-day",
    "days": "day",
    "hours": "hour",
    "minutes": "minute",
    "seconds": "second",
}
_LONGEST = 100_000
"""The largest number of a term or an offset: more is a slip of the keyboard."""


@dataclass(frozen=True, slots=True)
class Term:
    """A length of time as the policy writes it: `7 workdays`, `1 half-day`, `24 hours`.

    `calendardays` end at closing time of a day; `days` are wall-clock time, 24 hours each.
    """

    count: int
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> "Term":
        """The term that `text` names; raises ValueError with what is allowed."""
        if (match := _TERM.fullmatch(text)) is None or not 0 < int(match[1]) <= _LONGEST:
            message = _(
                "{text} is no term: write a number and workdays, half-days, calendar-days, days, "
                "hours, minutes or seconds, as in '7 workdays'"
            )
            raise ValueError(message.format(text=repr(text)))
        unit = match[2].replace("-", "") + "s"
        return cls(int(match[1]), unit)  # type: ignore[arg-type]

    @property
    def wall(self) -> timedelta | None:
        """The term as wall-clock time, or None where it depends on the calendar."""
        if self.unit in ("workdays", "halfdays", "calendardays"):
            return None
        return timedelta(**{self.unit: self.count})

    @property
    def span(self) -> timedelta:
        """The term as wall-clock time; one of working time is taken for as many whole days.

        A policy that an earlier release took may have such a term where the clock on the wall runs.
        """
        return timedelta(days=self.count) if self.wall is None else self.wall

    def __str__(self) -> str:
        name = _NAMES[self.unit]
        return f"{self.count} {name}" if self.count == 1 else f"{self.count} {name}s"


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment beside an expiry: a working day before or after the due day, or an offset from it.

    `workday -1` is the last working day before the due day, `workday +2` the second after it.
    """

    workday: int = 0
    offset: timedelta = timedelta()

    @classmethod
    def parse(cls, text: str) -> "Moment":
        """The moment that `text` names; raises ValueError with what is allowed."""
        if match := _WORKDAY.fullmatch(text):
            return cls(workday=int(match[1]))
        if (match := _OFFSET.fullmatch(text)) and abs(int(match[1])) <= _LONGEST:
            return cls(offset=timedelta(**{_LETTERS[match[2]]: int(match[1])}))
        message = _(
            "{text} is no moment: write 'workday -1', 'workday +2', or an offset from the "
            "expiry such as '-2h' or '+20s'"
        )
        raise ValueError(message.format(text=repr(text)))

    def __str__(self) -> str:
        if self.workday:
            return f"workday {self.workday:+d}"
        seconds = round(self.offset.total_seconds())
        letter = next(a for a, length in _LENGTHS.items() if seconds % length == 0)
        return f"{seconds // _LENGTHS[letter]:+d}{letter}"

    def of(self, due: datetime, calendar: Calendar, at: time) -> datetime:
        """Return this moment for an expiry at `due`; `at` is the hour on a working day."""
        if self.workday:
            return calendar.instant(due.astimezone(SHANGHAI).date(), self.workday, at)
        return due + self.offset


@dataclass(frozen=True, slots=True)
class HalfDay:
    """One of the two halves of a working day, by its office hours."""

    begins: time
    ends: time


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """Office hours (办公时间) of a working day, zone Asia/Shanghai."""

    morning: HalfDay
    afternoon: HalfDay

    @property
    def opening(self) -> time:
        """The hour at which a working day begins."""
        return self.morning.begins

    @property
    def closing(self) -> time:
        """The hour at which a working day ends, and with it every term counted in working days."""
        return self.afternoon.ends


def expiry(base: datetime, term: Term, calendar: Calendar, hours: OfficeHours) -> datetime:
    """Return the instant at which `term`, begun at `base`, runs out (民法典 201, 203).

    The day of the base is not counted; N working days end at closing time of the N-th working
    day after it; a half day ends with the first working half-day that begins after the base. N
    calendar days end at closing time of the N-th day after it, or, where that is a day off, of the
    next working day.
    """
    if term.unit == "workdays":
        return calendar.instant(base.astimezone(SHANGHAI).date(), term.count, hours.afternoon.ends)
    if (wall := term.wall) is not None:
        return base + wall
    local = base.astimezone(SHANGHAI)
    day = local.date()
    if term.unit == "calendardays":
        return calendar.instant(day + timedelta(term.count - 1), 1, hours.closing)
    left = term.count
    if calendar.is_working(day):
        for half in (hours.morning, hours.afternoon):
            if half.begins > local.time():
                left -= 1
                if left == 0:
                    return datetime.combine(day, half.ends, SHANGHAI)
    whole, second = divmod(left - 1, 2)
    half = hours.afternoon if second else hours.morning
    return calendar.instant(day, whole + 1, half.ends)


_ONE: dict[Unit, LazyText] = {
    "workdays": lazy("1 working day"),
    "halfdays": lazy("1 working half-day"),
    "calendardays": lazy("1 calendar day"),
    "days": lazy("1 day"),
    "hours": lazy("1 hour"),
    "minutes": lazy("1 minute"),
    "seconds": lazy("1 second"),
}


def describe_term(term: Term) -> LazyText:
    """The term in words."""
    if term.count == 1:
        return _ONE[term.unit]
    texts = {
        "workdays": lazy("{n} working days", n=term.count),
        "halfdays": lazy("{n} working half-days", n=term.count),
        "calendardays": lazy("{n} calendar days", n=term.count),
        "days": lazy("{n} days", n=term.count),
        "hours": lazy("{n} hours", n=term.count),
        "minutes": lazy("{n} minutes", n=term.count),
        "seconds": lazy("{n} seconds", n=term.count),
    }
    return texts[term.unit]


# a term in a text is in the notation of policies until the text is rendered
render_values("term", lambda notation: render(describe_term(Term.parse(notation))))
