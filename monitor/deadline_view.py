"""Draw deadlines: the days of a term as a calendar, and the duties of a ticket on one axis of time.

Filled cells are coloured blanks, which all terminals draw alike.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta

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
_HEAD_WIDTH = len("10-15 ")
_LONGEST_STRIP = 15
"""Weeks that are drawn; of a longer term the last ones."""

_MOST_NAME, _MOST_HOLDER = 28, 16
"""Cells of the longest names beside the lanes."""

_LEAST_ROOM = 12
"""Cells below which an axis of time says nothing."""

_STEPS = (1, 2, 3, 6, 12, 24, 48, 72, 168, 336, 672, 2184, 8736)
"""Hours from one mark of an axis to the next, of which the shortest that has room is taken."""

_DAY_HOURS = 24

_MARK_WIDTH = 8
"""Cells of a mark of an axis, with the gap to the next."""

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
    name = label(ClockName, why.clock)
    # a name that is longer than a day of the month and its month stands above
    is_short = cell_len(name) < _HEAD_WIDTH
    lines = [] if is_short else [Content.styled(name, "bold")]
    beside = fit(name if is_short else "", _HEAD_WIDTH)
    lines.append(Content.assemble((beside, "bold"), (heads, "$quiet")))
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


def lanes(
    duties: Sequence[DutyView], now: datetime, width: int, short_names: Mapping[str, str]
) -> Content:
    """Draw each duty as a lane from its base to its end, or to now: who held what from when on.

    What is left of a running one is grey, what is over is red. The longest names are cut, so that
    the lanes have room.
    """
    rows = [duty.row for duty in duties]
    if not rows:
        return Content("")
    names = [label(ClockName, row.name) for row in rows]
    holders = [one_line(short_names.get(row.holder, label(Recipient, row.holder))) for row in rows]
    name_width = min(_MOST_NAME, width // 3, max(map(cell_len, names)))
    holder_width = min(_MOST_HOLDER, width // 4, max(map(cell_len, holders)))
    head = name_width + holder_width + 2
    if width - head < _LEAST_ROOM:
        return Content("")
    begin = min(row.base for row in rows)
    end = max([row.ended_at or max(row.due, now) for row in rows])
    axis = _Axis(begin, max(end, begin + timedelta(hours=1)), width - head)
    lines = [Content.styled(" " * head + axis.labels(), "$quiet")]
    for row, name, holder in zip(rows, names, holders, strict=True):
        lines.append(
            Content.assemble(
                (fit(name, name_width) + " ", ""),
                (fit(holder, holder_width) + " ", "$quiet"),
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
        """Return the day of its begin, and the days and hours after it, each over its cell."""
        text = ""
        for at in self._marks():
            mark = f"{at:%m-%d}" if not text or at.hour == 0 else f"{at:%H:%M}"
            cell = self.cell(at)
            if not text or len(text) < cell <= self.width - len(mark):
                text = text.ljust(cell) + mark
        return text

    def _marks(self) -> Iterator[datetime]:
        """Yield its begin, and the full hours or days in steps for which there is room."""
        begin, end = self.begin.astimezone(SHANGHAI), self.end.astimezone(SHANGHAI)
        hours = (end - begin) / timedelta(hours=1)
        steps = (step for step in _STEPS if step * self.width >= _MARK_WIDTH * hours)
        step = next(steps, _STEPS[-1])
        at = datetime.combine(begin.date(), time(), SHANGHAI)
        if step > _DAY_HOURS:
            # of some days the first is a Monday
            at -= timedelta(days=at.weekday())
        yield begin
        while (at := at + timedelta(hours=step)) <= end:
            if at > begin:
                yield at


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
