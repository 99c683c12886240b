"""The list of open tickets: a page of rows at a time, the cursor on its ticket."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.cells import cell_len
from textual.message import Message
from textual.strip import Strip

from models.i18n import render
from models.queries.claims import Claim
from models.queries.ticket_list import ListedTicket, TicketPage
from models.queries.ticket_order import QUEUE_ORDER, SortColumn, TicketOrder
from monitor.formatting import DEFAULT_OFFICE, OfficeCalendar
from monitor.labels import BADGES
from monitor.ticket_pages import Viewport
from monitor.widgets.list_columns import Cell, Column
from monitor.widgets.selectable_list import SelectableList
from monitor.widgets.ticket_cells import LEAST_TITLE, title_cell
from monitor.widgets.ticket_columns import (
    DROPPED_FIRST,
    TITLE,
    WIDE,
    RowContext,
    TicketColumn,
    shown_columns,
)


class TicketList(SelectableList):
    """Open tickets in the order of the queue.

    The cursor stays on its ticket, at the same place on the screen, whatever comes and goes around
    it. What has come in before the head of the queue, where the cursor was put, is counted.
    """

    class SortChosen(Message):
        """The list is to be sorted by a column."""

        def __init__(self, column: SortColumn) -> None:
            super().__init__()
            self.column = column

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.page = TicketPage()
        self._now: datetime | None = None
        self._office: OfficeCalendar = DEFAULT_OFFICE
        self._short_names: dict[str, str] = {}
        self.claims: Mapping[str, Claim] = {}
        """Show which tickets operators work at."""
        self._ticket_order = QUEUE_ORDER
        self._chosen: Sequence[str] = ()
        self._followed: str | None = None
        self._at_head = True
        self._seen: set[str] = set()
        """Tickets that were at the head or after it since the cursor is there: no arrivals."""
        self._aim: int | None = None
        self._widths: dict[str, int] = {}
        self._fitted: dict[int, tuple[list[TicketColumn], list[Column]]] = {}
        self._lines: Sequence[Mapping[str, Cell]] = ()
        self._laid_out: object = None

    def viewport(self) -> Viewport:
        """Return which part of the list is on the screen."""
        if self._aim is not None:
            first = self.first_with(self._aim)
            return Viewport(first, self.visible_rows, None, self._aim - first)
        row = self.cursor - self.first
        if 0 <= row < self.visible_rows:
            return Viewport(self.first, self.visible_rows, self._followed, row)
        # scrolled away from the cursor
        return Viewport(self.first, self.visible_rows, None, 0)

    def show(
        self, page: TicketPage, now: datetime, office: OfficeCalendar, short_names: dict[str, str]
    ) -> None:
        """Show a newer page."""
        if self._aim is not None:
            self._aim = min(self._aim, page.total - 1) if page.total else None
        if page.rows and not self._is_wanted(page):
            # read for a place that was left meanwhile
            return
        row = self.cursor - self.first
        if self._at_head:
            seen = self.page.rows[max(0, self.cursor - self.page.offset) :]
            self._seen |= {ticket.number for ticket in seen}
        self.page, self._now = page, now
        self._office, self._short_names = office, short_names
        self.resize_to(page.total)
        if self._aim is not None:
            self._approach()
            return
        index = _index_of(self._followed, page)
        if index is not None and index != self.cursor:
            self.put_cursor(index, row=row if 0 <= row < self.visible_rows else None)
        elif index is None and self.key(self.cursor):
            # at the first show, or when the ticket has left the queue: the one that is there now
            self._followed = self.key(self.cursor)

    def reset_cursor(self) -> None:
        """Begin at the head again, as for another filter."""
        self._followed, self._at_head, self._aim = None, True, 0
        self._seen = set()

    @property
    def new_before(self) -> int:
        """The number of tickets that came before the head of the queue, since the cursor is there.

        They are above the first line of the screen; what was seen there and only moved is none.
        """
        if not self._at_head:
            return 0
        before = self.page.rows[: max(0, self.first - self.page.offset)]
        return self.first - sum(row.number in self._seen for row in before)

    @property
    def current(self) -> str | None:
        """The number of the ticket under the cursor."""
        return self.key(self.cursor)

    def lacks_rows(self) -> bool:
        """Return whether a visible row is not in the page."""
        return self._aim is not None or not self._is_in_sight(self.page)

    def wants_rows(self) -> bool:
        """Return whether a row within half a screen up or down is not in the page."""
        return self.lacks_rows() or not self._is_in_sight(self.page, self.visible_rows // 2)

    @property
    def aim(self) -> int:
        """The ticket that the cursor is on, or on the way to while its rows are read."""
        return self.cursor if self._aim is None else self._aim

    def _move(self, index: int) -> None:
        """Put the cursor there, or have the rows read: one without its ticket is never shown."""
        self._aim = max(0, min(index, self.total - 1))
        self._approach()
        self.post_message(self.CursorMoved())

    def _approach(self) -> None:
        """Put the cursor where it is to go, or as near as there are rows."""
        if self._aim is None or (index := self._nearest(self.page)) is None:
            return
        if index == self._aim:
            self._aim = None
        self.put_cursor(index)
        self._followed, self._at_head = self.key(self.cursor), self.cursor == 0
        self._seen = set()

    def _nearest(self, page: TicketPage) -> int | None:
        """Return the row of a page that is nearest to the aim; None where it leads away from it."""
        last = page.offset + len(page.rows) - 1
        index = max(page.offset, min(self.aim, last))
        is_on_the_way = min(self.cursor, self.aim) <= index <= max(self.cursor, self.aim)
        return index if page.rows and is_on_the_way else None

    def _is_wanted(self, page: TicketPage) -> bool:
        """Return whether a page has what is looked at, or leads to where the cursor is to go."""
        if self._aim is not None:
            return self._nearest(page) is not None
        if _index_of(self._followed, page) is not None or self._is_in_sight(page):
            return True
        return not self._is_in_sight(self.page)

    def _is_in_sight(self, page: TicketPage, around: int = 0) -> bool:
        """Return whether a page has the visible rows, and so many around them."""
        end = self.first + self.visible_rows + around
        is_begun = page.offset <= max(0, self.first - around)
        return is_begun and min(end, page.total) <= page.offset + len(page.rows)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Have the rows read to which the list was scrolled."""
        super().watch_scroll_y(old_value, new_value)
        if self.lacks_rows():
            self.post_message(self.CursorMoved())

    def _row(self, index: int) -> ListedTicket | None:
        in_page = index - self.page.offset
        return self.page.rows[in_page] if 0 <= in_page < len(self.page.rows) else None

    def key(self, index: int) -> str | None:
        """Return the ticket's number."""
        row = self._row(index)
        return row.number if row else None

    def draw(self) -> list[Strip]:
        """Draw all lines; the columns are as wide as the rows of the page need."""
        if self._now is not None:
            self._measure(self._now)
        return super().draw()

    def columns(self, width: int) -> Sequence[Column]:
        """Return the columns that fit; others go where the title would be too narrow."""
        return self._fitting(width)[1]

    def cells(self, index: int, width: int) -> Sequence[Cell] | None:
        """Return the cells of one ticket."""
        in_page = index - self.page.offset
        if not 0 <= in_page < len(self._lines):
            return None
        row, line, columns = self.page.rows[in_page], self._lines[in_page], self._fitting(width)[0]
        if (claim := self.claims.get(row.number)) is not None:
            # the columns stay as they are: a claim takes its room from its own title
            line = {**line, TITLE: title_cell(row.title, claim, self._title_width(columns, width))}
        return [line[column.key] for column in columns]

    def on_head_clicked(self, index: int) -> None:
        """Ask for the list to be sorted by this column."""
        column = self.fitting_columns[index]
        if column.sort is not None:
            self.post_message(self.SortChosen(column.sort))

    @property
    def fitting_columns(self) -> list[TicketColumn]:
        """The columns that are shown."""
        return self._fitting(self.line_width)[0]

    def use_columns(self, order: TicketOrder, chosen: Sequence[str]) -> None:
        """Show this order in the heads, and these columns; none chosen stands for the usual."""
        self._ticket_order, self._chosen = order, tuple(chosen)
        self.redraw()

    def _fitting(self, width: int) -> tuple[list[TicketColumn], list[Column]]:
        """Return the columns that leave enough for the title, as they were measured."""
        if width not in self._fitted:
            columns = shown_columns(self._chosen, wide=width >= WIDE)
            for key in DROPPED_FIRST:
                if self._title_width(columns, width) >= LEAST_TITLE:
                    break
                columns = [column for column in columns if column.key != key]
            self._fitted[width] = columns, [self._column(column, width) for column in columns]
        return self._fitted[width]

    def _title_width(self, columns: Sequence[TicketColumn], width: int) -> int:
        others = (self._column(column, width).width for column in columns)
        return width - 1 - sum((cells or 0) + 1 for cells in others)

    def _column(self, column: TicketColumn, width: int) -> Column:
        # a level needs no head: it is its badge
        head = "" if column.key == "level" else render(column.head)
        if column.sort is not None and column.sort == self._ticket_order.column:
            head += "v" if self._ticket_order.descending else "^"
        if column.key == TITLE:
            return Column(head, None)
        most = column.most if width >= WIDE else column.narrow
        return Column(head, max(cell_len(head), min(most, self._widths.get(column.key, 0))))

    def _row_context(self, now: datetime, width: int) -> RowContext:
        wide = width >= WIDE
        return RowContext(now, self._office, self._short_names, wide=wide, brief=True)

    def _measure(self, now: datetime) -> None:
        """Lay out the rows of the page, and set the widths of the columns, which depend on them.

        What is left is told to the second at most: within one, the same rows look the same.
        """
        width, second = self.line_width, now.replace(microsecond=0)
        looks = self._office, self._short_names, self._ticket_order, self._chosen
        if (laid_out := (self.page.rows, second, width, looks)) == self._laid_out:
            return
        self._laid_out = laid_out
        # a level that comes or goes must not move the other columns
        widths = {"level": 1 + max(cell_len(render(badge)) for badge in BADGES.values())}
        context = self._row_context(now, width)
        columns = shown_columns(self._chosen, wide=context.wide)
        self._lines = [{c.key: c.cell(row, context) for c in columns} for row in self.page.rows]
        for line in self._lines:
            for key, cell in line.items():
                length = cell_len(cell.text) + sum(cell_len(text) for text, _style in cell.parts)
                widths[key] = max(length, widths.get(key, 0))
        self._widths, self._fitted = widths, {}


def _index_of(number: str | None, page: TicketPage) -> int | None:
    """Return the place of a ticket in the list, where the page has it."""
    rows = enumerate(page.rows, page.offset)
    return next((i for i, row in rows if row.number == number), None)
