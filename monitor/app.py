"""The monitor as a program: one loop that reads and paints, and the way between the screens."""

import asyncio
import sys
from collections.abc import Callable, Iterable
from typing import ClassVar

from rich.text import Text
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.screen import ModalScreen, Screen

from models.clock import Now, monotonic, system_clock
from models.database import Store
from models.errors import told_safely
from models.labels import _, told
from models.queries.health import Health
from models.rules.policy import LEVELS
from monitor.keys import KEYS, Key, bindings
from monitor.refresh import OUTAGES, Reader, Snapshot, in_background
from monitor.screens.base import WatchScreen
from monitor.screens.detail import DetailScreen
from monitor.screens.help import HelpScreen
from monitor.screens.registry import SCREENS
from monitor.screens.tickets import TicketsScreen
from monitor.theme import DARK, LIGHT
from monitor.widgets.bars import Status

_LONGEST_PAUSE = 60.0
_INTERVALS = (1, 2, 5, 15)

_FRAMES = 8


class MonitorApp(App[None]):
    """Shows the store and changes nothing in it.

    `now` is the service's clock, a demo's or the system's; `wall` is the system's, by which
    processes report. `every` is the real seconds between two looks, None for none.
    """

    CSS_PATH = "hotline.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("app"),
        *(Binding(e.key, f"go('{e.name}')", show=False) for e in SCREENS),
    ]
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        store: Store,
        now: Now,
        *,
        wall: Now = system_clock,
        demo: bool = False,
        broker_ok: Callable[[], bool] | None = None,
        bell: bool = True,
        every: float | None = 1.0,
    ) -> None:
        super().__init__()
        self._reader = Reader(store, now, wall, broker_ok)
        self._demo = demo
        self._bell = bell
        self._every = every
        self._paused = False
        self._wake = asyncio.Event()
        self._snapshot: Snapshot | None = None
        self._read_at = 0.0
        self._trouble = ""
        self._failures = 0
        self._cards: set[tuple[str, str]] | None = None
        self.painted = 0

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The colours that the style sheet names; it is read before any theme is chosen."""
        return DARK.variables

    def on_mount(self) -> None:
        """Begin at the overview, and begin to read."""
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self.theme = DARK.name
        for entry in SCREENS:
            self.install_screen(entry.make(), entry.name)
        self.push_screen(SCREENS[0].name)
        self.run_worker(self._watch(), name="watch")
        self.set_interval(1.0, self._tell)

    # Reading and painting

    def read_now(self) -> None:
        """Read at once, or as soon as the look that is under way is done."""
        self._wake.set()

    async def _watch(self) -> None:
        """Read, paint, wait; one look at a time, and none behind a dialog or while paused."""
        while True:
            asked = self._wake.is_set()
            self._wake.clear()
            screen = self.screen
            if isinstance(screen, WatchScreen) and (asked or not self._paused):
                await self._look(screen)
            pause = self._pause()
            try:
                await asyncio.wait_for(self._wake.wait(), pause)
            except TimeoutError:
                continue

    def _pause(self) -> float | None:
        if self._failures:
            return min(_LONGEST_PAUSE, 2.0 ** (self._failures - 1))
        return self._every

    async def _look(self, screen: WatchScreen) -> None:
        request = screen.request()
        try:
            snapshot = await in_background(lambda: self._reader.read(request))
        except OUTAGES as wrong:
            self._lost(wrong)
            return
        self._found(snapshot)
        if screen is self.screen and screen.ready:
            screen.show(snapshot)
        self.painted += 1

    def _found(self, snapshot: Snapshot) -> None:
        if self._failures:
            self.notify(_("The store is back"), markup=False)
        self._failures, self._trouble = 0, ""
        self._snapshot, self._read_at = snapshot, monotonic()
        self._ring(snapshot)
        self._tell()

    def _lost(self, wrong: BaseException) -> None:
        self._failures += 1
        reason = str(getattr(wrong, "orig", None) or wrong).splitlines()[0]
        self._trouble = _(
            "The store cannot be read: {why}. What is shown is old; next try in {n} s"
        ).format(why=reason, n=round(self._pause() or 0))
        if self._failures == 1:
            self.notify(_("The store cannot be read"), severity="error", markup=False)
        self._tell()

    def _tell(self) -> None:
        if not isinstance(screen := self.screen, WatchScreen) or not screen.ready:
            return
        seen = self._snapshot
        status = Status(
            district=seen.district if seen else "",
            crumbs=screen.crumbs(),
            filter=screen.filter_text(),
            at=seen.at if seen else None,
            age=monotonic() - self._read_at if seen else 0.0,
            demo=self._demo,
            paused=self._paused,
            store=not self._failures,
            broker=seen.broker if seen else None,
            health=seen.health if seen else Health(),
            wall=seen.wall if seen else None,
        )
        screen.tell(status, self._trouble)

    def _ring(self, snapshot: Snapshot) -> None:
        """One bell for a look that finds new red cards."""
        if snapshot.overview is None:
            return
        red = {(c.ticket, c.level) for c in snapshot.overview.cards if c.level == LEVELS[-1]}
        if self._bell and self._cards is not None and red - self._cards:
            self.bell()
        self._cards = red | (self._cards or set())

    # The way between the screens

    def screen_keys(self) -> list[Key]:
        """The keys of the screens, for the line at the bottom."""
        return [Key(e.key, f"go('{e.name}')", e.key, e.title) for e in SCREENS]

    def action_go(self, name: str) -> None:
        """Show one of the main screens."""
        while len(self.screen_stack) > 2:
            self.pop_screen()
        if self.screen is not self.get_screen(name):
            self.switch_screen(name)

    def open_tickets(self, filter_text: str) -> None:
        """Show the list under this filter; Esc leads back."""
        came_from = self.screen.crumbs() if isinstance(self.screen, WatchScreen) else ()
        self.action_go(TicketsScreen.NAME)
        screen = self.get_screen(TicketsScreen.NAME)
        assert isinstance(screen, TicketsScreen)
        self.call_later(screen.set_filter, filter_text, came_from)

    def open_detail(self, number: str) -> None:
        """Show a ticket whole; Esc leads back."""
        came_from = self.screen.crumbs() if isinstance(self.screen, WatchScreen) else ()
        self.push_screen(DetailScreen(number, came_from))

    async def action_back(self) -> None:
        """One screen back: from a ticket to where it was opened, from a list to the overview."""
        if len(self.screen_stack) > 2:
            self.pop_screen()
        else:
            self.action_go(SCREENS[0].name)

    def action_help(self) -> None:
        """Show what the keys do."""
        if not isinstance(self.screen, ModalScreen):
            self.push_screen(HelpScreen(self.screen_keys() + list(KEYS)))

    def action_pause(self) -> None:
        """Stand still, or go on."""
        self._paused = not self._paused
        self._tell()
        if not self._paused:
            self.read_now()

    def action_read_now(self) -> None:
        """Read at once."""
        self.read_now()

    def action_command_palette(self) -> None:
        """Find a command by its name."""
        if not any(isinstance(s, CommandPalette) for s in self.screen_stack):
            self.push_screen(
                CommandPalette(placeholder=_("Find a command"), id="--command-palette")
            )

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What has no key."""
        for theme, name in ((DARK, _("Dark colours")), (LIGHT, _("Light colours"))):
            yield SystemCommand(name, "", self._setter("theme", theme.name))
        for seconds in _INTERVALS:
            text = _("Read every {n} s").format(n=seconds)
            yield SystemCommand(text, "", self._setter("_every", float(seconds)))
        yield SystemCommand(_("Read only when asked (F5)"), "", self._setter("_every", None))
        yield SystemCommand(_("Bell on a new red card: on or off"), "", self._switch_bell)
        yield SystemCommand(told(KEYS[-1].label), "", self.action_quit)

    def _setter(self, name: str, value: object) -> Callable[[], None]:
        def set_it() -> None:
            setattr(self, name, value)
            self.read_now()

        return set_it

    def _switch_bell(self) -> None:
        self._bell = not self._bell
        self.notify(_("Bell on") if self._bell else _("Bell off"), markup=False)

    def _fatal_error(self) -> None:
        """End; Textual's own traceback would show the values, and they may be a citizen's."""
        if (wrong := sys.exc_info()[1]) is not None:
            self.panic(Text(told_safely(wrong, _FRAMES)))
