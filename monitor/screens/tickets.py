"""工单: the list of open tickets, with a filter and a preview at the side."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from models.i18n import _, render
from monitor.commands import bindings
from monitor.filters import Filter, FilterError, read_filter
from monitor.host import MonitorHost
from monitor.screens.base import MonitorScreen
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.ticket_view import preview
from monitor.widgets.history_input import HistoryInput
from monitor.widgets.ticket_list import TicketList
from monitor.widgets.virtual_list import VirtualList

_LINE = "filter"
"""The name under which filters are remembered."""

_TYPING_PAUSE = 0.2
"""Real seconds without a key after which what was typed is looked for."""


class FilterInput(HistoryInput):
    """The filter line; Esc closes it and brings back the filter that was on before."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "screen.cancel_filter")]


class TicketsScreen(MonitorScreen):
    """Shows what is late and what is due next, in the order in which it has to be done."""

    NAME = "tickets"
    BINDINGS: ClassVar[list[BindingType]] = bindings("tickets")

    def __init__(self, host: MonitorHost) -> None:
        super().__init__(host)
        self._filter = Filter()
        self._pending_filter: str | None = None
        self._opens_filter = False
        self._before = ""
        self._search: Timer | None = None

    def body(self) -> Iterable[Widget]:
        """Yield the filter, the list, the preview, and how many tickets there are."""
        yield FilterInput(
            id="filter", placeholder=_("unit:  level:red,yellow  type:  left:<1d  words")
        )
        yield Static(id="filter-error", markup=False)
        side = VerticalScroll(
            Static(id="preview-text", markup=False), id="preview", can_focus=False
        )
        yield Horizontal(TicketList(id="list"), side, id="queue")
        yield Static(id="range", markup=False)

    def on_mount(self) -> None:
        """Focus the list, under the filter that it was opened with."""
        self.query_one(TicketList).focus()
        if self._pending_filter is not None:
            self._set_filter(self._pending_filter)
        if self._opens_filter:
            self.open_filter()

    @property
    def tickets(self) -> TicketList:
        """The list of tickets."""
        return self.query_one(TicketList)

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
            viewport=self.tickets.viewport(),
            preview=self._has_preview,
        )

    def show(self, snapshot: Snapshot) -> None:
        """Show a newer page and preview."""
        if snapshot.page is None:
            return
        tickets = self.tickets
        tickets.empty = self._why_empty()
        tickets.claims = snapshot.claims
        tickets.show(snapshot.page, snapshot.at, snapshot.office, snapshot.short_names)
        self._show_range()
        ticket = snapshot.detail
        if self._has_preview and (ticket is None or ticket.number != tickets.current):
            self.query_one("#preview-text", Static).update("")
            if tickets.current is not None:
                self.host.read_now()
        elif ticket is not None:
            text = preview(ticket, snapshot.explanation, snapshot.at, snapshot.office)
            self.query_one("#preview-text", Static).update(text)
        if tickets.lacks_rows():
            self.host.read_now()

    def ticket_under_cursor(self) -> str | None:
        """Return the ticket under the cursor."""
        return self.tickets.current

    def filter_text(self) -> str:
        """Return the filter that is on."""
        return self._filter.text

    def filtered_count(self) -> int | None:
        """Return how many tickets the filter lets through."""
        return self.tickets.total if self._filter.text else None

    def set_filter(self, text: str) -> None:
        """Show what this filter lets through; an invalid one changes nothing and shows why."""
        if not self.ready:
            self._pending_filter = text
            return
        self._set_filter(text)

    def _set_filter(self, text: str) -> None:
        self._apply(text)
        self.query_one(FilterInput).value = text

    def action_clear_filter(self) -> None:
        """Show all open tickets."""
        self._set_filter("")

    def open_filter(self) -> None:
        """Open the filter line, or have it opened as soon as it is there."""
        self._opens_filter = not self.ready
        if self._opens_filter:
            return
        line = self.query_one(FilterInput)
        if not line.has_class("-on"):
            self._before = self._filter.text
            line.begin(self._before, self.host.recent(_LINE))
            line.add_class("-on")
        line.focus()

    def action_cancel_filter(self) -> None:
        """Close the filter line; the filter is the one that was on before."""
        self._close_filter()
        if self._filter.text != self._before:
            self._set_filter(self._before)

    def _close_filter(self) -> None:
        self._stop_search()
        self.query_one(FilterInput).remove_class("-on")
        self._show_error(None)
        self.tickets.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show at once what is wrong with the text, and what it finds after a pause."""
        self._stop_search()
        result = read_filter(event.value)
        self._show_error(result if isinstance(result, FilterError) else None)
        if isinstance(result, Filter) and event.input.has_class("-on"):
            self._search = self.set_timer(_TYPING_PAUSE, lambda: self._use(result))

    def _stop_search(self) -> None:
        if self._search is not None:
            self._search.stop()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Apply the filter, and remember it."""
        if self._apply(event.value):
            self._close_filter()
            if text := self._filter.text:
                self.host.remember(_LINE, text, is_private=self._filter.has_free_text)

    def on_virtual_list_cursor_moved(self, _event: VirtualList.CursorMoved) -> None:
        """Show another ticket's preview, and load the rows around it."""
        self._show_range()
        if self._has_preview or self.tickets.lacks_rows():
            self.host.read_now()

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Open the ticket."""
        self.host.open_detail(event.key)

    def _apply(self, text: str) -> bool:
        result = read_filter(text)
        self._show_error(result if isinstance(result, FilterError) else None)
        if isinstance(result, FilterError):
            return False
        self._use(result)
        return True

    def _use(self, chosen: Filter) -> None:
        if chosen != self._filter:
            self._filter = chosen
            self.tickets.reset_cursor()
        self.host.read_now()

    def _show_error(self, error: FilterError | None) -> None:
        line = self.query_one("#filter-error", Static)
        line.set_class(error is not None, "-on")
        if error is not None:
            text = _("character {n}: {why}").format(n=error.column, why=render(error.why))
            line.update(Content(text))

    def _why_empty(self) -> tuple[str, str]:
        if self._filter.text:
            text = _("No open ticket passes the filter {filter}").format(filter=self._filter.text)
            return text, _("Press / to change the filter, Backspace to clear it.")
        return _("No open ticket"), _("Letters come in by `hotline feed`; F1 tells more.")

    def _show_range(self) -> None:
        tickets = self.tickets
        line = self.query_one("#range", Static)
        if not tickets.total:
            line.update("")
            return
        first = tickets.first + 1
        last = min(tickets.total, tickets.first + tickets.visible_rows)
        text = _("{first} to {last} of {total}, emergencies first, then by what is left")
        parts = [text.format(first=first, last=last, total=tickets.total)]
        if before := tickets.new_before:
            parts.insert(0, _("{n} new ones before these: Home").format(n=before))
        style = "bold $warning" if before else ""
        line.update(Content.assemble((parts[0], style), *("   " + part for part in parts[1:])))
