"""The monitor as a program: one loop that reads and paints, and the way between the screens."""

import asyncio
import gc
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import ClassVar

from rich.text import Text
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.screen import ModalScreen, Screen
from textual.scrollbar import ScrollBar

from models.clock import Now, monotonic, system_clock
from models.database import Store
from models.errors import describe_safely
from models.i18n import _
from models.queries.failures import Failure
from models.queries.health import Health
from models.rules.vocabulary import Level
from models.security.roles import Actor
from monitor.action_runner import ActionRunner
from monitor.background import OUTAGES, in_background_thread
from monitor.change_signal import ChangeSignal
from monitor.keys import KEYS, KeyBinding, bindings
from monitor.palette import commands
from monitor.preferences import Preferences
from monitor.screens.base import MonitorScreen
from monitor.screens.callbacks import CallbacksScreen
from monitor.screens.detail import DetailScreen
from monitor.screens.dialogs import Told
from monitor.screens.help import HelpScreen, introduction
from monitor.screens.registry import SCREENS
from monitor.screens.tickets import TicketsScreen
from monitor.screens.wallboard import WallboardScreen
from monitor.snapshot import Snapshot, SnapshotReader
from monitor.theme import DARK, LIGHT, PlainBars
from monitor.widgets.bars import Status

ScrollBar.renderer = PlainBars

NOBODY = Actor("", "")
"""Who may only look."""

_LONGEST_PAUSE = 60.0
_LEAST_REST = 0.1
"""Real seconds from one look to the next, however much is committed; three looks' time if more."""

_FRAMES = 8


