"""回访: claimants to be called, out of reach, or dissatisfied."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import LazyText, _, lazy, render
from models.queries.owed_calls import (
    DISSATISFIED,
    KINDS,
    MAX_LISTED,
    UNREACHABLE,
    OwedCall,
    OwedCalls,
)
from models.rules.vocabulary import ClockName, Rating, Status, label
from monitor.commands import bindings
from monitor.formatting import format_time, format_time_left, one_line
from monitor.host import MonitorHost
from monitor.screens.base import MonitorScreen
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.widgets.item_list import ItemList, ListItem
from monitor.widgets.title_cell import title_cell
from monitor.widgets.virtual_list import Cell, Column, VirtualList

_NAMES: dict[str, LazyText] = {
    ClockName.FIRST_CONTACT: lazy("first contact"),
    ClockName.CLOSING_CONTACT: lazy("closing contact"),
    ClockName.SURVEY: lazy("survey"),
    DISSATISFIED: lazy("dissatisfied"),
    UNREACHABLE: lazy("unreachable"),
    ClockName.PROOF: lazy("proof"),
}
_WHY_EMPTY: dict[str, LazyText] = {
    ClockName.FIRST_CONTACT: lazy(
        "Every claimant who wants to be contacted has been, or is not due yet."
    ),
    ClockName.CLOSING_CONTACT: lazy("No completed ticket waits for its closing contact."),
    ClockName.SURVEY: lazy("No survey is owed: they begin when a result is handed in."),
    DISSATISFIED: lazy("No dissatisfied claimant waits to be called again."),
    UNREACHABLE: lazy("Nobody was out of reach in the last two weeks."),
    ClockName.PROOF: lazy("No unit owes proof of a contact."),
}


class KindLine(Static):
    """The kinds of calls with their numbers; one is chosen, by the arrow keys or a click."""

    def __init__(self, chosen: str) -> None:
        super().__init__(id="kinds", markup=False)
        self.chosen = chosen
        self._counts: dict[str, int] = {}

    class Chosen(Message):
        """A kind was clicked."""

        def __init__(self, kind: str) -> None:
            super().__init__()
            self.kind = kind

    def show(self, counts: dict[str, int]) -> None:
        """Show these numbers."""
        self._counts = counts
        self.draw()

    def draw(self) -> None:
        """Draw the line again."""
        parts = []
        for kind in KINDS:
            style = "bold reverse" if kind == self.chosen else ""
            parts.append(Content.styled(self._text(kind), style))
        self.update(Content(" ").join(parts))

    def _text(self, kind: str) -> str:
        return f" {render(_NAMES[kind])} {self._counts.get(kind, 0)} "

    def on_click(self, event: events.Click) -> None:
        """Choose the kind that was clicked."""
        at = 1
        for kind in KINDS:
            width = cell_len(self._text(kind))
            if at <= event.x < at + width:
                self.post_message(self.Chosen(kind))
            at += width + 1


def _heads() -> Sequence[Column]:
    return [
        Column(_("Left"), 16),
        Column(_("Ticket"), 14),
        Column(_("Title"), None),
        Column(_("Unit"), 12),
        Column(_("Since"), 11, 90),
        Column(_("Rating"), 12, 110),
        Column(_("Status"), 8, 100),
    ]


class CallbacksScreen(MonitorScreen):
    """Shows calls that are owed, the most urgent first."""

    NAME = "callbacks"
    BINDINGS: ClassVar[list[BindingType]] = bindings("callbacks")

    def __init__(self, host: MonitorHost) -> None:
        super().__init__(host)
        self._kind: str = ClockName.FIRST_CONTACT

    def body(self) -> Iterable[Widget]:
        """Yield the kinds, and the calls of one of them."""
        yield KindLine(self._kind)
        yield ItemList(_heads, id="calls")
        yield Static(id="note", markup=False)

    def on_mount(self) -> None:
        """Focus the list, with the kind that was asked for meanwhile."""
        self.query_one(ItemList).focus()
        self.query_one(KindLine).chosen = self._kind

    def request(self) -> SnapshotRequest:
        """Ask for the calls of the chosen kind."""
        return SnapshotRequest(calls=self._kind)

    def show(self, snapshot: Snapshot) -> None:
        """Show the numbers of all kinds, and the calls of the chosen one."""
        line, calls = self.query_one(KindLine), snapshot.calls
        if calls is None or calls.kind != line.chosen:
            return
        line.show(calls.counts)
        items = [_item(call, snapshot) for call in calls.rows]
        empty = (
            render(_WHY_EMPTY[calls.kind]),
            _("Left and right show other calls; 1 leads back to the overview."),
        )
        self.query_one(ItemList).show(items, empty)
        self.query_one("#note", Static).update(Content(_how_many(calls)))

    def ticket_under_cursor(self) -> str | None:
        """Return the ticket under the cursor."""
        items = self.query_one(ItemList)
        return items.key(items.cursor)

    def action_other(self, by: int) -> None:
        """Show the next kind of calls, or the one before."""
        line = self.query_one(KindLine)
        self.show_kind(KINDS[(KINDS.index(line.chosen) + by) % len(KINDS)])

    def on_kind_line_chosen(self, event: KindLine.Chosen) -> None:
        """Show the kind that was clicked."""
        self.show_kind(event.kind)

    def show_kind(self, kind: str) -> None:
        """Show this kind of calls."""
        self._kind = kind
        if not self.ready:
            return
        line = self.query_one(KindLine)
        if kind != line.chosen:
            line.chosen = kind
            line.draw()
            self.query_one(ItemList).put_cursor(0, row=0)
            self.host.read_now()

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Open the ticket."""
        self.host.open_detail(event.key)


def _item(call: OwedCall, snapshot: Snapshot) -> ListItem:
    now = snapshot.at
    time_left, style = "-", "quiet"
    if call.due is not None:
        time_left = format_time_left(call.due, now, snapshot.office, brief=True)
        style = "over" if call.due < now else ""
    return ListItem(
        call.ticket,
        (
            Cell(time_left, style),
            Cell(one_line(call.ticket)),
            title_cell(call.title, snapshot.claims.get(call.ticket)),
            Cell(one_line(snapshot.short_names.get(call.unit or "", call.unit or ""))),
            Cell(format_time(call.at, now), "quiet"),
            Cell(label(Rating, call.rating)),
            Cell(label(Status, call.status), "quiet"),
        ),
    )


def _how_many(calls: OwedCalls) -> str:
    count = calls.counts.get(calls.kind, 0)
    if count > MAX_LISTED:
        return _("the first {n} of {total}").format(n=MAX_LISTED, total=count)
    return _("{n} in all").format(n=count)
