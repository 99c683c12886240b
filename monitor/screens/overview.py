"""总览: how many tickets wait for what, the load of each unit, and the latest cards."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import N_, LazyText, _, counted, lazy, render
from models.queries.event_counts import DAYS
from models.queries.overview import Counters, UnitLoad
from models.rules.vocabulary import ClockName, Level, Status, label
from monitor.commands import bindings
from monitor.formatting import one_line, pad_left
from monitor.labels import BADGES, word
from monitor.screens.base import MonitorScreen
from monitor.shift_view import handover_line
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.widgets.bars import backlog
from monitor.widgets.cards import card_heads, card_item, cards_title
from monitor.widgets.coming_days import day_heads, day_items
from monitor.widgets.coming_levels import next_cards
from monitor.widgets.day_curve import DayCurve
from monitor.widgets.day_history import DayHistory
from monitor.widgets.item_list import ItemList, ListItem
from monitor.widgets.level_counts import count_cell, level_cells, level_heads
from monitor.widgets.list_columns import Cell, Column
from monitor.widgets.panel import Panel
from monitor.widgets.steady_text import SteadyText
from monitor.widgets.virtual_list import VirtualList

_TILES: tuple[tuple[str, LazyText, str, str], ...] = (
    ("open", lazy("open"), "", "bold"),
    ("prewarning", lazy("pre-warning"), "level:prewarning", "bold $primary"),
    ("yellow", lazy("yellow card"), "level:yellow", "bold $warning"),
    ("red", lazy("red card"), "level:red", "bold $error"),
    ("due_today", lazy("due today"), "left:today", "bold"),
    ("first_contact", lazy("to contact"), "", "bold"),
    ("survey", lazy("survey due"), "", "bold"),
    ("dissatisfied", lazy("dissatisfied"), "", "bold"),
    ("returned", lazy("returned"), "status:returned", "bold"),
    ("manual", lazy("manual queue"), "status:manual", "bold"),
)
"""Each counter: its field, its name, the filter that lists what it counts, and its style."""

_TILE_EDGES = 3
"""Cells around a counter's name: its padding, and the gap to the next one."""

_CALLS: dict[str, str] = {
    "first_contact": ClockName.FIRST_CONTACT,
    "survey": ClockName.SURVEY,
    "dissatisfied": "dissatisfied",
}
"""Counters whose list is one of the calls."""


