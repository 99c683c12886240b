"""The way between the screens: main screens by name, tickets above them, and back."""

from collections.abc import Sequence

from textual import events
from textual.actions import SkipAction
from textual.app import App
from textual.widgets import Input, TextArea

from models.queries.failures import Failure
from models.queries.saved_views import View
from monitor.commands import MAIN_SCREENS
from monitor.screens.base import MonitorScreen
from monitor.screens.callbacks import CallbacksScreen
from monitor.screens.detail import DetailScreen
from monitor.screens.failures import FailuresScreen
from monitor.screens.overview import OverviewScreen
from monitor.screens.queues import QueuesScreen
from monitor.screens.tickets import TicketsScreen
from monitor.screens.todo import TodoScreen
from monitor.screens.units import UnitsScreen
from monitor.screens.wallboard import WallboardScreen
from monitor.snapshot import Snapshot

_SCREENS: tuple[type[MonitorScreen], ...] = (
    OverviewScreen,
    TicketsScreen,
    UnitsScreen,
    CallbacksScreen,
    QueuesScreen,
    FailuresScreen,
    TodoScreen,
    DetailScreen,
)
_HOME = MAIN_SCREENS[0].name


class NavigationApp(App[None]):
    """An app of main screens, one of which is shown; with `_wallboard` only that for the wall.

    The detail of a ticket lies above the main screen from which it was opened.
    """

    _wallboard: bool
    _snapshot: Snapshot | None
    _holds_keys = False

    def __init__(self) -> None:
        super().__init__()
        self._held: list[events.Key] = []

    # Provided by a subclass (see monitor/host.py)

    def read_now(self) -> None:
        """Read the store at once, or as soon as the read under way has ended."""
        raise NotImplementedError

    def show_status(self) -> None:
        """Show how the service and the screen are now."""
        raise NotImplementedError

    def resolve_failure(self, failure: Failure) -> None:
        """Have a refused message edited and sent again, or a failed notice sent again."""
        raise NotImplementedError

    def recent(self, line: str) -> Sequence[str]:
        """List what the operator entered last at this line, the newest first."""
        raise NotImplementedError

    def remember(self, line: str, text: str, *, is_private: bool = False) -> None:
        """Remember what the operator entered at this line; private text only until the end."""
        raise NotImplementedError

    def kept(self, name: str) -> object:
        """Return what the operator chose under this name, at this start or an earlier one."""
        raise NotImplementedError

    def keep(self, name: str, value: object) -> None:
        """Keep what the operator chose for the next start."""
        raise NotImplementedError

    # Between the screens

    def show_first_screen(self) -> None:
        """Install the screens, and show the first one."""
        for screen in _SCREENS:
            self.install_screen(screen(self), screen.NAME)
        self.push_screen(WallboardScreen(self) if self._wallboard else _HOME)

    def action_go(self, name: str) -> None:
        """Show one of the main screens, with all its lines; the wallboard has only one."""
        if self._wallboard:
            return
        screen = self._show_main(name, origin="")
        if isinstance(screen, TicketsScreen):
            self.call_later(screen.show_all)

    def _show_main(self, name: str, *, origin: str) -> MonitorScreen:
        while len(self.screen_stack) > 2:
            self.pop_screen()
        screen = self.get_screen(name)
        assert isinstance(screen, MonitorScreen)
        if origin != name:
            screen.origin = origin
        if self.screen is not self.get_screen(name):
            self.switch_screen(name)
        return screen

    def open_tickets(self, filter_text: str) -> None:
        """Show the list of open tickets under this filter; Esc leads back."""
        screen = self._show_main(TicketsScreen.NAME, origin=self._main_screen())
        assert isinstance(screen, TicketsScreen)
        self.call_later(screen.set_filter, filter_text)

    def open_view(self, view: View) -> None:
        """Show the list of open tickets as a saved view has it; Esc leads back."""
        screen = self._show_main(TicketsScreen.NAME, origin=self._main_screen())
        assert isinstance(screen, TicketsScreen)
        self.call_later(screen.show_view, view)

    def open_calls(self, kind: str) -> None:
        """Show the calls of this kind; Esc leads back."""
        screen = self._show_main(CallbacksScreen.NAME, origin=self._main_screen())
        assert isinstance(screen, CallbacksScreen)
        self.call_later(screen.show_kind, kind)

    def action_filter(self) -> None:
        """Open the filter line of the list of tickets, from any screen; Esc leads back.

        What is typed next is for the line, also before it is there. Raises SkipAction where the key
        is a character of a text.
        """
        if self._wallboard:
            return
        if self._open_screen() is None or isinstance(self.focused, Input | TextArea):
            raise SkipAction
        self._holds_keys = True
        self.show_tickets().open_filter()

    async def on_event(self, event: events.Event) -> None:
        """Keep the keys that are pressed while the filter line is not there yet."""
        if isinstance(event, events.Key) and not event.is_forwarded and self._holds_keys:
            self._held.append(event)
        else:
            await super().on_event(event)

    def release_keys(self) -> None:
        """Let the keys go on that were pressed since the filter line was asked for."""
        if self._holds_keys:
            self.call_later(self._press_held)

    async def _press_held(self) -> None:
        self._holds_keys = False
        held, self._held = self._held, []
        for key in held:
            await self.on_event(key)

    def show_tickets(self) -> TicketsScreen:
        """Show the list of tickets as it is; Esc leads back."""
        if isinstance(screen := self._open_screen(), TicketsScreen):
            return screen
        screen = self._show_main(TicketsScreen.NAME, origin=self._main_screen())
        assert isinstance(screen, TicketsScreen)
        return screen

    def _main_screen(self) -> str:
        """Return the name of the main screen that is shown, or lies below a ticket."""
        screen = self.screen_stack[1] if len(self.screen_stack) > 1 else None
        return screen.NAME if isinstance(screen, MonitorScreen) else ""

    def open_detail(self, number: str) -> None:
        """Show everything about one ticket; Esc leads back."""
        screen = self.get_screen(DetailScreen.NAME)
        if screen in self.screen_stack:
            # it lies below another ticket that it led to
            screen = DetailScreen(self)
        assert isinstance(screen, DetailScreen)
        screen.open(number, self._crumbs(), self._snapshot)
        self.push_screen(screen)

    def _open_screen(self) -> MonitorScreen | None:
        """Return the screen that is shown; None behind a dialog, and when the app has closed."""
        screen = self.screen if self.screen_stack else None
        return screen if isinstance(screen, MonitorScreen) else None

    def _screen_below(self) -> MonitorScreen | None:
        """Return the screen that is shown, or that lies below the dialogs."""
        screens = (s for s in reversed(self.screen_stack) if isinstance(s, MonitorScreen))
        return next(screens, None)

    def _crumbs(self) -> tuple[str, ...]:
        screen = self._open_screen()
        return screen.crumbs() if screen else ()

    async def action_back(self) -> None:
        """Select nothing; where nothing is selected, close a ticket or leave a list."""
        tickets = screen.selectable if (screen := self._open_screen()) else None
        if tickets is not None and tickets.clear_selection():
            return
        if len(self.screen_stack) > 2:
            self.pop_screen()
        elif not self._wallboard and (screen := self._open_screen()) is not None:
            self._show_main(screen.origin or _HOME, origin="")
