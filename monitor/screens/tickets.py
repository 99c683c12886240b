"""工单: the queue of open tickets, with a filter and a preview at the side."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from models.i18n import _, lazy, render
from monitor.filters import Filter, FilterError, read_filter
from monitor.keys import bindings
from monitor.screens.base import MonitorScreen
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.ticket_view import preview
from monitor.widgets.lines import Lines
from monitor.widgets.tickets import TicketList


class FilterInput(Input):
    """The filter line; Esc gives it back as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "screen.end_filter")]


class TicketsScreen(MonitorScreen):
    """What is late, what will be next, in the order in which it has to be done."""

    NAME = "tickets"
    TITLE_LABEL = lazy("Tickets")
    BINDINGS: ClassVar[list[BindingType]] = bindings("tickets")

    def __init__(self) -> None:
        super().__init__()
        self._filter = Filter()
        self._came_from: tuple[str, ...] = ()
        self._asked: str | None = None

    def body(self) -> Iterable[Widget]:
        """Filter, list, preview, and how many there are."""
        yield FilterInput(
            id="filter", placeholder=_("unit:  level:red,yellow  type:  left:<1d  words")
        )
        yield Static(id="fault", markup=False)
        sheet = VerticalScroll(Static(id="sheet", markup=False), id="preview", can_focus=False)
        yield Horizontal(TicketList(id="list"), sheet, id="queue")
        yield Static(id="range", markup=False)

    def on_mount(self) -> None:
        """Begin in the list, under the filter that it was opened with."""
        self.query_one(TicketList).focus()
        if self._asked is not None:
            self._begin(self._asked)

    @property
    def tickets(self) -> TicketList:
        """The list."""
        return self.query_one(TicketList)

    def request(self) -> SnapshotRequest:
        """The window that is seen, and the ticket under the cursor where it has a preview."""
        seen = self.has_class("-wide")
        return SnapshotRequest(filter=self._filter, place=self.tickets.place(), preview=seen)

    def show(self, snapshot: Snapshot) -> None:
        """A newer page and preview."""
        if snapshot.page is None:
            return
        tickets = self.tickets
        tickets.empty = self._why_empty()
        tickets.show(snapshot.page, snapshot.at, snapshot.office, snapshot.short)
        self._tell_range()
        found = snapshot.detail
        if self.has_class("-wide") and (found is None or found.number != tickets.current):
            self.query_one("#sheet", Static).update("")
            if tickets.current is not None:
                self.monitor.read_now()
        elif found is not None:
            text = preview(found, snapshot.explained, snapshot.at, snapshot.office)
            self.query_one("#sheet", Static).update(text)
        if tickets.lacks_rows():
            self.monitor.read_now()

    def ticket_under_cursor(self) -> str | None:
        """The ticket that an act would be about."""
        return self.tickets.current

    def crumbs(self) -> tuple[str, ...]:
        """From the overview where one came from there."""
        return (*self._came_from, render(self.TITLE_LABEL))

    def filter_text(self) -> str:
        """The filter that is on."""
        return self._filter.text

    def set_filter(self, text: str, came_from: tuple[str, ...] = ()) -> None:
        """Show what this filter lets through; a faulty one changes nothing and says why."""
        self._came_from = came_from
        if not self.ready:
            self._asked = text
            return
        self._begin(text)

    def _begin(self, text: str) -> None:
        self._apply(text)
        self.query_one(FilterInput).value = text

    def action_filter(self) -> None:
        """Open the filter line."""
        line = self.query_one(FilterInput)
        line.value = self._filter.text
        line.add_class("-on")
        line.focus()

    def action_end_filter(self) -> None:
        """Close the filter line; the filter that was on stays on."""
        self.query_one(FilterInput).remove_class("-on")
        self._tell_fault(None)
        self.tickets.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say at once what is wrong with what is typed."""
        found = read_filter(event.value)
        self._tell_fault(found if isinstance(found, FilterError) else None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Filter."""
        if self._apply(event.value):
            self.action_end_filter()

    def on_lines_moved(self, _event: Lines.Moved) -> None:
        """Another ticket is under the cursor."""
        self._tell_range()
        if self.has_class("-wide") or self.tickets.lacks_rows():
            self.monitor.read_now()

    def on_lines_chosen(self, event: Lines.Chosen) -> None:
        """Open the ticket."""
        self.monitor.open_detail(event.key)

    def _apply(self, text: str) -> bool:
        found = read_filter(text)
        self._tell_fault(found if isinstance(found, FilterError) else None)
        if isinstance(found, FilterError):
            return False
        if found != self._filter:
            self._filter = found
            self.tickets.forget()
        self.monitor.read_now()
        return True

    def _tell_fault(self, fault: FilterError | None) -> None:
        line = self.query_one("#fault", Static)
        line.set_class(fault is not None, "-on")
        if fault is not None:
            text = _("character {n}: {why}").format(n=fault.column, why=render(fault.why))
            line.update(Content(text))

    def _why_empty(self) -> tuple[str, str]:
        if self._filter.text:
            text = _("No open ticket passes the filter {filter}").format(filter=self._filter.text)
            return text, _("Press / to change the filter; left empty it lets all through.")
        return _("No open ticket"), _("Letters come in by `hotline feed`; F1 tells more.")

    def _tell_range(self) -> None:
        tickets = self.tickets
        line = self.query_one("#range", Static)
        if not tickets.total:
            line.update("")
            return
        first = tickets.first + 1
        last = min(tickets.total, tickets.first + tickets.seen)
        text = _("{first} to {last} of {total}, emergencies first, then by what is left")
        line.update(Content(text.format(first=first, last=last, total=tickets.total)))