class Tile(SteadyText, can_focus=True):
    """A counter; Enter or a click opens the list of what it counts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("enter", "choose"),
        ("left", "app.focus_previous"),
        ("right", "app.focus_next"),
    ]

    class Chosen(Message):
        """The list behind the counter is to be opened."""

        def __init__(self, counter: str) -> None:
            super().__init__()
            self.counter = counter

    def __init__(self, counter: str, name: LazyText, style: str) -> None:
        super().__init__(id=f"tile-{counter}")
        self._counter, self._title, self._style = counter, name, style
        self._count: int | None = None

    def show(self, count: int) -> None:
        """Show this number."""
        if count != self._count:
            self._count = count
            style = self._style if count else "$quiet"
            if count and self._counter == Level.RED and self.app.no_color:
                # greys are many: of the counters it has the most contrast
                style = "bold reverse"
            name = render(self._title)
            # the days to come count terms, of which a ticket may have several
            text = str(count)
            if self._counter == "due_today":
                text = counted(count, N_("{n} ticket"), N_("{n} tickets"))
            self.update(Content.assemble((text, style), "\n", (name, "$quiet")))

    def action_choose(self) -> None:
        """Open the list."""
        self.post_message(self.Chosen(self._counter))

    def on_click(self, _event: events.Click) -> None:
        """Open the list."""
        self.action_choose()


class CountersRow(Container):
    """All counters."""

    def compose(self) -> Iterable[Widget]:
        """Yield a tile for each."""
        for counter, name, _filter, style in _TILES:
            yield Tile(counter, name, style)

    def on_resize(self) -> None:
        """Use one row where every name has room for itself, else two."""
        longest = max(cell_len(render(name)) for _counter, name, _filter, _style in _TILES)
        each = longest + _TILE_EDGES
        columns = len(_TILES) if self.size.width >= len(_TILES) * each else len(_TILES) // 2
        self.styles.grid_size_columns = columns

    def show(self, counters: Counters) -> None:
        """Show these numbers."""
        for tile, (counter, *_rest) in zip(self.query(Tile), _TILES, strict=True):
            tile.show(getattr(counters, counter))


def _unit_heads() -> Sequence[Column]:
    return [
        Column(_("Unit"), None),
        Column(pad_left(_("open"), 5), 6),
        *level_heads(),
        Column(pad_left(_("today"), 5), 6, 46),
    ]


def _unit_item(load: UnitLoad) -> ListItem:
    counts = {level: getattr(load, level) for level in Level}
    return ListItem(
        load.unit,
        (
            Cell(one_line(load.unit)),
            count_cell(load.open, 5),
            *level_cells(counts),
            count_cell(load.due_today, 5),
        ),
    )


class OverviewScreen(MonitorScreen):
    """Answers at one glance: is anybody late, is anything stuck, what comes next."""

    NAME = "overview"
    BINDINGS: ClassVar[list[BindingType]] = bindings("overview")

    def body(self) -> Iterable[Widget]:
        """Yield counters, the day and the days to come above, units and cards below."""
        yield CountersRow()
        days = ItemList(day_heads, id="days")
        days.can_focus = False
        yield Container(
            Panel(lazy("Today by the hour"), DayCurve(), id="day"),
            Panel(lazy("Terms due by day"), days, id="ahead"),
            Panel(lazy("The last {n} days", n=DAYS), DayHistory(), id="past"),
            id="above",
        )
        yield Container(
            Panel(lazy("Units in charge"), ItemList(_unit_heads, id="units"), id="units-panel"),
            Panel(lazy("Standing cards"), ItemList(card_heads, id="cards"), id="cards-panel"),
            id="halves",
        )
        yield SteadyText(id="handover")
        yield SteadyText(id="health")

    def on_mount(self) -> None:
        """Focus the units."""
        self.query_one("#units").focus()

    def request(self) -> SnapshotRequest:
        """Ask for the days, this one, those past and to come; the rest is always read."""
        return SnapshotRequest(curve=True, days=True, history=True, handover=True)

    def show(self, snapshot: Snapshot) -> None:
        """Show counters, days, units, cards, and the backlog of messages and notices."""
        now = snapshot.at
        self.query_one(CountersRow).show(snapshot.counters)
        self.query_one(DayCurve).show(snapshot.curve, now)
        self.query_one(DayHistory).show(snapshot.history, now)
        self.query_one("#days", ItemList).show(day_items(snapshot.days))
        self.query_one("#ahead", Panel).show_title(next_cards(snapshot.days, now))
        self.query_one("#units-panel", Panel).show_title(str(len(snapshot.units)))
        self.query_one("#cards-panel", Panel).show_title(*cards_title(snapshot.counters))
        self.query_one("#units", ItemList).show(
            [_unit_item(load) for load in snapshot.units],
            (
                _("No unit has an open ticket."),
                _("Letters come in by `hotline feed`; F1 tells more."),
            ),
        )
        self.query_one("#cards", ItemList).show(
            [card_item(c, now, snapshot.office, snapshot.short_names) for c in snapshot.cards],
            (_("No open ticket has a yellow or red card."),),
        )
        line = self.query_one("#handover", Static)
        line.set_class(snapshot.handover is not None, "-on")
        if snapshot.handover is not None:
            line.update(handover_line(snapshot.handover, now, self.size.width - 2))
        self.query_one("#health", Static).update(backlog(snapshot.health))

    def on_tile_chosen(self, event: Tile.Chosen) -> None:
        """Open the list of what a counter counts."""
        if event.counter in _CALLS:
            self.host.open_calls(_CALLS[event.counter])
            return
        filters = {counter: text for counter, _name, text, _style in _TILES}
        self.host.open_tickets(_translated_filter(filters[event.counter]))

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Open a unit's list, or a card's ticket."""
        if event.source.id == "units":
            self.host.open_tickets(f"{_('unit')}:{event.key}")
        else:
            self.host.open_detail(event.key)


def _translated_filter(text: str) -> str:
    """Write a filter of `_TILES` in the operator's language."""
    if ":" not in text:
        return ""
    name, code = text.split(":")
    if name == "left":
        return f"{_(name)}:{_(code)}"
    return f"{_(name)}:{word(BADGES, code) if name == 'level' else label(Status, code)}"
