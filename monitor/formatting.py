"""Format times, what is left of a term, and texts that fit their column."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from rich.cells import cell_len, set_cell_size

from models.i18n import LazyText, _, readable, render
from models.rules.calendar import SHANGHAI, Calendar
from models.rules.terms import HalfDay, OfficeHours
from models.rules.text import clean, steady_width
from monitor.labels import CHANNELS, FLAGS, SOURCES, holder_label, value_label, word

CUT = ".."
"""The end of a text that was cut; some terminals draw the ellipsis two cells wide."""

_REASON_CELLS = 240
"""Cells of a reason in a dialog, whose buttons must stay on the screen."""

_FIRST_FIELDS = ("clock", "level", "kind", "number", "unit", "purpose", "outcome", "due")
"""Fields of an event that are shown first, in this order."""

_HOLDERS = ("holder", "by_unit", "unit")
"""Fields that name a unit, or one of the hotline's own holders by its code."""

_FIELD_NAMES = ("fields", "missing")
_HIDDEN_FIELDS = ("run", "seq", "again")


@dataclass(frozen=True)
class OfficeCalendar:
    """The working days and office hours that a term is counted in.

    `wall_clocks` are the clocks whose terms the policy sets in wall-clock time.
    """

    calendar: Calendar
    hours: OfficeHours
    wall_clocks: frozenset[str] = frozenset()

    def counts_work(self, clock: str, due: datetime) -> bool:
        """Return whether a clock that is due then is counted in working time.

        The term of a law may be in wall-clock time too, whatever the policy says: a term of
        working time ends with a working half-day.
        """
        local = due.astimezone(SHANGHAI)
        ends = (self.hours.morning.ends, self.hours.afternoon.ends)
        is_end = self.calendar.is_working(local.date()) and local.time() in ends
        return clock not in self.wall_clocks and is_end


DEFAULT_OFFICE = OfficeCalendar(
    Calendar(),
    OfficeHours(HalfDay(time(8, 30), time(12)), HalfDay(time(14, 30), time(17, 30))),
)
"""The office hours until the store has said otherwise."""


def format_time_left(
    due: datetime, now: datetime, office: OfficeCalendar, *, clock: str = "", brief: bool = False
) -> str:
    """Say what is left until `due`, or how long it is over: `剩 1 工作日 3 小时`, `超 2 工作日`.

    A clock of working time has whole working days and office hours, also on the due day, at night
    and over noon; a clock of wall-clock time has days, hours and minutes. What is over is counted
    in the one unit of its clock, working days or wall-clock time. `brief` is at most ten cells in
    Chinese.
    """
    is_over = due < now
    if not office.counts_work(clock, due):
        span = format_duration(abs(due - now), brief)
    elif is_over:
        span = _work_days(overdue_days(due, now, office), brief)
    else:
        span = _work_left(now.astimezone(SHANGHAI), due.astimezone(SHANGHAI), office, brief)
    if brief:
        return (_("late {span}") if is_over else _("in {span}")).format(span=span)
    return (_("{span} over") if is_over else _("{span} left")).format(span=span)


def format_wait(since: datetime, now: datetime, *, brief: bool = False, late: bool = False) -> str:
    """Say for how long something has waited of which no term runs, or no more: `已等 3 小时`."""
    if late:
        text = _("{span}, late") if brief else _("waits for {span}, overdue")
    else:
        text = _("for {span}") if brief else _("waits for {span}")
    return text.format(span=format_duration(max(timedelta(), now - since), brief))


