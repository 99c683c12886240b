"""The base of the screens that list one of several kinds of work."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual.content import Content
from textual.widget import Widget

from models.i18n import LazyText, render
from monitor.commands import TITLES
from monitor.host import MonitorHost
from monitor.screens.base import MonitorScreen
from monitor.widgets.kind_line import KindLine
from monitor.widgets.panel import Panel
from monitor.widgets.selectable_list import TicketItemList
from monitor.widgets.virtual_list import VirtualList


class KindsScreen(MonitorScreen):
    """A line of kinds with their numbers, and the list of the chosen one.

    A subclass says which kinds there are, and yields the list.
    """

    NAMES: ClassVar[Mapping[str, LazyText]] = {}

    def __init__(self, host: MonitorHost) -> None:
        super().__init__(host)
        self._kind = next(iter(self.NAMES))

    def list_widget(self) -> TicketItemList:
        """Return a new list for the items of a kind."""
        raise NotImplementedError

    def body(self) -> Iterable[Widget]:
        """Yield the kinds, and the list of the chosen one in a panel."""
        yield KindLine(self.NAMES, self._kind)
        yield Panel(TITLES[self.NAME], self.list_widget(), id="page")

    def on_mount(self) -> None:
        """Focus the list, with the kind that was asked for meanwhile."""
        self.items.focus()
        self.query_one(KindLine).chosen = self._kind

    @property
    def items(self) -> TicketItemList:
        """The list."""
        return self.query_one(TicketItemList)

    def show_title(self, text: str) -> None:
        """Show the name of the chosen kind and this text as the title of its list."""
        name = Content.styled(render(self.NAMES[self._kind]), "bold")
        self.query_one("#page", Panel).show_title(name, Content.styled(text, "$quiet"))

    def ticket_under_cursor(self) -> str | None:
        """Return the ticket under the cursor."""
        return self.items.key(self.items.cursor)

    def action_other(self, by: int) -> None:
        """Show the next kind, or the one before."""
        self.show_kind(self.query_one(KindLine).other(by))

    def on_kind_line_chosen(self, event: KindLine.Chosen) -> None:
        """Show the kind that was clicked."""
        self.show_kind(event.kind)

    def show_kind(self, kind: str) -> None:
        """Show this kind."""
        self._kind = kind
        if not self.ready:
            return
        line = self.query_one(KindLine)
        if kind != line.chosen:
            line.chosen = kind
            line.draw()
            self.items.clear_selection()
            self.items.put_cursor(0, row=0)
            self.host.read_now()

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Open the ticket."""
        self.host.open_detail(event.key)
