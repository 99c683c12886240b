"""The base of every screen: the lines around its body, and what it asks to be read."""

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from models.i18n import render
from monitor.commands import TITLES, KeyFact, keys_for
from monitor.host import MonitorHost
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.widgets.bars import KeyLine, OutageLine, StatusLine, StatusLineData
from monitor.widgets.selectable_list import SelectableList
from monitor.widgets.virtual_list import VirtualList


class MonitorScreen(Screen[None]):
    """A screen that is filled again from each snapshot."""

    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012  (declared so by Textual)
        (0, "-narrow"),
        (110, "-wide"),
    ]

    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-short"),
        (34, "-tall"),
    ]

    THREE_COLUMNS = 170
    """Cells from which on there is room for three columns: the screen has the class `-three`."""

    NAME: ClassVar[str] = ""

    origin: str = ""
    """The name of the screen to which Esc leads; without one it leads to the overview."""

    def __init__(self, host: MonitorHost) -> None:
        super().__init__()
        self.host = host
        self._selectable: SelectableList | None = None

    @property
    def ready(self) -> bool:
        """Return whether its widgets are there: not yet when just opened, no longer at the end."""
        return self.is_mounted and any(isinstance(child, StatusLine) for child in self.children)

    def on_resize(self) -> None:
        """Note whether there is room for three columns, which a breakpoint would do instead."""
        self.set_class(self.size.width >= self.THREE_COLUMNS, "-three")

    def compose(self) -> ComposeResult:
        """Yield the body between the status line and the key line."""
        yield StatusLine()
        yield OutageLine()
        yield from self.body()
        yield KeyLine(keys_for(self.NAME))

    def body(self) -> Iterable[Widget]:
        """Yield the widgets between the lines."""
        raise NotImplementedError

    def request(self) -> SnapshotRequest:
        """Return what has to be read for this screen."""
        raise NotImplementedError

    def show(self, snapshot: Snapshot) -> None:
        """Show what was read."""
        raise NotImplementedError

    def crumbs(self) -> tuple[str, ...]:
        """Return the titles of the screens that led here, and this one's."""
        return tuple(render(TITLES[name]) for name in (self.origin, self.NAME) if name)

    def filter_text(self) -> str:
        """Return the filter that is on, as it was typed."""
        return ""

    def filtered_count(self) -> int | None:
        """Return how many tickets the filter lets through; None without a filter."""
        return None

    def ticket_under_cursor(self) -> str | None:
        """Return the number of the ticket that an action would be about, if there is one."""
        return None

    @property
    def is_behind(self) -> bool:
        """Return whether the tickets that were asked for are not yet those that are shown."""
        return False

    @property
    def is_on_ticket(self) -> bool:
        """Return whether the keys for a ticket are named."""
        return self.ticket_under_cursor() is not None

    @property
    def selectable(self) -> SelectableList | None:
        """The list of which several tickets can be selected, where the screen has one."""
        if self._selectable is None or not self._selectable.is_attached:
            # a query by this type would not know those that have it as their second base
            lists = (each for each in self.query(VirtualList) if isinstance(each, SelectableList))
            self._selectable = next(lists, None)
        return self._selectable

    @property
    def selected(self) -> tuple[str, ...]:
        """The numbers of the tickets that are selected."""
        return self.selectable.selected if self.selectable is not None else ()

    def on_selectable_list_selection_changed(self) -> None:
        """Show how many are selected, and the keys for them."""
        self.host.show_status()

    def on_screen_resume(self) -> None:
        """Refresh a screen that is visible again; what is known of the service is painted first."""
        self.host.show_status()
        self.host.read_now()

    def show_status(self, status: StatusLineData, outage: str) -> None:
        """Show how the service is; the body is dimmed while the store cannot be read."""
        self.query_one(StatusLine).show(status)
        self.query_one(OutageLine).show(outage)
        for keys in self.query(KeyLine):
            keys.show_for(self._key_facts(paused=status.paused))
        self.set_class(bool(outage), "-stale")

    def _key_facts(self, *, paused: bool) -> frozenset[KeyFact]:
        facts = {KeyFact.SELECTING if self.selected else KeyFact.NOT_SELECTING}
        facts.add(KeyFact.PAUSED if paused else KeyFact.READING)
        if self.is_on_ticket:
            facts.add(KeyFact.ON_TICKET)
        if self.filter_text():
            facts.add(KeyFact.FILTERED)
        return frozenset(facts)