def _work_left(first: datetime, last: datetime, office: OfficeCalendar, brief: bool) -> str:
    days, rest = _working_time(first, last, office)
    if brief:
        by_hours = first.date() == last.date() and not days
        return format_duration(rest, brief) if by_hours else _work_days(days, brief)
    minutes = round(rest.total_seconds()) // 60
    hours = _("{n} h").format(n=minutes // 60) if minutes >= 60 else ""
    if not days:
        return _("{span} of work").format(span=hours or _("{n} min").format(n=minutes))
    return f"{_work_days(days)} {hours}".rstrip()


def _work_days(days: int, brief: bool = False) -> str:
    if brief:
        return _("{n} wd").format(n=days) if days else _("<1 wd")
    if not days:
        return _("less than 1 work day")
    return _("1 work day") if days == 1 else _("{n} work days").format(n=days)


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


def format_short(at: datetime, now: datetime) -> str:
    """Format an instant in +08:00, without its year where that is the present one."""
    same_year = at.astimezone(SHANGHAI).year == now.astimezone(SHANGHAI).year
    return format_instant(at)[5:] if same_year else format_instant(at)


def format_weekday(day: date) -> str:
    """Return the short name of the day of the week."""
    names = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
    return names[day.weekday()]


def one_line(text: str) -> str:
    """Make one line of a text from outside; nothing in it moves the terminal's cursor.

    Signs that terminals draw in different widths are replaced: a line would end elsewhere.
    """
    return " ".join(steady_width(clean(text)).split())


def shorten_number(number: str, now: datetime) -> str:
    """Shorten a ticket's number to eleven cells: `20261015000123` of this year is `1015-000123`.

    Of another number the end is kept, in which tickets differ.
    """
    year, day, rest = number[:4], number[4:8], number[8:]
    is_dated = number.isdecimal() and 8 < len(number) <= 14
    if is_dated and year == f"{now.astimezone(SHANGHAI):%Y}":
        return f"{day}-{rest}"
    return number if cell_len(number) <= 11 else CUT + number[-9:]


def fit(text: str, width: int) -> str:
    """Pad or cut the text to exactly so many cells; a cut one ends with `..`."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    if width <= len(CUT):
        return set_cell_size(text, width)
    return set_cell_size(set_cell_size(text, width - len(CUT)).rstrip() + CUT, width)


def shorten(text: str, width: int) -> str:
    """Cut the text to at most so many cells; a cut one ends with `..`."""
    return text if cell_len(text) <= width else fit(text, width)


def short_reason(text: str) -> str:
    """Return a reason on one line, cut: some sources and channels refuse with a page of text."""
    return shorten(one_line(text), _REASON_CELLS)


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
    if key in _FIELD_NAMES and isinstance(readable_value, list):
        return render(LazyText("{names}", {"names": ", ".join(map(str, readable_value))}))
    if isinstance(readable_value, list):
        return "、".join(one_line(value_label(v)) for v in readable_value)
    if isinstance(readable_value, dict):
        return format_values(readable_value)
    if readable_value is True:
        return word(FLAGS, key)
    if isinstance(readable_value, int):
        return _format_number(key, readable_value)
    at = readable_value if isinstance(readable_value, datetime) else _parse_instant(readable_value)
    if at is not None:
        return _("until {at}").format(at=format_instant(at)) if key == "due" else format_instant(at)
    text = value_label(readable_value)
    if key in _HOLDERS:
        return one_line(holder_label(text))
    return one_line(word({"channel": CHANNELS, "by": SOURCES}.get(key, {}), text))


def _format_number(key: str, number: int) -> str:
    """Say what a number in an event counts."""
    words = {"number": _("time {n}"), "of": _("line {n}"), "certainty": _("{n} percent certain")}
    return words.get(key, "{n}").format(n=number)


def _parse_instant(text: object) -> datetime | None:
    if not isinstance(text, str) or len(text) < 16 or text[4:5] != "-" or text[10:11] != "T":
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def format_duration(duration: timedelta, brief: bool = False) -> str:
    """Format a time span by its two largest units; `brief` is at most eight cells in Chinese."""
    seconds = int(duration.total_seconds())
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if brief:
        if minutes < 60:
            return _("{n}min").format(n=minutes) if minutes else _("{n}s").format(n=seconds)
        if hours < 10 and minutes % 60:
            return _("{h}h{m:02}").format(h=hours, m=minutes % 60)
        return _("{n}h").format(n=hours) if hours < 48 else _("{n}d").format(n=days)
    if minutes < 60:
        return _("{n} min").format(n=minutes) if minutes else _("{n} s").format(n=seconds)
    if hours < 24:
        large, small = _("{n} h").format(n=hours), (minutes % 60, _("{n} min"))
    else:
        large, small = _("{n} d").format(n=days), (hours % 24 if days < 10 else 0, _("{n} h"))
    return f"{large} {small[1].format(n=small[0])}" if small[0] else large


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
    if first.date() == last.date():
        if first.time() <= hours.opening and last.time() >= hours.closing:
            return 1, timedelta()
        return 0, _office_time(first.time(), last.time(), hours)
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
