"""The columns of the list of tickets: heads, widths, cells, and which of them are shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.i18n import LazyText, _, lazy, render
from models.queries.ticket_list import ListedTicket
from models.queries.ticket_order import SortColumn
from models.rules.vocabulary import Category, ClockName, ClockState, Status, label
from monitor.formatting import (
    OfficeCalendar,
    format_instant,
    format_time_left,
    format_wait,
    one_line,
    overdue_days,
    shorten_number,
)
from monitor.labels import BADGES, CONTACT_STATES, DUTY_NAMES, word
from monitor.widgets.list_columns import Cell
from monitor.widgets.ticket_cells import emergency_cell, title_cell

_NEW_FOR = timedelta(minutes=1)
"""The time for which a level that was raised has a mark."""

WIDE = 120
"""Cells from which on there is room for whole numbers and more columns."""

TITLE = "title"


@dataclass(frozen=True, slots=True)
class RowContext:
    """The context of cells beside their ticket; those of times are `brief` in a list."""

    now: datetime
    office: OfficeCalendar
    short_names: Mapping[str, str]
    wide: bool
    brief: bool


@dataclass(frozen=True, slots=True)
class TicketColumn:
    """A column: its key, its head, the most cells that it takes, and how it is sorted.

    A column of `most` 0 takes the rest of the line. In a narrow list it takes at most `narrow`
    cells.
    """

    key: str
    head: LazyText
    most: int
    narrow: int
    sort: SortColumn | None
    cell: Callable[[ListedTicket, RowContext], Cell]


def _badges(row: ListedTicket, look: RowContext) -> Cell:
    """Return the badges of an emergency and of a level.

    A mark says that a duty of the emergency was missed, another that the level was raised within
    the last minute.
    """
    age = look.now - row.level_at if row.level and row.level_at else None
    mark = "*" if age is not None and timedelta() <= age < _NEW_FOR else ""
    style = row.level if row.level in BADGES else None
    level = (word(BADGES, row.level) + mark, style or "")
    return emergency_cell(row.emergency, missed=bool(row.missed), parts=(level,))


def _number(row: ListedTicket, look: RowContext) -> Cell:
    number = one_line(row.number)
    return Cell(number) if look.wide else Cell(shorten_number(number, look.now), "quiet")


def _title(row: ListedTicket, _look: RowContext) -> Cell:
    return title_cell(row.title, None)


def _unit(row: ListedTicket, look: RowContext) -> Cell:
    return Cell(one_line(look.short_names.get(row.unit or "", row.unit or "")))


def _duty(row: ListedTicket, look: RowContext) -> Cell:
    """Return the clock of the duty that is due next, shortly in a narrow list; else the status."""
    if row.next_duty is None:
        return Cell(label(Status, row.status), "near")
    clock = row.next_duty.clock
    return Cell(label(ClockName, clock) if look.wide else word(DUTY_NAMES, clock), "quiet")


def _time_left(row: ListedTicket, look: RowContext) -> Cell:
    duty, now, brief = row.next_duty, look.now, look.brief
    if duty is None:
        return _wait(row, now, brief=brief)
    text = format_time_left(duty.due, now, look.office, clock=duty.clock, brief=brief)
    guess = "?" if row.provisional and duty.clock == ClockName.HANDLING else ""
    if duty.due < now:
        return Cell(text + guess, "over")
    is_near = overdue_days(now, duty.due, look.office) < 1
    return Cell(text + guess, "near" if is_near else "")


def _wait(row: ListedTicket, now: datetime, *, brief: bool) -> Cell:
    if row.waits_since is None:
        return Cell("-")
    is_overdue = row.overdue_answer is not None
    text = format_wait(row.waits_since, now, brief=brief, late=is_overdue)
    return Cell(text, "over" if is_overdue else "")


def due_of(row: ListedTicket) -> datetime | None:
    """Return when what a ticket waits for is due, or was where that is overdue."""
    duty = row.next_duty or row.overdue_answer
    return duty.due if duty else None


def _due(row: ListedTicket, _look: RowContext) -> Cell:
    return Cell(format_instant(due_of(row))[5:], "quiet")


def _received(row: ListedTicket, _look: RowContext) -> Cell:
    return Cell(format_instant(row.received_at)[5:] if row.received_at else "", "quiet")


def _missed(row: ListedTicket, _look: RowContext) -> Cell:
    """Return the first emergency duty that was missed, and how many were, of several."""
    if not row.missed:
        return Cell()
    first = label(ClockName, row.missed[0])
    if (count := len(row.missed)) == 1:
        return Cell(first, "over")
    return Cell(_("{clock}, {n} in all").format(clock=first, n=count), "over")


def _contact(row: ListedTicket, _look: RowContext) -> Cell:
    is_late = row.first_contact in (ClockState.EXPIRED, ClockState.LATE)
    return Cell(word(CONTACT_STATES, row.first_contact), "over" if is_late else "quiet")


def _status(row: ListedTicket, _look: RowContext) -> Cell:
    return Cell(label(Status, row.status), "quiet")


def _category(row: ListedTicket, _look: RowContext) -> Cell:
    return Cell(label(Category, row.category), "quiet")


COLUMNS = (
    TicketColumn("level", lazy("Level"), 8, 8, SortColumn.LEVEL, _badges),
    TicketColumn("number", lazy("Ticket"), 20, 11, SortColumn.NUMBER, _number),
    TicketColumn(TITLE, lazy("Title"), 0, 0, SortColumn.TITLE, _title),
    TicketColumn("unit", lazy("Unit"), 20, 10, SortColumn.UNIT, _unit),
    TicketColumn("duty", lazy("Duty"), 20, 10, None, _duty),
    TicketColumn("left", lazy("Left"), 10, 10, SortColumn.LEFT, _time_left),
    TicketColumn("due", lazy("Due"), 20, 20, SortColumn.LEFT, _due),
    TicketColumn("missed", lazy("Missed"), 20, 10, None, _missed),
    TicketColumn("contact", lazy("1st contact"), 20, 20, None, _contact),
    TicketColumn("status", lazy("Status"), 20, 20, SortColumn.STATUS, _status),
    TicketColumn("category", lazy("Category"), 20, 20, SortColumn.CATEGORY, _category),
    TicketColumn("received", lazy("Received"), 20, 20, SortColumn.RECEIVED, _received),
)
"""All columns, in the order in which they stand."""


def sort_head(column: SortColumn | None) -> str:
    """Return the head of the first column that is sorted so."""
    return next((render(c.head) for c in COLUMNS if column is not None and c.sort == column), "")


FIXED = ("level", "number", TITLE)
"""The columns that are always there."""

_USUAL = (*FIXED, "unit", "duty", "left")
_USUAL_WIDE = (*_USUAL, "due", "missed", "contact", "status", "category")

DROPPED_FIRST = (
    "received",
    "category",
    "status",
    "contact",
    "missed",
    "due",
    "unit",
    "duty",
    "left",
)
"""Columns in the order in which they go where the title would be too narrow."""


def shown_columns(chosen: Sequence[str], *, wide: bool) -> list[TicketColumn]:
    """List the chosen columns, or those that are usual at this width where none is chosen."""
    usual = _USUAL_WIDE if wide else _USUAL
    keys = {*FIXED, *chosen} if chosen else set(usual)
    return [column for column in COLUMNS if column.key in keys]
