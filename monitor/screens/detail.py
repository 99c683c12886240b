"""详情: one ticket, whole."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import _, lazy, render
from monitor import ticket_view
from monitor.keys import bindings
from monitor.screens.base import MonitorScreen
from monitor.snapshot import Snapshot, SnapshotRequest


class DetailScreen(MonitorScreen):
    """The letter, the log, all clocks, and why this deadline."""

    NAME = "detail"
    TITLE_LABEL = lazy("Ticket")
    BINDINGS: ClassVar[list[BindingType]] = bindings("detail")

    def __init__(self, number: str, came_from: tuple[str, ...]) -> None:
        super().__init__()
        self.number = number
        self._came_from = came_from

    def body(self) -> Iterable[Widget]:
        """Two columns where there is room."""
        first = Vertical(_sheet("head"), _sheet("letter"), _sheet("log"), id="first")
        second = Vertical(_sheet("why"), _sheet("clocks"), _sheet("notices"), id="second")
        first.styles.height = second.styles.height = "auto"
        yield VerticalScroll(Container(first, second, classes="sheets"), id="detail")

    def on_mount(self) -> None:
        """The arrow keys turn the pages."""
        self.query_one("#detail").focus()

    def request(self) -> SnapshotRequest:
        """The ticket."""
        return SnapshotRequest(ticket=self.number)

    def ticket_under_cursor(self) -> str | None:
        """This ticket."""
        return self.number

    def crumbs(self) -> tuple[str, ...]:
        """From where one came."""
        return (*self._came_from, f"{render(self.TITLE_LABEL)} {self.number}")

    def show(self, snapshot: Snapshot) -> None:
        """The ticket as it stands."""
        ticket, now, office = snapshot.detail, snapshot.at, snapshot.office
        if ticket is None or ticket.number != self.number:
            self._put("head", Content(_("There is no ticket {number}").format(number=self.number)))
            return
        self._put("head", ticket_view.head(ticket, now, office))
        self._put("letter", ticket_view.letter(ticket))
        self._put("log", ticket_view.log(ticket))
        why = snapshot.explained
        self._put("why", ticket_view.reasons(why) if why else Content(_("No deadline yet")))
        self._put("clocks", ticket_view.clocks(ticket, now, office))
        self._put("notices", ticket_view.notices(ticket))

    def _put(self, name: str, content: Content) -> None:
        sheet = self.query_one(f"#{name}", Static)
        if sheet.content != content:
            sheet.update(content)


def _sheet(name: str) -> Static:
    return Static(id=name, classes="sheet", markup=False)
