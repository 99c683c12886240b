"""The list of open tickets: a page of rows at a time, the cursor on its ticket."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from rich.cells import cell_len

from models.i18n import _, render
from models.queries.claims import Claim
from models.queries.ticket_list import ListedTicket, TicketPage
from models.rules.vocabulary import Category, ClockName, ClockState, Status, label
from monitor.formatting import (
    DEFAULT_OFFICE,
    OfficeCalendar,
    format_instant,
    format_time_left,
    format_wait,
    one_line,
    overdue_days,
    shorten_number,
)
from monitor.labels import BADGES, CONTACT_STATES, EMERGENCY_BADGE, word
from monitor.snapshot import Viewport
from monitor.widgets.ticket_cells import title_cell
from monitor.widgets.virtual_list import Cell, Column, VirtualList

_NEW_FOR = timedelta(minutes=1)
"""The time for which a level that was raised has a mark."""

_WIDE = 120
"""Cells from which on there is room for whole numbers, hours beside days, and more columns."""

_LONGEST_UNIT, _LONGEST_DUTY = 10, 10


class TicketList(VirtualList):
    """Open tickets in the order of the queue.

    The cursor stays on its ticket, at the same place on the screen, whatever comes and goes around
    it. What has come in before the head of the queue, where the cursor was put, is counted.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.page = TicketPage()
        self._now: datetime | None = None
        self._office: OfficeCalendar = DEFAULT_OFFICE
        self._short_names: dict[str, str] = {}
        self.claims: Mapping[str, Claim] = {}
        """Show which tickets operators work at."""
        self._followed: str | None = None
        self._at_head = True
        self._widths: dict[str, int] = {}

    def viewport(self) -> Viewport:
        """Return which part of the list is on the screen."""
        row = self.cursor - self.first
        is_visible = 0 <= row < self.visible_rows
        return Viewport(self.first, self.visible_rows, self._followed, row if is_visible else 0)

    def show(
        self, page: TicketPage, now: datetime, office: OfficeCalendar, short_names: dict[str, str]
    ) -> None:
        """Show a newer page."""
        row = self.cursor - self.first
        self.page, self._now = page, now
        self._office, self._short_names = office, short_names
        self._measure(now)
        self.resize_to(page.total)
        index = self._index_of(self._followed)
        if index is not None and index != self.cursor:
            self.put_cursor(index, row=row if 0 <= row < self.visible_rows else None)
        elif index is None and self.key(self.cursor):
            # at the first show, or when the ticket has left the queue: the one that is there now
            self._followed = self.key(self.cursor)

    def on_resize(self) -> None:
        """Measure the columns that there are at this width."""
        if self._now is not None:
            self._measure(self._now)

    def reset_cursor(self) -> None:
        """Begin at the head again, as for another filter."""
        self._followed, self._at_head = None, True
        self.put_cursor(0, row=0)

    @property
    def new_before(self) -> int:
        """The number of tickets that came before the head of the queue, since the cursor is there.

        They are above the first line of the screen.
        """
        return self.first if self._at_head else 0

    @property
    def current(self) -> str | None:
        """The number of the ticket under the cursor."""
        return self.key(self.cursor)

    def lacks_rows(self) -> bool:
        """Return whether a visible row is not in the page."""
        last = min(self.first + self.visible_rows, self.total)
        return self.first < self.page.offset or last > self.page.offset + len(self.page.rows)

    def _move(self, index: int) -> None:
        super()._move(index)
        self._followed, self._at_head = self.key(self.cursor), self.cursor == 0

    def _index_of(self, number: str | None) -> int | None:
        rows = enumerate(self.page.rows, self.page.offset)
        return next((i for i, row in rows if row.number == number), None)

    def _row(self, index: int) -> ListedTicket | None:
        in_page = index - self.page.offset
        return self.page.rows[in_page] if 0 <= in_page < len(self.page.rows) else None

    def key(self, index: int) -> str | None:
        """Return the ticket's number."""
        row = self._row(index)
        return row.number if row else None

    def columns(self, width: int) -> Sequence[Column]:
        """Badges, number, title, unit, duty and time left; if wide also dates, contact, status."""
        wide, widths = width >= _WIDE, self._widths

        def column(head: str, most: int) -> Column:
            return Column(head, max(cell_len(head), min(most, widths.get(head, 0))))

        columns = [
            Column("", widths.get("", 3)),
            column(_("Ticket"), 20 if wide else 11),
            Column(_("Title"), None),
            column(_("Unit"), 20 if wide else _LONGEST_UNIT),
            column(_("Duty"), 20 if wide else _LONGEST_DUTY),
            column(_("Left"), 24 if wide else 10),
        ]
        if wide:
            heads = _("Due"), _("1st contact"), _("Status"), _("Category")
            columns += [column(head, 20) for head in heads]
        return columns

    def cells(self, index: int, width: int) -> Sequence[Cell] | None:
        """Return the cells of one ticket."""
        row, now = self._row(index), self._now
        if row is None or now is None:
            return None
        return self._cells(row, now, wide=width >= _WIDE)

    def _cells(self, row: ListedTicket, now: datetime, *, wide: bool) -> list[Cell]:
        number, unit = one_line(row.number), self._short_names.get(row.unit or "", row.unit or "")
        cells = [
            self._badges(row, now),
            Cell(number if wide else shorten_number(number, now), "" if wide else "quiet"),
            title_cell(row.title, self.claims.get(row.number)),
            Cell(one_line(unit)),
            self._duty(row),
            self._time_left(row, now, brief=not wide),
        ]
        if not wide:
            return cells
        due = format_instant(row.next_duty.due)[5:] if row.next_duty else ""
        is_late = row.first_contact in (ClockState.EXPIRED, ClockState.LATE)
        contact = word(CONTACT_STATES, row.first_contact)
        return [
            *cells,
            Cell(due, "quiet"),
            Cell(contact, "over" if is_late else "quiet"),
            Cell(label(Status, row.status), "quiet"),
            Cell(label(Category, row.category), "quiet"),
        ]

    @staticmethod
    def _badges(row: ListedTicket, now: datetime) -> Cell:
        """Return the badges of an emergency and of a level, one raised within the last minute."""
        urgent = render(EMERGENCY_BADGE) if row.emergency else ""
        age = now - row.level_at if row.level and row.level_at else None
        mark = "*" if age is not None and timedelta() <= age < _NEW_FOR else ""
        level = (word(BADGES, row.level) + mark, row.level or "")
        return Cell(urgent, "urgent", (level,)) if urgent else Cell(*level)

    @staticmethod
    def _duty(row: ListedTicket) -> Cell:
        """Return the duty that is due next; an emergency clock that was missed comes before it."""
        if row.missed is not None:
            return Cell(_("{clock} missed").format(clock=label(ClockName, row.missed)), "over")
        if row.next_duty is None:
            return Cell(label(Status, row.status), "near")
        return Cell(label(ClockName, row.next_duty.clock), "quiet")

    def _time_left(self, row: ListedTicket, now: datetime, *, brief: bool) -> Cell:
        duty = row.next_duty
        if duty is None:
            return Cell(format_wait(row.waits_since, now, brief=brief) if row.waits_since else "-")
        text = format_time_left(duty.due, now, self._office, clock=duty.clock, brief=brief)
        guess = "?" if row.provisional and duty.clock == ClockName.HANDLING else ""
        if duty.due < now:
            return Cell(text + guess, "over")
        is_near = overdue_days(now, duty.due, self._office) < 1
        return Cell(text + guess, "near" if is_near else "")

    def _measure(self, now: datetime) -> None:
        """Set the widths of the columns that depend on the rows."""
        widths: dict[str, int] = {"": 1 + max(cell_len(render(b)) for b in BADGES.values())}
        wide = self.line_width >= _WIDE
        heads = [column.head for column in self.columns(self.line_width)]
        for row in self.page.rows:
            for head, cell in zip(heads, self._cells(row, now, wide=wide), strict=True):
                length = cell_len(cell.text) + sum(cell_len(text) for text, _style in cell.parts)
                widths[head] = max(length, widths.get(head, 0))
        self._widths = widths
