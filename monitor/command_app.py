"""The methods that keys and the command palette call (see monitor/commands.py)."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from threading import Event
from typing import ClassVar

from textual.app import SystemCommand
from textual.command import CommandPalette, DiscoveryHit, Hits, Provider
from textual.screen import ModalScreen, Screen
from textual.system_commands import SystemCommandsProvider
from textual.widgets import Input

from models.i18n import _, render
from models.queries.failures import Failure
from models.queries.selected_tickets import MOST_SELECTED, numbers_in_filter
from models.queries.similar import similar_to
from monitor.call_runner import CallRunner
from monitor.card_alarm import CardAlarm
from monitor.commands import palette
from monitor.filters import filter_of_numbers
from monitor.formatting import one_line
from monitor.navigation import NavigationApp
from monitor.operator.batches import BatchMenu
from monitor.operator.claiming import switch_claim
from monitor.operator.failure_mending import FailureMender
from monitor.operator.finding import go_to
from monitor.operator.handover import ShiftHandover
from monitor.operator.list_menu import ListMenu, copy_number
from monitor.operator.offering import ActionMenu
from monitor.operator.operator import Choice, Operator
from monitor.preferences import Preferences
from monitor.quick_actions import QUICK_ACTIONS
from monitor.refresh_loop import RefreshLoop
from monitor.screens.base import MonitorScreen
from monitor.screens.callbacks import CallbacksScreen
from monitor.screens.dialogs import LeaveDialog
from monitor.screens.help import HelpScreen
from monitor.screens.kinds import KindsScreen
from monitor.screens.tickets import TicketsScreen
from monitor.snapshot import Snapshot
from monitor.theme import DARK, LIGHT
from monitor.widgets.selectable_list import SelectableList


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
    _batches: BatchMenu
    _calls: CallRunner
    _handover: ShiftHandover
    _mender: FailureMender
    _preferences: Preferences
    _refresh_loop: RefreshLoop
    _snapshot: Snapshot | None
    _list_menu: ListMenu
    _stop: Event | None

    def action_act_on_ticket(self) -> None:
        """Offer what can be done with the selected tickets, or the one under the cursor."""
        if (screen := self._open_screen()) is None:
            return
        if (selection := screen.selectable) is not None and selection.selected:
            self.operator.start(self._batches.offer(selection, self._selecting(screen)))
        elif number := self._ticket(screen):
            self.operator.start(self.actions.offer(number, self._selecting(screen)))

    def action_act(self, key: str) -> None:
        """Ask at once for what the frequent action of this key needs."""
        quick = next(quick for quick in QUICK_ACTIONS if quick.key == key)
        if (screen := self._open_screen()) is None:
            return
        if (selection := screen.selectable) is not None and selection.selected:
            self.operator.start(self._batches.act(selection, quick))
        elif number := self._ticket(screen):
            self.operator.start(self.actions.act(number, quick))

    def _ticket(self, screen: MonitorScreen) -> str | None:
        """Return the ticket under the cursor; where the list is being read, say so."""
        if screen.is_behind:
            text = _("The list is not yet the one that you asked for: press the key again")
            self.notify(text, severity="warning", markup=False)
        return screen.ticket_under_cursor()

    def action_batch_results(self) -> None:
        """Show what became of the last action with many tickets."""
        if not isinstance(self.screen, ModalScreen):
            self.operator.start(self._show_batch_results())

    async def _show_batch_results(self) -> None:
        if (number := await self._batches.show_results()) is not None:
            self.open_detail(number)

    def _selecting(self, screen: MonitorScreen) -> list[Choice]:
        """Return what a menu offers to select: keyboards without Insert have no other way."""
        if (tickets := screen.selectable) is None:
            return []
        choices: list[Choice] = []
        if tickets.selected:
            choices.append((_("Select none") + "  Esc", partial(_clear, tickets)))
        else:
            choices.append((_("Select this ticket") + "  Insert", partial(_select_one, tickets)))
        choices.append((_("Select all tickets of the list") + "  Ctrl+A", self._select_all))
        choices.append((_("Select similar tickets"), self._select_similar))
        return choices

    def action_select_all(self) -> None:
        """Select all tickets of the list, those of a filter by asking the database."""
        self.operator.start(self._select_all())

    def action_select_similar(self) -> None:
        """List the tickets that are similar to the one under the cursor, and select them."""
        self.operator.start(self._select_similar())

    async def _select_all(self) -> None:
        screen, snapshot = self._open_screen(), self._snapshot
        if isinstance(screen, KindsScreen):
            screen.items.select_all()
        elif isinstance(screen, TicketsScreen) and snapshot is not None:
            who = self.operator.who.name
            mine = tuple(n for n, claim in snapshot.claims.items() if claim.who == who)
            wanted = screen.filter.at(snapshot.at, snapshot.office, mine)
            order = screen.order
            screen.is_selecting = True
            try:
                numbers = await self.operator.read(
                    lambda session: numbers_in_filter(session, wanted, order, MOST_SELECTED + 1)
                )
            finally:
                screen.is_selecting = False
            screen.tickets.select(numbers[:MOST_SELECTED])
            if len(numbers) > MOST_SELECTED:
                text = _("At most {n} tickets can be selected at once: these are the first ones")
                self.notify(text.format(n=MOST_SELECTED), severity="warning", markup=False)

    async def _select_similar(self) -> None:
        if (screen := self._open_screen()) is None or not (number := screen.ticket_under_cursor()):
            return
        numbers = await self.operator.read(lambda session: similar_to(session, number))
        if len(numbers) == 1:
            text = _("No open ticket is similar to {ticket}").format(ticket=one_line(number))
            self.notify(text, markup=False)
            return
        self.open_tickets(filter_of_numbers(numbers))
        self.call_later(self._select_in_list, numbers)

    def _select_in_list(self, numbers: Sequence[str]) -> None:
        if isinstance(screen := self._open_screen(), TicketsScreen):
            screen.tickets.select(numbers)

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
        if screen and (number := self._ticket(screen)):
            copy_number(self.operator, number)

    def action_call(self) -> None:
        """Call the claimant under the cursor, then those below."""
        if isinstance(screen := self._open_screen(), CallbacksScreen):
            kind, numbers = screen.calls_from_cursor()
            self.operator.start(self._calls.call(numbers, kind))

    def action_claim(self) -> None:
        """Claim the ticket under the cursor, or let go of it where it is claimed by oneself."""
        screen, snapshot = self._open_screen(), self._snapshot
        if screen and snapshot and (number := self._ticket(screen)):
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

    def action_wide_space(self) -> None:
        """Put the space of a Chinese input method into a line of text; elsewhere it is a space."""
        if isinstance(line := self.focused, Input):
            # Textual takes it for a character that cannot be printed
            line.insert_text_at_cursor("\u3000")
        elif self._open_screen() is not None:
            self.action_pause()

    def action_pause(self) -> None:
        """Stop reading, or go on."""
        self._refresh_loop.paused = not self._refresh_loop.paused
        self.show_status()
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


async def _clear(tickets: SelectableList) -> None:
    tickets.clear_selection()


async def _select_one(tickets: SelectableList) -> None:
    tickets.action_switch_selected()
