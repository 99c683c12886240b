"""The list of open tickets: a page of rows at a time, the cursor on its ticket."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.cells import cell_len

from models.i18n import _, lazy, render
from models.queries.ticket_list import ListedTicket, TicketPage
from models.rules.vocabulary import OPEN, ClockName, ClockState, Status, label
from monitor.formatting import (
    DEFAULT_OFFICE,
    OfficeCalendar,
    format_time_left,
    one_line,
    overdue_days,
)
from monitor.labels import BADGES, CONTACT_STATES, EMERGENCY_BADGE, word
from monitor.snapshot import Viewport
from monitor.widgets.virtual_list import Cell, Column, VirtualList

_NEW_FOR = timedelta(minutes=1)
"""The time for which a level that was raised has a mark."""

_WIDE = 96
"""Cells from which on there is room for hours beside days, and for the first contact."""


class TicketList(VirtualList):
    """Open tickets in the order of the queue.

    At first it shows the head of the queue. Once the cursor has been moved it stays on its
    ticket, at the same place on the screen, whatever comes and goes around it.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.page = TicketPage()
        self._now: datetime | None = None
        self._office: OfficeCalendar = DEFAULT_OFFICE
        self._short_names: dict[str, str] = {}
        self._followed: str | None = None
        self._number_width = 10
        self._time_width = {False: 0, True: 0}
        self._status_width = max(cell_len(label(Status, status)) for status in OPEN)
        contacts = (*CONTACT_STATES.values(), lazy("1st contact"))
        self._contact_width = max(cell_len(render(contact)) for contact in contacts)

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
        elif self._followed is not None and index is None and self.key(self.cursor):
            # the ticket has left the queue: the cursor stays, on the ticket that is there now
            self._followed = self.key(self.cursor)

    def reset_cursor(self) -> None:
        """Begin at the head again, as for another filter."""
        self._followed = None
        self.put_cursor(0, row=0)

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
        self._followed = self.key(self.cursor) if self.cursor else None

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
        """Level, urgency, number, title, unit, time left, first contact if wide, status."""
        wide = width >= _WIDE
        badge = max(cell_len(render(b)) for b in BADGES.values())
        columns = [
            Column("", badge + 1),
            Column("", cell_len(render(EMERGENCY_BADGE))),
            Column(_("Ticket"), min(self._number_width, 20 if wide else 14)),
            Column(_("Title"), None),
            Column(_("Unit"), 14 if wide else 10),
            Column(_("Left"), max(self._time_width[wide], cell_len(_("Left")))),
        ]
        if wide:
            columns.append(Column(_("1st contact"), self._contact_width))
        return [*columns, Column(_("Status"), self._status_width)]

    def cells(self, index: int, width: int) -> Sequence[Cell] | None:
        """Return the cells of one ticket."""
        row, now = self._row(index), self._now
        if row is None or now is None:
            return None
        wide = width >= _WIDE
        unit = self._short_names.get(row.unit or "", row.unit or "")
        cells = [
            Cell(word(BADGES, row.level) + self._new_mark(row, now), row.level or ""),
            Cell(render(EMERGENCY_BADGE), "urgent") if row.emergency else Cell(""),
            Cell(one_line(row.number)),
            Cell(one_line(row.title)),
            Cell(one_line(unit)),
            self._time_left(row, now, brief=not wide),
        ]
        if wide:
            style = (
                "over" if row.first_contact in (ClockState.EXPIRED, ClockState.LATE) else "quiet"
            )
            cells.append(Cell(word(CONTACT_STATES, row.first_contact), style))
        return [*cells, Cell(label(Status, row.status), "quiet")]

    @staticmethod
    def _new_mark(row: ListedTicket, now: datetime) -> str:
        """Mark a level that was raised within the last minute."""
        age = now - row.level_at if row.level and row.level_at else None
        return "*" if age is not None and timedelta() <= age < _NEW_FOR else ""

    def _measure(self, now: datetime) -> None:
        """Set the widths of the columns that depend on the rows."""
        rows = self.page.rows
        head = cell_len(_("Ticket"))
        self._number_width = max([head, *(cell_len(one_line(r.number)) for r in rows)])
        for wide in (False, True):
            texts = (self._time_left(r, now, brief=not wide).text for r in rows)
            self._time_width[wide] = max(map(cell_len, texts), default=0)

    def _time_left(self, row: ListedTicket, now: datetime, *, brief: bool) -> Cell:
        if row.urgent is not None:
            name = label(ClockName, row.urgent.name)
            if row.urgent.state == ClockState.EXPIRED:
                return Cell(_("{clock} missed").format(clock=name), "over")
            text = format_time_left(row.urgent.due, now, self._office, brief=True)
            return Cell(f"{name} {text}", "over" if row.urgent.due < now else "near")
        if row.due is None:
            return Cell("-", "quiet")
        text = format_time_left(row.due, now, self._office, brief=brief)
        provisional = "?" if row.provisional else ""
        if row.due < now:
            return Cell(text + provisional, "over")
        is_near = overdue_days(now, row.due, self._office) < 1
        return Cell(text + provisional, "near" if is_near else "")
