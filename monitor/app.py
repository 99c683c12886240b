"""The Textual app of the monitor: it reads the store, paints the screens and leads between them."""

import asyncio
import gc
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import ClassVar

from rich.text import Text
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.command import CommandPalette
from textual.screen import ModalScreen, Screen
from textual.scrollbar import ScrollBar

from models.clock import Now, monotonic, system_clock
from models.database import Store
from models.errors import describe_safely
from models.i18n import _, render
from models.queries.failures import Failure
from models.queries.health import Health
from models.rules.vocabulary import Permission
from models.security.roles import Actor
from models.store_errors import outage_reason
from monitor.action_runner import ActionRunner
from monitor.background import OUTAGES, in_background_thread
from monitor.call_runner import CallRunner
from monitor.card_alarm import CardAlarm
from monitor.change_signal import ChangeSignal
from monitor.commands import ANYWHERE, MAIN_SCREENS, bindings, palette
from monitor.preferences import Preferences
from monitor.refresh_loop import RefreshLoop
from monitor.screens.base import MonitorScreen
from monitor.screens.callbacks import CallbacksScreen
from monitor.screens.detail import DetailScreen
from monitor.screens.dialogs import LeaveDialog, TextDialog
from monitor.screens.failures import FailuresScreen
from monitor.screens.help import HelpScreen, introduction
from monitor.screens.overview import OverviewScreen
from monitor.screens.queues import QueuesScreen
from monitor.screens.tickets import TicketsScreen
from monitor.screens.todo import TodoScreen
from monitor.screens.units import UnitsScreen
from monitor.screens.wallboard import WallboardScreen
from monitor.snapshot import Snapshot, SnapshotReader
from monitor.theme import DARK, LIGHT, PlainBars
from monitor.widgets.bars import StatusLineData

ScrollBar.renderer = PlainBars

NOBODY = Actor("", "")
"""An actor without a role, who may only look."""

_SCREENS: tuple[type[MonitorScreen], ...] = (
    OverviewScreen,
    TicketsScreen,
    UnitsScreen,
    CallbacksScreen,
    QueuesScreen,
    FailuresScreen,
    TodoScreen,
)
_HOME = MAIN_SCREENS[0].name

_FRAMES = 8
"""Frames of a traceback that are shown when the monitor dies."""


