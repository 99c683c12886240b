"""How things are said on the screen: times, what is left of a term, and text that fits."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from rich.cells import cell_len, set_cell_size

from models.i18n import _, readable
from models.rules.calendar import SHANGHAI, Calendar
from models.rules.terms import HalfDay, OfficeHours
from models.rules.text import clean
from monitor.labels import value

_CUT = ".."
"""What stands where a text was cut; the one-character ellipsis is two cells wide in some
terminals."""


_FIRST = ("clock", "level", "kind", "number", "unit", "purpose", "outcome", "due")
_LEFT_OUT = ("run", "seq", "again")


@dataclass(frozen=True)
class Office:
    """Which days count and which hours: all that is needed to say what is left of a term."""

    calendar: Calendar
    hours: OfficeHours


STANDARD = Office(
    Calendar(),
    OfficeHours(HalfDay(time(8, 30), time(12)), HalfDay(time(14, 30), time(17, 30))),
)
"""Until the store has said otherwise."""


def left(due: datetime, now: datetime, office: Office, *, brief: bool = False) -> str:
    """What is left until `due`, or how long it is over: `剩 1 工作日 3 小时`, `超 2 工作日`.

    Whole working days, and the office hours of today and of the due day beside them; on the due
    day itself, and where no office hour lies between, the time of the clock. `brief` leaves out
    what is small beside the rest.
    """
    if due < now:
        days = overdue_days(due, now, office)
        over = _days(days) if days else span(now - due, brief)
        return _("{span} over").format(span=over)
    first, last = now.astimezone(SHANGHAI), due.astimezone(SHANGHAI)
    if first.date() == last.date():
        return _("{span} left").format(span=span(due - now, brief))
    days, hours = _working_time(first, last, office)
    if not days and not hours:
        return _("{span} left").format(span=span(due - now, brief))
    parts = [_days(days)] if days else []
    full = round(hours.total_seconds()) // 3600
    if full and not (brief and days):
        parts.append(_("{n} h").format(n=full))
    elif not days:
        parts.append(_("{n} min").format(n=round(hours.total_seconds()) // 60))
    return _("{span} left").format(span=" ".join(parts))


def overdue_days(due: datetime, now: datetime, office: Office) -> int:
    """How many working days have begun since the due day."""
    last, today = due.astimezone(SHANGHAI).date(), now.astimezone(SHANGHAI)
    days = _count(last, today.date(), office.calendar)
    begun = today.time() >= office.hours.opening
    if days and office.calendar.is_working(today.date()) and not begun:
        days -= 1
    return days


def clock_time(at: datetime | None, now: datetime) -> str:
    """A moment in +08:00, with as much of its date as is needed to know it from today."""
    if at is None:
        return ""
    local, today = at.astimezone(SHANGHAI), now.astimezone(SHANGHAI)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    return f"{local:%m-%d %H:%M}" if local.year == today.year else f"{local:%Y-%m-%d}"


def moment(at: datetime | None) -> str:
    """A moment in +08:00, whole: `2026-10-14 17:30`."""
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if at else ""


def weekday(day: date) -> str:
    """The day of the week, short."""
    names = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
    return names[day.weekday()]


def one_line(text: str) -> str:
    """A text from outside as one line of a list: nothing in it moves the cursor."""
    return " ".join(clean(text).split())


def fit(text: str, width: int) -> str:
    """The text in exactly so many cells, cut with `..` where it is too long."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    if width <= len(_CUT):
        return set_cell_size(text, width)
    return set_cell_size(set_cell_size(text, width - len(_CUT)).rstrip() + _CUT, width)


def pad_left(text: str, width: int) -> str:
    """The text at the right end of so many cells."""
    return " " * max(0, width - cell_len(text)) + text


def details(data: Mapping[str, object], leave_out: Collection[str] = ()) -> str:
    """The values of an event in words: what it is about first, then the rest as it stands."""
    parts = []
    for key in sorted(data, key=lambda k: _FIRST.index(k) if k in _FIRST else len(_FIRST)):
        raw = data[key]
        if raw is None or raw is False or raw == "" or key in _LEFT_OUT or key in leave_out:
            continue
        parts.append(_detail(key, readable(raw)))
    return "  ".join(p for p in parts if p)


def _detail(key: str, shown: object) -> str:
    if isinstance(shown, list):
        return "、".join(one_line(value(v, key)) for v in shown)
    if isinstance(shown, dict):
        return details(shown)
    if shown is True:
        return _(key)
    at = shown if isinstance(shown, datetime) else _instant(shown)
    if at is not None:
        return _("until {at}").format(at=moment(at)) if key == "due" else moment(at)
    return one_line(value(shown, key))


def _instant(text: object) -> datetime | None:
    if not isinstance(text, str) or len(text) < 16 or text[4:5] != "-" or text[10:11] != "T":
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def _days(days: int) -> str:
    return _("1 work day") if days == 1 else _("{n} work days").format(n=days)


def span(length: timedelta, brief: bool = False) -> str:
    """How long something is, by the clock."""
    seconds = int(length.total_seconds())
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


def _count(after: date, until: date, calendar: Calendar) -> int:
    """How many working days lie after one day and up to another."""
    if (until - after).days > 3660:
        return 9999
    return sum(
        calendar.is_working(after + timedelta(n)) for n in range(1, (until - after).days + 1)
    )


def _working_time(first: datetime, last: datetime, office: Office) -> tuple[int, timedelta]:
    """Whole working days, and office time of broken ones, between two moments of two days."""
    hours, calendar = office.hours, office.calendar
    days = _count(first.date(), last.date() - timedelta(1), calendar)
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
