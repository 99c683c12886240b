"""详情: everything about one ticket."""

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widget import Widget

from models.i18n import LazyText, _, lazy, render
from monitor import ticket_view
from monitor.commands import TITLES, bindings
from monitor.formatting import one_line
from monitor.host import MonitorHost
from monitor.screens.base import MonitorScreen
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.ticket_log import log
from monitor.widgets.panel import Panel
from monitor.widgets.steady_text import SizedText

_TITLES: dict[str, LazyText] = {
    "summary": TITLES["detail"],
    "letter": lazy("Letter"),
    "log": lazy("Log"),
    "deadline": lazy("Why this deadline"),
    "clocks": lazy("Duties"),
    "notices": lazy("Notices"),
}
"""The panels of a ticket and their titles."""


class DetailScreen(MonitorScreen):
    """Shows the letter, the log, all clocks, the deadline explained, and the notices."""

    NAME = "detail"
    BINDINGS: ClassVar[list[BindingType]] = bindings("detail")

    def __init__(self, host: MonitorHost) -> None:
        super().__init__(host)
        self.number = ""
        self._came_from: tuple[str, ...] = ()
        self._snapshot: Snapshot | None = None

    def open(self, number: str, origin: tuple[str, ...], known: Snapshot | None) -> None:
        """Be about this ticket, which was opened from the screens of these titles.

        What is known of it from its preview is shown at once, until it has been read.
        """
        self.number, self._came_from = number, origin
        is_known = known is not None and known.detail is not None and known.detail.number == number
        self._snapshot = known if is_known else None
        if self.ready:
            self.query_one("#detail").scroll_home(animate=False, immediate=True)
            if is_known:
                self._draw()
            else:
                self._clear(Content(""))

    def body(self) -> Iterable[Widget]:
        """Yield two columns, or three, the log in its own, side by side where there is room."""
        panels = {
            name: Panel(title, SizedText(id=name, classes="section"), id=f"{name}-panel")
            for name, title in _TITLES.items()
        }
        log = panels.pop("log")
        first = Container(panels.pop("summary"), panels.pop("letter"), classes="column")
        second = Container(*panels.values(), classes="column")
        left = Container(first, Container(log, classes="column"), id="left")
        yield VerticalScroll(Container(left, second, classes="sections"), id="detail")

    def on_mount(self) -> None:
        """Focus the scrolling part, so that the arrow keys scroll it; show what is known."""
        self.query_one("#detail").focus()
        self._draw()

    def request(self) -> SnapshotRequest:
        """Ask for the ticket."""
        return SnapshotRequest(ticket=self.number)

    def ticket_under_cursor(self) -> str | None:
        """Return this ticket's number."""
        return self.number

    def crumbs(self) -> tuple[str, ...]:
        """Return the way to this ticket, its number last."""
        return (*self._came_from, f"{render(TITLES[self.NAME])} {self.number}")

    def show(self, snapshot: Snapshot) -> None:
        """Show the ticket, or that there is none of this number."""
        ticket = snapshot.detail
        if ticket is None or ticket.number != self.number:
            self._snapshot = None
            self._clear(Content(_("There is no ticket {number}").format(number=self.number)))
            return
        self._snapshot = snapshot
        self._draw()

    def _draw(self) -> None:
        if (snapshot := self._snapshot) is None or (ticket := snapshot.detail) is None:
            return
        now, office, why = snapshot.at, snapshot.office, snapshot.explanation
        self._put("summary", ticket_view.summary(ticket, now, office))
        self._put("letter", ticket_view.letter(ticket))
        self._lay_out("log", lambda width: log(ticket, now, width))
        reasons = ticket_view.deadline(ticket, why, now, office) if why else None
        self._put("deadline", reasons or Content(_("No deadline yet")))
        self.query_one("#summary-panel", Panel).show_title(one_line(ticket.number))
        names = snapshot.short_names
        self._lay_out("clocks", lambda width: ticket_view.duties(ticket, now, office, width, names))
        self._put("notices", ticket_view.notices(ticket))

    def _clear(self, summary: Content) -> None:
        for name in _TITLES:
            self._put(name, Content("") if name != "summary" else summary)
        self.query_one("#summary-panel", Panel).show_title()

    def _put(self, name: str, content: Content) -> None:
        self._lay_out(name, lambda _width: content)

    def _lay_out(self, name: str, text: Callable[[int], Content]) -> None:
        self.query_one(f"#{name}", SizedText).lay_out(text)
