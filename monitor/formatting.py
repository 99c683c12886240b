"""Format times, what is left of a term, and texts that fit their column."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from rich.cells import cell_len, set_cell_size

from models.i18n import _, readable
from models.rules.calendar import SHANGHAI, Calendar
from models.rules.terms import HalfDay, OfficeHours
from models.rules.text import clean
from monitor.labels import FLAGS, value_label, word

_CUT = ".."
"""The end of a text that was cut; some terminals draw the ellipsis two cells wide."""

_FIRST_FIELDS = ("clock", "level", "kind", "number", "unit", "purpose", "outcome", "due")
"""Fields of an event that are shown first, in this order."""

_HIDDEN_FIELDS = ("run", "seq", "again")


@dataclass(frozen=True)
class OfficeCalendar:
    """The working days and office hours that a term is counted in."""

    calendar: Calendar
    hours: OfficeHours


DEFAULT_OFFICE = OfficeCalendar(
    Calendar(),
    OfficeHours(HalfDay(time(8, 30), time(12)), HalfDay(time(14, 30), time(17, 30))),
)
"""The office hours until the store has said otherwise."""


def format_time_left(
    due: datetime, now: datetime, office: OfficeCalendar, *, brief: bool = False
) -> str:
    """Say what is left until `due`, or how long it is over: `剩 1 工作日 3 小时`, `超 2 工作日`.

    Whole working days, and the office hours of today and of the due day beside them; on the due
    day itself, and where no office hour lies between, the time of the clock. `brief` leaves out
    what is small beside the rest.
    """
    if due < now:
        days = overdue_days(due, now, office)
        over = _days(days) if days else format_duration(now - due, brief)
        return _("{span} over").format(span=over)
    first, last = now.astimezone(SHANGHAI), due.astimezone(SHANGHAI)
    if first.date() == last.date():
        return _("{span} left").format(span=format_duration(due - now, brief))
    days, hours = _working_time(first, last, office)
    if not days and not hours:
        return _("{span} left").format(span=format_duration(due - now, brief))
    parts = [_days(days)] if days else []
    full = round(hours.total_seconds()) // 3600
    if full and not (brief and days):
        parts.append(_("{n} h").format(n=full))
    elif not days:
        parts.append(_("{n} min").format(n=round(hours.total_seconds()) // 60))
    return _("{span} left").format(span=" ".join(parts))


def overdue_days(due: datetime, now: datetime, office: OfficeCalendar) -> int:
    """Count the working days that have begun since the due day."""
    last, today = due.astimezone(SHANGHAI).date(), now.astimezone(SHANGHAI)
    days = _count_working_days(last, today.date(), office.calendar)
    begun = today.time() >= office.hours.opening
    if days and office.calendar.is_working(today.date()) and not begun:
        days -= 1
    return days


def format_time(at: datetime | None, now: datetime) -> str:
    """Format an instant in +08:00, with its date only if that is another day, or another year."""
    if at is None:
        return ""
    local, today = at.astimezone(SHANGHAI), now.astimezone(SHANGHAI)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    return f"{local:%m-%d %H:%M}" if local.year == today.year else f"{local:%Y-%m-%d}"


def format_instant(at: datetime | None) -> str:
    """Format an instant in +08:00 with its date: `2026-10-14 17:30`."""
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if at else ""


def format_weekday(day: date) -> str:
    """Return the short name of the day of the week."""
    names = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
    return names[day.weekday()]


def one_line(text: str) -> str:
    """Make one line of a text from outside; nothing in it moves the terminal's cursor."""
    return " ".join(clean(text).split())


def fit(text: str, width: int) -> str:
    """Pad or cut the text to exactly so many cells; a cut one ends with `..`."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    if width <= len(_CUT):
        return set_cell_size(text, width)
    return set_cell_size(set_cell_size(text, width - len(_CUT)).rstrip() + _CUT, width)


def shorten(text: str, width: int) -> str:
    """Cut the text to at most so many cells; a cut one ends with `..`."""
    return text if cell_len(text) <= width else fit(text, width)


def pad_left(text: str, width: int) -> str:
    """Align the text to the right in so many cells."""
    return " " * max(0, width - cell_len(text)) + text


def format_values(data: Mapping[str, object], leave_out: Collection[str] = ()) -> str:
    """Format the values of an event's data, the most important first."""
    parts = []
    first = [key for key in _FIRST_FIELDS if key in data]
    for key in dict.fromkeys([*first, *data]):
        raw = data[key]
        if raw is None or raw is False or raw == "" or key in _HIDDEN_FIELDS or key in leave_out:
            continue
        parts.append(_format_value(key, readable(raw)))
    return "  ".join(p for p in parts if p)


def _format_value(key: str, readable_value: object) -> str:
    if isinstance(readable_value, list):
        return "、".join(one_line(value_label(v)) for v in readable_value)
    if isinstance(readable_value, dict):
        return format_values(readable_value)
    if readable_value is True:
        return word(FLAGS, key)
    at = readable_value if isinstance(readable_value, datetime) else _parse_instant(readable_value)
    if at is not None:
        return _("until {at}").format(at=format_instant(at)) if key == "due" else format_instant(at)
    return one_line(value_label(readable_value))


def _parse_instant(text: object) -> datetime | None:
    if not isinstance(text, str) or len(text) < 16 or text[4:5] != "-" or text[10:11] != "T":
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def _days(days: int) -> str:
    return _("1 work day") if days == 1 else _("{n} work days").format(n=days)


def format_duration(duration: timedelta, brief: bool = False) -> str:
    """Format a time span by its largest unit; `brief` leaves out the minutes of some hours."""
    seconds = int(duration.total_seconds())
    if seconds < 60:
        return _("{n} s").format(n=seconds)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 60:
        return _("{n} min").format(n=minutes)
    if hours < 24:
        rest = minutes % 60
        text = _("{n} h").format(n=hours)
        return (
            f"{text} {_('{n} min').format(n=rest)}" if rest and hours < 10 and not brief else text
        )
    return _("{n} d").format(n=days)


def _count_working_days(after: date, until: date, calendar: Calendar) -> int:
    """Count the working days after one day and up to another."""
    if (until - after).days > 3660:
        return 9999
    return sum(
        calendar.is_working(after + timedelta(n)) for n in range(1, (until - after).days + 1)
    )


def _working_time(first: datetime, last: datetime, office: OfficeCalendar) -> tuple[int, timedelta]:
    """Return the whole working days, and the office time of broken ones, between two instants."""
    hours, calendar = office.hours, office.calendar
    days = _count_working_days(first.date(), last.date() - timedelta(1), calendar)
    rest = timedelta()
    if calendar.is_working(first.date()):
        if first.time() <= hours.opening:
            days += 1
        else:
            rest += _office_time(first.time(), hours.closing, hours)
    if calendar.is_working(last.date()):
        if last.time() >= hours.closing:
            days += 1
        else:
            rest += _office_time(hours.opening, last.time(), hours)
    return days, rest


def _office_time(begins: time, ends: time, hours: OfficeHours) -> timedelta:
    total = timedelta()
    for half in (hours.morning, hours.afternoon):
        first, last = max(begins, half.begins), min(ends, half.ends)
        if first < last:
            day = date.min
            total += datetime.combine(day, last) - datetime.combine(day, first)
    return total
