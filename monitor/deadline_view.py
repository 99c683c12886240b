"""Draw deadlines: the days of a term as a calendar, and the duties of a ticket on one axis of time.

Filled cells are coloured blanks, which all terminals draw alike.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from rich.cells import cell_len
from textual.content import Content

from models.i18n import LazyText, _, lazy, render
from models.queries.duties import DutyRow, DutyView
from models.queries.log_lines import LogLine
from models.rules.calendar import SHANGHAI
from models.rules.events import ClockMoved, ExtensionGranted
from models.rules.explain import Explanation
from models.rules.vocabulary import ClockName, ClockState, Level, Recipient, label
from monitor.formatting import OfficeCalendar, fit, format_weekday, one_line
from monitor.labels import LEVEL_STYLES

_WEEK = 7
_LONGEST_STRIP = 15
"""Weeks that are drawn; of a longer term the last ones."""

_NAME_WIDTH, _HOLDER_WIDTH = 10, 10

_LEVEL_MARKS = {
    Level.PREWARNING: lazy("Pr"),
    Level.YELLOW: lazy("Ye"),
    Level.RED: lazy("Rd"),
}

DAY_MARKS: dict[str, tuple[LazyText, str, LazyText]] = {
    "due": (lazy("Du"), "bold reverse $accent", lazy("the day of the due")),
    "extended": (lazy("Ex"), "bold $card-ink on $accent", lazy("an extension was granted")),
    "restarted": (lazy("Re"), "bold $card-ink on $accent", lazy("the term began again or moved")),
}
"""The mark of a day in two cells beside those of levels, its style, and what it means."""


def day_strip(
    log: Sequence[LogLine], why: Explanation, now: datetime, office: OfficeCalendar
) -> Content:
    """Draw the days of a term, a week a line, and what their colours mean."""
    days = strip_days(log, why, now, office)
    first = min(days)
    monday = first - timedelta(days=first.weekday())
    weeks = (max(days) - monday).days // _WEEK + 1
    names = (format_weekday(monday + timedelta(n)) for n in range(_WEEK))
    heads = "".join(fit(name[:2] if name.isascii() else name[-1], 3) for name in names)
    lines = [Content.assemble((fit(label(ClockName, why.clock), 6), "bold"), (heads, "$quiet"))]
    for week in range(max(0, weeks - _LONGEST_STRIP), weeks):
        begin = monday + timedelta(days=_WEEK * week)
        cells: list[tuple[str, str]] = [(f"{begin:%m-%d} ", "$quiet")]
        for day in (begin + timedelta(n) for n in range(_WEEK)):
            cells += [days.get(day, ("  ", "")), (" ", "")]
        lines.append(Content.assemble(*cells))
    return Content("\n").join([*lines, _strip_legend()])


def strip_days(
    log: Sequence[LogLine], why: Explanation, now: datetime, office: OfficeCalendar
) -> dict[date, tuple[str, str]]:
    """Return the two cells and the style of each day of a term: filled as far as it has passed.

    Every day has its number, or the mark of what happens in it: a level, the due, an extension or
    a restart. The days that do not count are grey; today is bold and underlined.
    """
    counted = {day.day: day.counts for day in why.days}
    marks = _marks(log, why)
    today = now.astimezone(SHANGHAI).date()
    first, last = min(counted), max([*counted, *marks])
    if first <= today <= last + timedelta(days=2 * _WEEK):
        last = max(last, today)
    days = (first + timedelta(n) for n in range((last - first).days + 1))
    return {day: _cell(day, today, counted, marks, office) for day in days}


def _mark(name: str) -> tuple[str, str]:
    """Return the mark of a level or of another thing that happens in a day, and its style."""
    if name in DAY_MARKS:
        text, style, _meaning = DAY_MARKS[name]
        return render(text), style
    return render(_LEVEL_MARKS[Level(name)]), LEVEL_STYLES[name]


def _strip_legend() -> Content:
    counted, to_come, due = _("counted"), _("to come"), _("due")
    return Content.assemble(
        ("  ", "on $primary"),
        (f" {counted}  ", "$quiet"),
        ("  ", "on $scrollbar"),
        (f" {to_come}  ", "$quiet"),
        _mark("due"),
        (f" {due}", "$quiet"),
    )


def _cell(
    day: date,
    today: date,
    counted: Mapping[date, bool],
    marks: Mapping[date, str],
    office: OfficeCalendar,
) -> tuple[str, str]:
    is_today = "bold underline " if day == today else ""
    if day in marks:
        text, style = _mark(marks[day])
        return fit(text, 2), is_today + style
    if counted.get(day, False):
        filled = "$card-ink on $primary" if day <= today else "on $scrollbar"
        return f"{day:%d}", is_today + filled
    quiet = "$quiet" if day in counted or not office.calendar.is_working(day) else ""
    return f"{day:%d}", is_today + quiet


def _marks(log: Sequence[LogLine], why: Explanation) -> dict[date, str]:
    marks: dict[date, str] = {}
    if why.clock == ClockName.HANDLING:
        for line in log:
            if line.moment < why.base:
                continue
            if isinstance(line.event, ExtensionGranted):
                marks[_day(line.moment)] = "extended"
            elif isinstance(line.event, ClockMoved) and line.event.clock == ClockName.HANDLING:
                marks.setdefault(_day(line.moment), "restarted")
    for level, at in why.levels:
        marks[_day(at)] = level
    marks[_day(why.due)] = "due"
    return marks


def _day(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()


def lanes(duties: Sequence[DutyView], now: datetime, width: int) -> Content:
    """Draw each duty as a lane from its base to its end, or to now: who held what from when on.

    What is left of a running one is grey, what is over is red.
    """
    rows = [duty.row for duty in duties]
    room = width - _NAME_WIDTH - _HOLDER_WIDTH
    if not rows or room < _HOLDER_WIDTH:
        return Content("")
    begin = min(row.base for row in rows)
    end = max([row.ended_at or max(row.due, now) for row in rows])
    axis = _Axis(begin, max(end, begin + timedelta(hours=1)), room)
    head = " " * (_NAME_WIDTH + _HOLDER_WIDTH)
    lines = [Content.styled(head + axis.labels(), "$quiet")]
    for row in rows:
        holder = one_line(label(Recipient, row.holder))
        lines.append(
            Content.assemble(
                (fit(label(ClockName, row.name), _NAME_WIDTH - 1) + " ", ""),
                (fit(holder, _HOLDER_WIDTH - 1) + " ", "$quiet"),
                *_lane(row, now, axis),
            )
        )
    return Content("\n").join(lines)


class _Axis:
    """An axis of time of so many cells."""

    def __init__(self, begin: datetime, end: datetime, width: int) -> None:
        self.begin, self.end, self.width = begin, end, width

    def cell(self, at: datetime) -> int:
        """Return the cell of a moment."""
        share = (at - self.begin) / (self.end - self.begin)
        return max(0, min(self.width - 1, int(share * self.width)))

    def labels(self) -> str:
        """Return the days of its first and last moments, and between them where there is room."""
        count = max(2, min(5, self.width // 12))
        step = (self.end - self.begin) / (count - 1)
        days = [f"{(self.begin + step * n).astimezone(SHANGHAI):%m-%d}" for n in range(count)]
        gap, text = (self.width - sum(map(len, days))) / (count - 1), ""
        for n, day in enumerate(days):
            text = text.ljust(round(n * (gap + len(day)))) + day
        return text[: self.width] if cell_len(text) > self.width else text


def _lane(row: DutyRow, now: datetime, axis: _Axis) -> list[tuple[str, str]]:
    running = row.state == ClockState.RUNNING
    first, due = axis.cell(row.base), axis.cell(row.due)
    last = axis.cell(row.ended_at or now)
    style = "on $success" if row.state == ClockState.MET else "on $scrollbar"
    if running:
        style = "on $primary"
    if row.state in (ClockState.LATE, ClockState.EXPIRED):
        style = "on $error"
    in_time = min(last, due)
    parts = [(" " * first, ""), (" " * (in_time - first + 1), style)]
    if last > due:
        parts.append((" " * (last - due), "on $error"))
    elif running and due > last:
        parts.append((" " * (due - last), "on $scrollbar"))
    return parts
