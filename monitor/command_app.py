"""The methods that keys and the command palette call (see monitor/commands.py)."""

from collections.abc import Callable, Iterable
from functools import partial
from threading import Event
from typing import ClassVar

from textual.app import SystemCommand
from textual.command import CommandPalette, DiscoveryHit, Hits, Provider
from textual.screen import ModalScreen, Screen
from textual.system_commands import SystemCommandsProvider

from models.i18n import _, render
from models.queries.failures import Failure
from monitor.call_runner import CallRunner
from monitor.card_alarm import CardAlarm
from monitor.commands import palette
from monitor.navigation import NavigationApp
from monitor.operator.claiming import switch_claim
from monitor.operator.failure_mending import FailureMender
from monitor.operator.finding import go_to
from monitor.operator.handover import ShiftHandover
from monitor.operator.list_menu import ListMenu, copy_number
from monitor.operator.offering import ActionMenu
from monitor.operator.operator import Operator
from monitor.preferences import Preferences
from monitor.refresh_loop import RefreshLoop
from monitor.screens.base import MonitorScreen
from monitor.screens.callbacks import CallbacksScreen
from monitor.screens.dialogs import LeaveDialog
from monitor.screens.help import HelpScreen
from monitor.snapshot import Snapshot
from monitor.theme import DARK, LIGHT


class OrderedCommands(SystemCommandsProvider):
    """Offers the commands in their own order, which Textual would sort by their names."""

    async def discover(self) -> Hits:
        """Yield every command that can be used now."""
        for name, _help, run, _is_listed in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(name, run)


class CommandApp(NavigationApp):
    """An app that carries out commands; what they work with is set by its subclass."""

    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {OrderedCommands}

    actions: ActionMenu
    ends_with_it: bool
    operator: Operator
    _alarm: CardAlarm
    _calls: CallRunner
    _handover: ShiftHandover
    _mender: FailureMender
    _preferences: Preferences
    _refresh_loop: RefreshLoop
    _snapshot: Snapshot | None
    _list_menu: ListMenu
    _stop: Event | None

    def _show_status(self) -> None:
        raise NotImplementedError

    def action_act_on_ticket(self) -> None:
        """Offer what can be done with the ticket under the cursor."""
        screen = self._open_screen()
        if screen and (number := screen.ticket_under_cursor()):
            self.operator.start(self.actions.offer(number))

    def action_go_to(self) -> None:
        """Ask where to go: a ticket, a unit's list, a saved view or a screen."""
        if not self._wallboard:
            self.operator.start(go_to(self.operator, self))

    def action_list_menu(self) -> None:
        """Offer what can be done with the list of tickets, which is shown for it."""
        if not self._wallboard:
            screen = self.show_tickets()
            self.operator.start(self._list_menu.offer(screen, self._snapshot))

    def action_open_view(self) -> None:
        """Offer the saved views of the list of tickets."""
        if not self._wallboard:
            self.operator.start(self._list_menu.open_view())

    def action_copy_number(self) -> None:
        """Copy the number of the ticket under the cursor."""
        screen = self._open_screen()
        if screen and (number := screen.ticket_under_cursor()):
            copy_number(self.operator, number)

    def action_call(self) -> None:
        """Call the claimant under the cursor, then those below."""
        if isinstance(screen := self._open_screen(), CallbacksScreen):
            kind, numbers = screen.calls_from_cursor()
            self.operator.start(self._calls.call(numbers, kind))

    def action_claim(self) -> None:
        """Claim the ticket under the cursor, or let go of it where it is claimed by oneself."""
        screen, snapshot = self._open_screen(), self._snapshot
        if screen and snapshot and (number := screen.ticket_under_cursor()):
            held = snapshot.claims.get(number)
            self.operator.start(switch_claim(self.operator, number, held))

    def action_hand_over(self) -> None:
        """Show the notes of the shifts, and write one for the next; the wallboard has none."""
        if not self._wallboard and not isinstance(self.screen, ModalScreen):
            self.operator.start(self._handover.open())

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

    def action_use_bell(self, is_on: bool) -> None:
        """Ring for new red cards, or no longer."""
        self._alarm.enabled = is_on
        self.notify(_("Bell on") if is_on else _("Bell off"), markup=False)

    def action_command_palette(self) -> None:
        """Open the command palette."""
        if not any(isinstance(s, CommandPalette) for s in self.screen_stack):
            self.push_screen(
                CommandPalette(placeholder=_("Find a command"), id="--command-palette")
            )

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield what the command palette offers, the present choices marked."""
        every = self._refresh_loop.every
        chosen = {
            f"use_theme('{self.theme}')",
            f"refresh_every({every})",
            f"use_bell({self._alarm.enabled})",
        }
        on_ticket = isinstance(screen, MonitorScreen) and bool(screen.ticket_under_cursor())
        for name, action in palette(on_ticket=on_ticket, on_wallboard=self._wallboard):
            title = render(name)
            if action in chosen:
                title += " " + _("(chosen)")
            yield SystemCommand(title, "", partial(self.run_action, action))

    def resolve_failure(self, failure: Failure) -> None:
        """Have a refused message edited and sent again, or a failed notice sent again."""
        self.operator.start(self._mender.mend(failure))
