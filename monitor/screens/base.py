"""What every screen has: the line at the top, its body, the keys, and what it wants to read."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from models.i18n import LazyText, lazy, render
from monitor.keys import keys_for
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.widgets.bars import KeyLine, Status, StatusLine, Trouble

if TYPE_CHECKING:
    from monitor.app import MonitorApp


class MonitorScreen(Screen[None]):
    """A screen that is filled anew from each snapshot."""

    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012  (declared so by Textual)
        (0, "-narrow"),
        (110, "-wide"),
    ]

    NAME: ClassVar[str] = ""
    TITLE_LABEL: ClassVar[LazyText] = lazy("")

    @property
    def monitor(self) -> "MonitorApp":
        """The app, by its own type."""
        return cast("MonitorApp", self.app)

    @property
    def ready(self) -> bool:
        """Whether its parts are there: not yet when it has just been opened, no more at the end."""
        return self.is_mounted and bool(self.query(StatusLine))

    def compose(self) -> ComposeResult:
        """The lines around the screen's own body."""
        yield StatusLine()
        yield Trouble()
        yield from self.body()
        yield KeyLine(self.monitor.screen_keys() + keys_for(self.NAME))

    def body(self) -> Iterable[Widget]:
        """The widgets between the lines."""
        raise NotImplementedError

    def request(self) -> SnapshotRequest:
        """What has to be read for this screen."""
        raise NotImplementedError

    def show(self, snapshot: Snapshot) -> None:
        """Put what was read on the screen."""
        raise NotImplementedError

    def crumbs(self) -> tuple[str, ...]:
        """The way to this screen, in words."""
        return (render(self.TITLE_LABEL),)

    def filter_text(self) -> str:
        """The filter that is on, as it was typed."""
        return ""

    def ticket_under_cursor(self) -> str | None:
        """The ticket that an act would be about, if there is one."""
        return None

    def on_screen_resume(self) -> None:
        """What is seen again is read anew."""
        self.monitor.read_now()

    def tell(self, status: Status, trouble: str) -> None:
        """Say how the machinery stands; what is shown is dimmed while it is old."""
        self.query_one(StatusLine).tell(status)
        self.query_one(Trouble).tell(trouble)
        self.set_class(bool(trouble), "-stale")
