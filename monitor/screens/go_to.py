"""The line that leads anywhere: it suggests tickets, units, views and screens while one types."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from models.i18n import LazyText, _, lazy, render
from models.queries.find_tickets import FoundTicket
from models.store_errors import outage_reason
from monitor.background import OUTAGES
from monitor.places import SCREEN, TICKET, UNIT, VIEW, Place, Places
from monitor.screens.dialogs import Dialog
from monitor.widgets.item_list import ItemList, ListItem
from monitor.widgets.list_columns import Cell, Column
from monitor.widgets.virtual_list import VirtualList

_TYPING_PAUSE = 0.15
"""Real seconds without a key after which tickets are looked for."""

_KINDS: dict[str, LazyText] = {
    TICKET: lazy("ticket"),
    UNIT: lazy("unit"),
    VIEW: lazy("view"),
    SCREEN: lazy("screen"),
}
_NAME_CELLS = 30

FindTickets = Callable[[str], Awaitable[Sequence[FoundTicket]]]
"""Looks for tickets by a number or a part of one."""


class Suggestions(ItemList):
    """The places that a text may mean; the keys of the line move the cursor."""

    can_focus = False

    def __init__(self) -> None:
        super().__init__(
            lambda: [Column("", 6), Column("", _NAME_CELLS), Column("", None)], id="choices"
        )
        self.styles.height = 12

    @property
    def shows_cursor(self) -> bool:
        """Return that the cursor is drawn."""
        return True


class GoToDialog(Dialog[Place]):
    """A line and what it may mean; without a text, what was opened last."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("up", "move(-1)"),
        ("down", "move(1)"),
        ("pageup", "move(-8)"),
        ("pagedown", "move(8)"),
    ]

    def __init__(self, places: Places, recent: Sequence[str], find: FindTickets) -> None:
        super().__init__(_("Go to"))
        self._places, self._recent, self._find = places, recent, find
        self._shown: Sequence[Place] = ()
        self._tickets: Sequence[FoundTicket] = ()
        self._looked_for = ""
        self._search: Timer | None = None

    def body(self) -> Iterable[Widget]:
        """Yield the line, the suggestions, and what the keys do."""
        yield Input(placeholder=_("number or its end, unit, view, screen"))
        yield Suggestions()
        yield Static(id="error", markup=False)
        text = _("Up and Down choose, Enter opens, Esc leaves")
        yield Static(text, markup=False, classes="quiet")

    def on_mount(self) -> None:
        """Show what was opened last."""
        self.query_one(Input).focus()
        self._show(self._places.recent(self._recent))

    @property
    def _list(self) -> Suggestions:
        return self.query_one(Suggestions)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Suggest at once what is known, and look for tickets after a pause."""
        self._stop_search()
        self._tickets = ()
        self._suggest()
        self._list.put_cursor(0)
        text = event.value
        self._search = self.set_timer(_TYPING_PAUSE, lambda: self._look_for(text))

    def _stop_search(self) -> None:
        if self._search is not None:
            self._search.stop()

    def _look_for(self, text: str) -> None:
        self.run_worker(self._find_tickets(text), group="find", exclusive=True)

    async def _find_tickets(self, text: str) -> None:
        error = self.query_one("#error", Static)
        try:
            self._tickets = await self._find(text)
        except OUTAGES as outage:
            why = _("Tickets cannot be looked for: {why}").format(why=outage_reason(outage))
            error.update(Content(why))
            return
        error.update("")
        self._looked_for = text
        self._suggest()

    def _suggest(self) -> None:
        text = self.query_one(Input).value
        if text.strip():
            self._show(self._places.suggest(text, self._tickets))
        else:
            self._show(self._places.recent(self._recent))

    def _show(self, places: Sequence[Place]) -> None:
        self._shown = places
        items = [
            ListItem(
                place.entry,
                (
                    Cell(render(_KINDS[place.kind]), "quiet"),
                    Cell(place.name),
                    Cell(place.about, "quiet"),
                ),
            )
            for place in places
        ]
        self._list.show(items, (_("Nothing of this name"),))

    def action_move(self, by: int) -> None:
        """Choose another suggestion."""
        self._list.action_cursor(by)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Open what is chosen, once tickets have been looked for."""
        # a search that began after this would end the opening
        self._stop_search()
        self.run_worker(self._open(event.value), group="find", exclusive=True)

    async def _open(self, text: str) -> None:
        if self._looked_for != text:
            await self._find_tickets(text)
        if self._shown:
            self.dismiss(self._shown[self._list.cursor])

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Open what was clicked."""
        self.dismiss(next(place for place in self._shown if place.entry == event.key))
