"""工单: the list of open tickets, with a filter and a preview at the side."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import _
from models.queries.saved_views import View
from models.queries.ticket_order import QUEUE_ORDER, SortColumn, TicketOrder
from monitor.commands import TITLES, bindings
from monitor.filters import Filter, FilterError, read_filter
from monitor.formatting import one_line
from monitor.host import MonitorHost
from monitor.screens.base import MonitorScreen
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.ticket_view import preview
from monitor.widgets.filter_line import FilterLine
from monitor.widgets.list_title import arrivals, filter_counts, lines_in_sight
from monitor.widgets.panel import Panel
from monitor.widgets.steady_text import SteadyText
from monitor.widgets.ticket_list import TicketList
from monitor.widgets.virtual_list import VirtualList

_LINE = "filter"
"""The name under which filters are remembered."""

_COLUMNS = "columns"
"""The name under which the chosen columns are kept."""

_FALLING = (SortColumn.LEVEL, SortColumn.RECEIVED)
"""Columns whose last values are wanted first: red cards, new letters."""


class TicketsScreen(MonitorScreen):
    """Shows what is late and what is due next, in the order in which it has to be done."""

    NAME = "tickets"
    BINDINGS: ClassVar[list[BindingType]] = bindings("tickets")

    def __init__(self, host: MonitorHost) -> None:
        super().__init__(host)
        self._filter = Filter()
        self._shown = Filter()
        self._open = 0
        self.is_selecting = False
        """Set while the tickets that are to be selected are being read."""
        self._pending_filter: str | None = None
        self._opens_filter = False
        self._order = QUEUE_ORDER
        self._columns: Sequence[str] | None = None

    def body(self) -> Iterable[Widget]:
        """Yield the filter, the list under how many tickets there are, and the preview."""
        yield FilterLine()
        side = VerticalScroll(SteadyText(id="preview-text"), id="preview", can_focus=False)
        yield Horizontal(
            Panel(TITLES[self.NAME], TicketList(id="list"), id="list-panel"),
            Panel(TITLES["detail"], side, id="preview-panel"),
            id="queue",
        )

    def on_mount(self) -> None:
        """Focus the list, under the filter that it was opened with."""
        # at once: the line may be asked for already
        self.set_focus(self.tickets)
        if self._pending_filter is not None:
            self._set_filter(self._pending_filter)
        if self._opens_filter:
            # before its first picture nothing keeps the focus
            self.call_after_refresh(self.open_filter)

    @property
    def tickets(self) -> TicketList:
        """The list of tickets."""
        return self.query_one(TicketList)

    @property
    def filter(self) -> Filter:
        """The filter that is on."""
        return self._filter

    @property
    def _has_preview(self) -> bool:
        return self.has_class("-wide")

    def request(self) -> SnapshotRequest:
        """Ask for the visible page, and the ticket under the cursor where there is a preview."""
        if not self.ready:
            # just opened: its list has no size yet, and is read when the screen resumes
            return SnapshotRequest()
        return SnapshotRequest(
            filter=self._filter,
            order=self._order,
            selected=self.tickets.selected,
            viewport=self.tickets.viewport(),
            preview=self._has_preview,
        )

    def show(self, snapshot: Snapshot) -> None:
        """Show a newer page and preview."""
        if snapshot.page is None or snapshot.look is None:
            return
        if (snapshot.look.filter, snapshot.look.order) != (self._filter, self._order):
            # asked for before the filter was another one
            self.host.read_now()
            return
        self._shown, self._open = self._filter, snapshot.counters.open
        tickets = self.tickets
        tickets.empty = self._why_empty()
        tickets.claims = snapshot.claims
        tickets.use_columns(self._order, self.columns)
        tickets.show(snapshot.page, snapshot.at, snapshot.office, snapshot.short_names)
        if not self._line.is_open:
            # what is being typed leaves out, for a moment, what its end will let through
            tickets.deselect(snapshot.left)
        self._show_range()
        ticket = snapshot.detail
        if self._has_preview and (ticket is None or ticket.number != tickets.current):
            self._show_preview("", Content(""))
            if tickets.current is not None:
                self.host.read_now()
        elif ticket is not None:
            text = preview(ticket, snapshot.explanation, snapshot.at, snapshot.office)
            self._show_preview(one_line(ticket.number), text)
        if tickets.lacks_rows():
            self.host.read_now()

    def ticket_under_cursor(self) -> str | None:
        """Return the ticket under the cursor; None where nobody sees which it will be."""
        return None if self.is_behind else self.tickets.current

    @property
    def is_on_ticket(self) -> bool:
        """Return whether the cursor is on a ticket: the keys that are named do not come and go."""
        return self.tickets.current is not None

    @property
    def is_behind(self) -> bool:
        """Return whether the tickets that were asked for are not yet those that are shown."""
        return self.is_selecting or self._line.is_open or self._shown != self._filter

    def filter_text(self) -> str:
        """Return the filter that what is shown has passed."""
        return self._shown.text

    def filtered_count(self) -> int | None:
        """Return how many tickets the filter lets through."""
        return self.tickets.total if self._shown.text else None

    def set_filter(self, text: str) -> None:
        """Show what this filter lets through; an invalid one changes nothing and shows why."""
        if not self.ready:
            self._pending_filter = text
            return
        self._set_filter(text)

    def _set_filter(self, text: str) -> None:
        result = read_filter(text)
        self._line.line.value = text
        if isinstance(result, FilterError):
            self._line.show_error(result)
        else:
            self._use(result)

    def show_view(self, view: View) -> None:
        """Show the list as a view has it, from its head on."""
        self._order, self._columns = view.order, view.columns or None
        if self.ready:
            self.tickets.reset_cursor()
        self.set_filter(view.filter)

    def show_all(self) -> None:
        """Show the whole queue as it is usually shown."""
        self.show_view(View(""))

    def action_clear_filter(self) -> None:
        """Show all open tickets."""
        self._set_filter("")

    def open_filter(self) -> None:
        """Open the filter line, or have it opened as soon as it is there."""
        self._opens_filter = not self.ready
        if self._opens_filter:
            return
        self._line.open(self._filter, self.host.recent(_LINE))
        self.host.release_keys()

    @property
    def _line(self) -> FilterLine:
        return self.query_one(FilterLine)

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        """Use the filter, and remember one that was entered."""
        self._use(event.filter)
        if event.entered and event.filter.text:
            is_private = event.filter.has_free_text
            self.host.remember(_LINE, event.filter.text, is_private=is_private)

    def on_filter_line_closed(self, _event: FilterLine.Closed) -> None:
        """Let the keys move in the list again."""
        self.tickets.focus()

    # Order and columns

    @property
    def view(self) -> View:
        """The list as it is shown now, without a name."""
        return View("", self._filter.text, self._order, tuple(self._columns or ()))

    @property
    def order(self) -> TicketOrder:
        """The order of the list."""
        return self._order

    @property
    def columns(self) -> Sequence[str]:
        """The keys of the columns that were chosen; none for the usual ones."""
        if self._columns is not None:
            return self._columns
        kept = self.host.kept(_COLUMNS)
        return [key for key in kept if isinstance(key, str)] if isinstance(kept, list) else []

    def show_order(self, order: TicketOrder) -> None:
        """Sort the list, and begin at its head."""
        if order != self._order:
            self._order = order
            self.tickets.use_columns(order, self.columns)
            self.tickets.reset_cursor()
        self.host.read_now()

    def sort_by(self, column: SortColumn | None) -> None:
        """Sort by a column, the other way round where it is by this one; by none as the queue."""
        if column is None:
            self.show_order(QUEUE_ORDER)
        elif column == self._order.column:
            self.action_reverse()
        else:
            self.show_order(TicketOrder(column, column in _FALLING))

    def on_ticket_list_sort_chosen(self, event: TicketList.SortChosen) -> None:
        """Sort by the column whose head was clicked."""
        self.sort_by(event.column)

    def action_sort(self, by: int) -> None:
        """Sort by the next column, or the one before; between the ends lies the queue's order."""
        sorts = (column.sort for column in self.tickets.fitting_columns)
        columns = [None, *dict.fromkeys(sort for sort in sorts if sort is not None)]
        at = columns.index(self._order.column) if self._order.column in columns else 0
        self.sort_by(columns[(at + by) % len(columns)])

    def action_reverse(self) -> None:
        """Turn the order round; the queue's stays."""
        if self._order.column is not None:
            self.show_order(replace(self._order, descending=not self._order.descending))

    def keep_columns(self, columns: Sequence[str]) -> None:
        """Show these columns from now on, whatever was shown."""
        self._columns = None
        self.host.keep(_COLUMNS, list(columns))
        self.tickets.use_columns(self._order, columns)

    def on_virtual_list_cursor_moved(self, _event: VirtualList.CursorMoved) -> None:
        """Show another ticket's preview, and load the rows around it, a page ahead."""
        self._show_range()
        if self.tickets.lacks_rows():
            self.host.read_now()
        elif self._has_preview or self.tickets.wants_rows():
            # the cursor is drawn first
            self.call_after_refresh(self.host.read_now)

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Open the ticket, once the list is the one that was asked for."""
        if not self.is_behind:
            self.host.open_detail(event.key)

    def _use(self, chosen: Filter) -> None:
        if chosen != self._filter:
            self._filter = chosen
            self.tickets.reset_cursor()
        self.host.read_now()

    def _why_empty(self) -> tuple[str, str]:
        if self._filter.text:
            text = _("No open ticket passes the filter {filter}").format(filter=self._filter.text)
            return text, _("Press / to change the filter, Backspace to clear it.")
        return _("No open ticket"), _("Letters come in by `hotline feed`; F1 tells more.")

    def _show_range(self) -> None:
        tickets = self.tickets
        # the line lies over the title
        self._line.show_counts(filter_counts(tickets, self._open))
        parts = [*arrivals(tickets), lines_in_sight(tickets, self._order.column)]
        self.query_one("#list-panel", Panel).show_title(*(parts if tickets.total else ()))

    def _show_preview(self, number: str, text: Content) -> None:
        self.query_one("#preview-panel", Panel).show_title(number)
        self.query_one("#preview-text", Static).update(text)