class MonitorApp(App[None]):
    """Shows the store; changes nothing in it, but sends what operators do as messages.

    `actor` is whose session it is and what his role allows, `operator` the name that he gave; with
    `ask_name` he is asked for one at the start. `now` is the service's clock, a demo's or the
    system's; `wall` is the system's, by which processes report. `every` is the real seconds
    between two looks, None for none. `board` shows the one screen for the wall, `memory` is the
    file of what is remembered.
    """

    CSS_PATH = "hotline.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("app"),
        *(Binding(e.keys, f"go('{e.name}')", show=False) for e in SCREENS),
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
        actor: Actor = NOBODY,
        operator: str = "",
        ask_name: bool = False,
        board: bool = False,
        memory: Path | None = None,
        bell: bool = True,
        every: float | None = 1.0,
        stop: Event | None = None,
    ) -> None:
        super().__init__()
        self.deeds = ActionRunner(self, store, now, actor, operator, self.read_now)
        self._ask_name = ask_name and not operator and not board
        self._board = board
        self._memory = Preferences(memory)
        self._introduces = memory is not None and not board and not self._memory.get("introduced")
        self._reader = SnapshotReader(store, now, wall, broker_ok, self.changed)
        self._demo = demo
        self._bell = bell
        self._every = every
        self._leave_on = stop
        self._paused = False
        self._wake = asyncio.Event()
        self._asked = True
        self._pulse = ChangeSignal(store, self.changed) if every is not None else None
        self._snapshot: Snapshot | None = None
        self._read_at = 0.0
        self._trouble = ""
        self._failures = 0
        self._cards: set[tuple[str, str]] | None = None
        self.paint_count = 0

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The colours that the style sheet names; it is read before any theme is chosen."""
        return DARK.variables

    def on_mount(self) -> None:
        """Begin at the overview, and begin to read."""
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        known = {DARK.name, LIGHT.name}
        kept = str(self._memory.get("theme"))
        self.theme = kept if kept in known else DARK.name
        for entry in SCREENS:
            self.install_screen(entry.make(), entry.name)
        self.push_screen(WallboardScreen() if self._board else SCREENS[0].name)
        self._home = asyncio.get_running_loop()
        self.run_worker(self._watch(), name="watch")
        if self._pulse is not None:
            self._pulse.start()
        self.set_interval(1.0, self._tell)
        if self._leave_on is not None:
            self.set_interval(0.2, self._leave_if_told)
        self.deeds.begin(self._greet())

    def _leave_if_told(self) -> None:
        if self._leave_on is not None and self._leave_on.is_set():
            self.exit()

    async def _greet(self) -> None:
        """Say how it works, the first time; ask who is there, where nobody has said it."""
        while not self.paint_count and not self._failures:
            # something is to be seen behind the dialog
            await asyncio.sleep(0.05)
        if self._introduces:
            await self.push_screen_wait(Told(_("How this works"), introduction()))
            self._memory.keep("introduced", True)
        if self._ask_name:
            await self.deeds.ask_name()

    def on_unmount(self) -> None:
        """Feel for commits no longer."""
        if self._pulse is not None:
            self._pulse.stop()

    # Reading and painting

    def read_now(self) -> None:
        """Read at once, or as soon as the look that is under way is done."""
        self._asked = True
        self._wake.set()

    def changed(self) -> None:
        """Somebody has committed something: read soon. May be called from any thread."""
        # the loop may have been closed meanwhile
        with suppress(RuntimeError):
            self._home.call_soon_threadsafe(self._wake.set)

    async def _watch(self) -> None:
        """Read, paint, wait; one look at a time, and none behind a dialog or while paused."""
        while True:
            asked, self._asked = self._asked, False
            self._wake.clear()
            screen, begun = self.screen, monotonic()
            if isinstance(screen, MonitorScreen) and (asked or not self._paused):
                await self._look(screen)
            rest = max(_LEAST_REST, 3 * (monotonic() - begun))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._pause())
            await self._breathe(begun + rest)

    async def _breathe(self, until: float) -> None:
        """Gather what others commit until then; only what the operator asks for cuts it short."""
        while not self._asked and (rest := until - monotonic()) > 0:
            self._wake.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), rest)

    def _pause(self) -> float | None:
        if self._failures:
            return min(_LONGEST_PAUSE, 2.0 ** (self._failures - 1))
        return self._every

    async def _look(self, screen: MonitorScreen) -> None:
        request = replace(screen.request(), answers=tuple(self.deeds.waiting))
        try:
            snapshot = await in_background_thread(lambda: self._reader.read(request))
        except OUTAGES as wrong:
            self._lost(wrong)
            return
        self._found(snapshot)
        if screen is self.screen and screen.ready:
            screen.show(snapshot)
        self.paint_count += 1
        if self.paint_count == 1 and not self.is_headless:
            # what is loaded by now stays: walking all of it again for garbage stops the screen for
            # a tenth of a second each time
            gc.freeze()

    def _found(self, snapshot: Snapshot) -> None:
        if self._failures:
            self.notify(_("The store is back"), markup=False)
        self._failures, self._trouble = 0, ""
        self._snapshot, self._read_at = snapshot, monotonic()
        self._ring(snapshot)
        self.deeds.heard(snapshot.answers)
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
        # at the very end the clock may tick once more with no screen left
        if not self.screen_stack or not isinstance(screen := self.screen, MonitorScreen):
            return
        if not screen.ready:
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
            operator=self.deeds.operator,
            waiting=len(self.deeds.waiting),
        )
        screen.tell(status, self._trouble)

    def _ring(self, snapshot: Snapshot) -> None:
        """One bell for a look that finds new red cards."""
        if not snapshot.cards:
            return
        red = {(c.ticket, c.level) for c in snapshot.cards if c.level == Level.RED}
        if self._bell and self._cards is not None and red - self._cards:
            self.bell()
        self._cards = red | (self._cards or set())

    # The way between the screens

    @property
    def on_wall(self) -> bool:
        """Whether there is nothing but the screen for the wall."""
        return self._board

    def screen_keys(self) -> list[KeyBinding]:
        """The keys of the screens, for the line at the bottom."""
        return [KeyBinding(e.key, f"go('{e.name}')", e.key, e.title) for e in SCREENS]

    def action_go(self, name: str) -> None:
        """Show one of the main screens; on the wall there is only one."""
        if self._board:
            return
        while len(self.screen_stack) > 2:
            self.pop_screen()
        if self.screen is not self.get_screen(name):
            self.switch_screen(name)

    def open_tickets(self, filter_text: str) -> None:
        """Show the list under this filter; Esc leads back."""
        came_from = self.screen.crumbs() if isinstance(self.screen, MonitorScreen) else ()
        self.action_go(TicketsScreen.NAME)
        screen = self.get_screen(TicketsScreen.NAME)
        assert isinstance(screen, TicketsScreen)
        self.call_later(screen.set_filter, filter_text, came_from)

    def open_calls(self, kind: str) -> None:
        """Show the calls of this kind."""
        self.action_go(CallbacksScreen.NAME)
        screen = self.get_screen(CallbacksScreen.NAME)
        assert isinstance(screen, CallbacksScreen)
        self.call_later(screen.choose, kind)

    def mend(self, failure: Failure) -> None:
        """Mend a refused message, or send a failed notice again."""
        self.deeds.begin(self.deeds.mend(failure))

    def action_acts(self) -> None:
        """Offer what can be done with the ticket that is looked at."""
        if isinstance(self.screen, MonitorScreen) and (number := self.screen.ticket_under_cursor()):
            self.deeds.begin(self.deeds.choose(number))

    def open_detail(self, number: str) -> None:
        """Show a ticket whole; Esc leads back."""
        came_from = self.screen.crumbs() if isinstance(self.screen, MonitorScreen) else ()
        self.push_screen(DetailScreen(number, came_from))

    async def action_back(self) -> None:
        """One screen back: from a ticket to where it was opened, from a list to the overview."""
        if len(self.screen_stack) > 2:
            self.pop_screen()
        elif not self._board:
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
        on_ticket = isinstance(screen, MonitorScreen) and bool(screen.ticket_under_cursor())
        return commands(self, on_ticket=on_ticket)

    def refresh_every(self, seconds: float | None) -> None:
        """Look every so many real seconds, None: only when asked."""
        self._every = seconds
        self.read_now()

    def watch_theme(self, name: str) -> None:
        """The colours that were chosen are there again the next day."""
        if name in (DARK.name, LIGHT.name):
            self._memory.keep("theme", name)

    def switch_bell(self) -> None:
        """Ring for new red cards, or no longer."""
        self._bell = not self._bell
        self.notify(_("Bell on") if self._bell else _("Bell off"), markup=False)

    def _fatal_error(self) -> None:
        """End; Textual's own traceback would show the values, and they may be a citizen's."""
        if (wrong := sys.exc_info()[1]) is not None:
            self.panic(Text(describe_safely(wrong, _FRAMES)))