class MonitorApp(App[None]):
    """Shows the store, and sends what operators do as messages; it changes nothing itself.

    With `stop` it shows the service that runs in the same process, and exits when that is set;
    whether the service `ends_with_it` is asked.

    `actor` is whose session it is and what their role allows, `operator` the name that they gave;
    with `ask_name` they are asked for one at the start. `now` is the service's clock, a demo's or
    the system's; `wall` is the system's, by which processes report. `every` is the real seconds
    between two reads, None for none. `wallboard` shows the one screen for the wall. `preferences`
    is the file that keeps what was chosen.
    """

    CSS_PATH = "hotline.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(ANYWHERE)
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
        wallboard: bool = False,
        preferences: Path | None = None,
        bell: bool = True,
        every: float | None = 1.0,
        stop: Event | None = None,
    ) -> None:
        super().__init__()
        self.actions = ActionRunner(self, store, now, wall, actor, operator, self.read_now)
        self._calls = CallRunner(self, store, now, wall, self.actions)
        self._ask_name = ask_name and not operator and not wallboard
        self._wallboard = wallboard
        self._preferences = Preferences(preferences)
        knows_it = preferences is None or bool(self._preferences.get("introduced"))
        self._introduces = not wallboard and not knows_it
        self._refresh_loop = RefreshLoop(self._refresh, every)
        self._reader = SnapshotReader(store, now, wall, broker_ok, self._refresh_loop.note_commit)
        self._change_signal = (
            ChangeSignal(store, self._refresh_loop.note_commit) if every is not None else None
        )
        self._demo = demo
        self._alarm = CardAlarm(enabled=bell)
        self._stop = stop
        self.ends_with_it = True
        self._snapshot: Snapshot | None = None
        self._read_at = 0.0
        self._outage = ""
        self.paint_count = 0

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the colours that the style sheet names; it is read before a theme is chosen."""
        return DARK.variables

    def on_mount(self) -> None:
        """Show the first screen and begin to read."""
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        chosen = str(self._preferences.get("theme"))
        self.theme = chosen if chosen in (DARK.name, LIGHT.name) else DARK.name
        for screen in _SCREENS:
            self.install_screen(screen(self), screen.NAME)
        self.push_screen(WallboardScreen(self) if self._wallboard else _HOME)
        self.run_worker(self._refresh_loop.run(), name="refresh")
        if self._change_signal is not None:
            self._change_signal.start()
        self.set_interval(1.0, self._show_status)
        if self._stop is not None:
            self.set_interval(0.2, self._exit_if_stopped)
        self.actions.start(self._greet())

    def _exit_if_stopped(self) -> None:
        if self._stop is not None and self._stop.is_set():
            self.exit()

    async def _greet(self) -> None:
        """Explain the keys the first time, and ask for the operator's name where it is unknown."""
        while not self.paint_count and not self._refresh_loop.outages:
            # a dialog should have something behind it
            await asyncio.sleep(0.05)
        if self._ask_name:
            await self.actions.ask_name(introduction() if self._introduces else None)
        elif self._introduces:
            await self.push_screen_wait(TextDialog(_("How this works"), introduction()))
        if self._introduces:
            self._preferences.set("introduced", True)

    def on_unmount(self) -> None:
        """Stop asking the database for commits."""
        if self._change_signal is not None:
            self._change_signal.stop()

    # Reading and painting

    def read_now(self) -> None:
        """Read the store at once, or as soon as the read under way has ended."""
        self._refresh_loop.read_now()

    async def _refresh(self) -> None:
        """Read what the screen shows, and paint it; nothing is read behind a dialog."""
        if (screen := self._open_screen()) is None:
            return
        actions = self.actions
        request = replace(screen.request(), answers=tuple(actions.waiting), who=actions.who.name)
        try:
            snapshot = await in_background_thread(lambda: self._reader.read(request))
        except OUTAGES as error:
            self._note_outage(error)
            return
        self._note_snapshot(snapshot)
        if self._open_screen() is screen and screen.ready:
            screen.show(snapshot)
        self.paint_count += 1
        if self.paint_count == 1 and not self.is_headless:
            # what is loaded by now stays: walking all of it again for garbage stops the screen for
            # a tenth of a second each time
            gc.freeze()

    def _note_snapshot(self, snapshot: Snapshot) -> None:
        if self._refresh_loop.outages:
            self.notify(_("The store is back"), markup=False)
        self._refresh_loop.note_return()
        self._outage = ""
        self._snapshot, self._read_at = snapshot, monotonic()
        if self._alarm.has_new(snapshot.newest_red):
            self.bell()
        self.actions.report_answers(snapshot.answers)
        self._show_status()

    def _note_outage(self, error: BaseException) -> None:
        is_first = not self._refresh_loop.outages
        self._refresh_loop.note_outage()
        seconds = round(self._refresh_loop.seconds_to_next or 0)
        self._outage = _(
            "The store cannot be read: {why}. What is shown is old; next try in {n} s"
        ).format(why=outage_reason(error), n=seconds)
        if is_first:
            self.notify(_("The store cannot be read"), severity="error", markup=False)
        self._show_status()

    def _show_status(self) -> None:
        if (screen := self._open_screen()) is None or not screen.ready:
            return
        snapshot = self._snapshot
        status = StatusLineData(
            district=snapshot.district if snapshot else "",
            crumbs=screen.crumbs(),
            filter=screen.filter_text(),
            filtered=self._filtered(screen),
            at=snapshot.at if snapshot else None,
            age=monotonic() - self._read_at if snapshot else 0.0,
            demo=self._demo,
            paused=self._refresh_loop.paused,
            store=not self._refresh_loop.outages,
            broker=snapshot.broker if snapshot else None,
            health=snapshot.health if snapshot else Health(),
            wall=snapshot.wall if snapshot else None,
            operator=self.actions.operator,
            waiting=len(self.actions.waiting),
            tells_alarms=self.actions.who.may(Permission.AUDIT),
        )
        screen.show_status(status, self._outage)

    def _filtered(self, screen: MonitorScreen) -> tuple[int, int] | None:
        count, snapshot = screen.filtered_count(), self._snapshot
        return (count, snapshot.counters.open) if count is not None and snapshot else None

    # Between the screens (see monitor/host.py)

    def action_go(self, name: str) -> None:
        """Show one of the main screens, with all its lines; the wallboard has only one."""
        if self._wallboard:
            return
        screen = self._show_main(name, origin="")
        if isinstance(screen, TicketsScreen):
            self.call_later(screen.set_filter, "")

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

    def open_calls(self, kind: str) -> None:
        """Show the calls of this kind; Esc leads back."""
        screen = self._show_main(CallbacksScreen.NAME, origin=self._main_screen())
        assert isinstance(screen, CallbacksScreen)
        self.call_later(screen.show_kind, kind)

    def action_filter(self) -> None:
        """Open the filter line of the list of tickets, from any screen; Esc leads back."""
        if self._wallboard:
            return
        if (screen := self._open_screen()) is None or not isinstance(screen, TicketsScreen):
            screen = self._show_main(TicketsScreen.NAME, origin=self._main_screen())
        assert isinstance(screen, TicketsScreen)
        self.call_later(screen.open_filter)

    def _main_screen(self) -> str:
        """Return the name of the main screen that is shown, or lies below a ticket."""
        screen = self.screen_stack[1] if len(self.screen_stack) > 1 else None
        return screen.NAME if isinstance(screen, MonitorScreen) else ""

    def open_detail(self, number: str) -> None:
        """Show everything about one ticket; Esc leads back."""
        self.push_screen(DetailScreen(self, number, self._crumbs()))

    def resolve_failure(self, failure: Failure) -> None:
        """Have a refused message edited and sent again, or a failed notice sent again."""
        self.actions.start(self.actions.resolve_failure(failure))

    def _open_screen(self) -> MonitorScreen | None:
        """Return the screen that is shown; None behind a dialog, and when the app has closed."""
        screen = self.screen if self.screen_stack else None
        return screen if isinstance(screen, MonitorScreen) else None

    def _crumbs(self) -> tuple[str, ...]:
        screen = self._open_screen()
        return screen.crumbs() if screen else ()

    # Commands (see monitor/commands.py)

    def action_act_on_ticket(self) -> None:
        """Offer what can be done with the ticket under the cursor."""
        screen = self._open_screen()
        if screen and (number := screen.ticket_under_cursor()):
            self.actions.start(self.actions.offer(number))

    def action_call(self) -> None:
        """Call the claimant under the cursor, then those below."""
        if isinstance(screen := self._open_screen(), CallbacksScreen):
            kind, numbers = screen.calls_from_cursor()
            self.actions.start(self._calls.call(numbers, kind))

    def action_claim(self) -> None:
        """Claim the ticket under the cursor, or let go of it where it is claimed by oneself."""
        screen, snapshot = self._open_screen(), self._snapshot
        if screen and snapshot and (number := screen.ticket_under_cursor()):
            self.actions.start(self.actions.claim(number, snapshot.claims.get(number)))

    async def action_back(self) -> None:
        """Close a ticket, or lead from a list to the overview."""
        if len(self.screen_stack) > 2:
            self.pop_screen()
        elif not self._wallboard and (screen := self._open_screen()) is not None:
            self._show_main(screen.origin or _HOME, origin="")

    def action_leave(self) -> None:
        """Ask whether to close the monitor: a letter typed beside a field must not end it."""
        if not any(isinstance(screen, LeaveDialog) for screen in self.screen_stack):
            self.push_screen(LeaveDialog(with_service=self._stop is not None), self._leave)

    async def action_quit(self) -> None:
        """Close the monitor; where the service would end with it, ask."""
        if self._stop is not None:
            self.action_leave()
        else:
            self.exit()

    def _leave(self, ends_service: bool | None) -> None:
        if ends_service is not None:
            self.ends_with_it = ends_service
            self.exit()

    def action_help(self) -> None:
        """Show what the keys do."""
        if not isinstance(self.screen, ModalScreen):
            self.push_screen(HelpScreen())

    def action_pause(self) -> None:
        """Stop reading, or go on."""
        self._refresh_loop.paused = not self._refresh_loop.paused
        self._show_status()
        if not self._refresh_loop.paused:
            self.read_now()

    def action_read_now(self) -> None:
        """Read at once."""
        self.read_now()

    def action_refresh_every(self, seconds: float | None) -> None:
        """Read every so many real seconds, or with None only when asked."""
        self._refresh_loop.every = seconds
        self.read_now()

    def action_use_theme(self, name: str) -> None:
        """Change the colours."""
        self.theme = name

    def watch_theme(self, name: str) -> None:
        """Keep the chosen colours for the next start."""
        if name in (DARK.name, LIGHT.name):
            self._preferences.set("theme", name)

    def action_switch_bell(self) -> None:
        """Ring for new red cards, or no longer."""
        self._alarm.enabled = not self._alarm.enabled
        self.notify(_("Bell on") if self._alarm.enabled else _("Bell off"), markup=False)

    def action_command_palette(self) -> None:
        """Open the command palette."""
        if not any(isinstance(s, CommandPalette) for s in self.screen_stack):
            self.push_screen(
                CommandPalette(placeholder=_("Find a command"), id="--command-palette")
            )

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield what the command palette offers."""
        on_ticket = isinstance(screen, MonitorScreen) and bool(screen.ticket_under_cursor())
        for name, action in palette(on_ticket=on_ticket, on_wallboard=self._wallboard):
            yield SystemCommand(render(name), "", partial(self.run_action, action))

    def _fatal_error(self) -> None:
        """End with a short traceback; Textual's own would show values that a citizen wrote."""
        if (error := sys.exc_info()[1]) is not None:
            self.panic(Text(describe_safely(error, _FRAMES)))
