"""The Textual app of the monitor: it reads the store and paints the screens."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.scrollbar import ScrollBar

from models.clock import Now, has_ended, monotonic, system_clock
from models.database import Store
from models.errors import describe_safely
from models.i18n import _
from models.queries.health import Health
from models.rules.vocabulary import Permission
from models.security.roles import Actor
from models.store_errors import outage_reason
from monitor.background import OUTAGES
from monitor.bounded_read import BoundedRead
from monitor.call_runner import CallRunner
from monitor.card_alarm import CardAlarm
from monitor.change_signal import ChangeSignal
from monitor.command_app import CommandApp
from monitor.commands import ANYWHERE, bindings
from monitor.garbage import collect_little
from monitor.history import History
from monitor.operator.batches import BatchMenu
from monitor.operator.failure_mending import FailureMender
from monitor.operator.handover import ShiftHandover
from monitor.operator.list_export import ListExporter
from monitor.operator.list_menu import ListMenu
from monitor.operator.offering import ActionMenu
from monitor.operator.operator import Operator
from monitor.operator.sending import MessageSender
from monitor.preferences import Preferences, of_operator
from monitor.refresh_loop import RefreshLoop
from monitor.screens.base import MonitorScreen
from monitor.screens.dialogs import TextDialog
from monitor.screens.help import introduction
from monitor.snapshot import Snapshot
from monitor.snapshot_reader import SnapshotReader
from monitor.theme import DARK, LIGHT, PlainBars, without_colours
from monitor.widgets.bars import StatusLineData

ScrollBar.renderer = PlainBars

NOBODY = Actor("", "")
"""An actor without a role, who may only look."""

_PATIENCE = 5.0
"""Real seconds after which a store that has not answered counts as away."""

_FRESH = 1.5
"""Real seconds for which data need not be told to be old."""

_FRAMES = 8
"""Frames of a traceback that are shown when the monitor dies."""


class MonitorApp(CommandApp):
    """Shows the store, and sends what operators do as messages; it changes nothing itself.

    With `stop` it shows the service that runs in the same process, and exits when that is set;
    whether the service `ends_with_it` is asked.

    `actor` is whose session it is and what their role allows, `operator` the name that they gave;
    with `ask_name` they are asked for one at the start. `now` is the service's clock, a demo's or
    the system's; `wall` is the system's, by which processes report. `every` is the real seconds
    between two reads, None for none. `wallboard` shows the one screen for the wall. `preferences`
    is the file that keeps what was chosen, `exports` the folder of lists that were exported.
    """

    CSS_PATH = "hotline.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(ANYWHERE),
        Binding("ideographic_space", "wide_space", show=False, priority=True),
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
        wallboard: bool = False,
        preferences: Path | None = None,
        exports: Path | None = None,
        bell: bool = True,
        every: float | None = 1.0,
        stop: Event | None = None,
    ) -> None:
        super().__init__()
        self.operator = Operator(
            self,
            store,
            now,
            wall,
            actor,
            operator,
            self.read_now,
            lambda: bool(self._refresh_loop.outages),
        )
        self.sender = MessageSender(self.operator)
        self.actions = ActionMenu(self.operator, self.sender)
        self._handover = ShiftHandover(self.operator)
        self._batches = BatchMenu(self.operator, self.sender)
        self._mender = FailureMender(self.operator, self.sender)
        self._calls = CallRunner(self.operator, self.sender)
        exporter = ListExporter(self.operator, exports) if exports is not None else None
        self._list_menu = ListMenu(self.operator, self, exporter)
        self._ask_name = ask_name and not operator and not wallboard
        self._wallboard = wallboard
        self._preferences = Preferences(preferences)
        self._begin_with_theme(str(self._preferences.get("theme")))
        self._history = History(self._preferences)
        knows_it = preferences is None or bool(self._preferences.get("introduced"))
        self._introduces = not wallboard and not knows_it
        self._refresh_loop = RefreshLoop(self._refresh, every)
        note_commit = self._refresh_loop.note_commit
        self._change_signal = ChangeSignal(store, note_commit) if every is not None else None
        mark = self._change_signal.mark if self._change_signal is not None else None
        self._reader = SnapshotReader(store, now, wall, broker_ok, note_commit, mark)
        self._bounded = BoundedRead[Snapshot](_PATIENCE, self.read_now)
        self._demo = demo
        self._alarm = CardAlarm(enabled=bell)
        self._stop = stop
        self.ends_with_it = True
        self._snapshot: Snapshot | None = None
        self._drawn: tuple[MonitorScreen, Snapshot] | None = None
        self._read_at = 0.0
        self._outage = ""
        self.paint_count = 0

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the colours that the style sheet names; it is read before a theme is chosen."""
        return DARK.variables

    def _begin_with_theme(self, chosen: str) -> None:
        """Have the style sheet read with its colours: read again for others it takes 30 ms."""
        for theme in (DARK, LIGHT):
            self.register_theme(without_colours(theme) if self.no_color else theme)
        self.set_reactive(MonitorApp.theme, LIGHT.name if chosen == LIGHT.name else DARK.name)
        is_dark = self.current_theme.dark
        # as Textual does it when the theme changes
        self.stylesheet.set_variables(self.get_css_variables())
        self.set_class(is_dark, "-dark-mode", update=False)
        self.set_class(not is_dark, "-light-mode", update=False)

    def on_mount(self) -> None:
        """Show the first screen and begin to read."""
        self.show_first_screen()
        self.run_worker(self._refresh_loop.run(), name="refresh")
        if self._change_signal is not None:
            self._change_signal.start()
        self.set_interval(1.0, self._show_age)
        if self._stop is not None:
            self.set_interval(0.2, self._exit_if_stopped)
        self.operator.start(self._greet())

    def _exit_if_stopped(self) -> None:
        if self._stop is not None and self._stop.is_set():
            self.exit()

    async def _greet(self) -> None:
        """Explain the keys the first time, and ask for the operator's name where it is unknown."""
        while not self.paint_count and not self._refresh_loop.outages:
            # a dialog should have something behind it
            await asyncio.sleep(0.05)
        if self._ask_name:
            await self.operator.ask_name(introduction() if self._introduces else None)
        elif self._introduces:
            await self.push_screen_wait(TextDialog(_("How this works"), introduction()))
        if self._introduces:
            self._preferences.set("introduced", True)

    def recent(self, line: str) -> Sequence[str]:
        """List what the operator entered last at this line, the newest first."""
        return self._history.entries(self.operator.who.name, line)

    def remember(self, line: str, text: str, *, is_private: bool = False) -> None:
        """Remember what the operator entered at this line; private text only until the end."""
        self._history.add(self.operator.who.name, line, text, is_private=is_private)

    def kept(self, name: str) -> object:
        """Return what the operator chose under this name, at this start or an earlier one."""
        return self._preferences.get(of_operator(self.operator.who.name, name))

    def keep(self, name: str, value: object) -> None:
        """Keep what the operator chose for the next start."""
        self._preferences.set(of_operator(self.operator.who.name, name), value)

    def on_unmount(self) -> None:
        """Stop asking the database for commits."""
        if self._change_signal is not None:
            self._change_signal.stop()

    # Reading and painting

    def read_now(self) -> None:
        """Read the store at once, or as soon as the read under way has ended."""
        self._refresh_loop.read_now()

    async def _refresh(self, is_requested: bool) -> None:
        """Read what the screen shows, and paint it, below a dialog too.

        Where nobody requested it, what would look the same is not drawn again.
        """
        if (screen := self._screen_below()) is None:
            return
        waiting, who = tuple(self.sender.waiting), self.operator.who.name
        request = replace(screen.request(), answers=waiting, who=who)
        try:
            snapshot = await self._bounded.get(screen, lambda: self._reader.read(request))
        except OUTAGES as error:
            self._note_outage(error)
            return
        self._note_snapshot(snapshot)
        if self._screen_below() is screen and screen.ready:
            self._draw(screen, snapshot, must=is_requested)
        # afterwards: which keys there are depends on what is shown
        self.show_status()
        self.paint_count += 1
        if self.paint_count == 1 and not self.is_headless:
            collect_little()

    def _draw(self, screen: MonitorScreen, snapshot: Snapshot, *, must: bool) -> None:
        drawn_on, drawn = self._drawn or (None, None)
        if must or drawn is None or drawn_on is not screen or not snapshot.looks_like(drawn):
            self._drawn = screen, snapshot
            screen.show(snapshot)

    def _note_snapshot(self, snapshot: Snapshot) -> None:
        if self._refresh_loop.outages:
            self.notify(_("The store is back"), markup=False)
        self._refresh_loop.note_return()
        self._outage = ""
        self._snapshot, self._read_at = snapshot, monotonic()
        if self._alarm.has_new(snapshot.newest_red):
            self.bell()
        self.sender.report_answers(snapshot.answers)

    def _note_outage(self, error: BaseException) -> None:
        is_first = not self._refresh_loop.outages
        self._refresh_loop.note_outage()
        seconds = round(self._refresh_loop.seconds_to_next or 0)
        self._outage = _(
            "The store cannot be read: {why}. What is shown is old; next try in {n} s"
        ).format(why=outage_reason(error), n=seconds)
        if is_first:
            self.notify(_("The store cannot be read"), severity="error", markup=False)
        self.show_status()

    def _show_age(self) -> None:
        """Show how old the data are, which every read shows by itself."""
        if monotonic() - self._read_at >= _FRESH:
            self.show_status()

    def show_status(self) -> None:
        if (screen := self._screen_below()) is None or not screen.ready:
            return
        snapshot, is_away = self._snapshot, bool(self._refresh_loop.outages)
        status = StatusLineData(
            district=snapshot.district if snapshot else "",
            crumbs=screen.crumbs(),
            filter=screen.filter_text(),
            filtered=self._filtered(screen),
            at=snapshot.at if snapshot else None,
            age=monotonic() - self._read_at if snapshot else 0.0,
            demo=self._demo,
            demo_over=has_ended(self.operator.now),
            paused=self._refresh_loop.paused,
            store=not is_away if snapshot or is_away else None,
            broker=snapshot.broker if snapshot else None,
            health=snapshot.health if snapshot else Health(),
            wall=snapshot.wall if snapshot else None,
            operator=self.operator.name,
            waiting=len(self.sender.waiting),
            selected=len(screen.selected),
            tells_alarms=self.operator.who.may(Permission.AUDIT),
        )
        screen.show_status(status, self._outage)

    def _filtered(self, screen: MonitorScreen) -> tuple[int, int] | None:
        count, snapshot = screen.filtered_count(), self._snapshot
        return (count, snapshot.counters.open) if count is not None and snapshot else None

    def _fatal_error(self) -> None:
        """End with a short traceback; Textual's own would show values that a citizen wrote."""
        if (error := sys.exc_info()[1]) is not None:
            self.panic(Text(describe_safely(error, _FRAMES)))
