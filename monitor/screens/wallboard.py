"""The wallboard: large figures and the cards of the day, with no keys."""

from collections.abc import Iterable, Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import LazyText, _, lazy, render
from models.queries.overview import Counters, UnitLoad
from models.rules.vocabulary import Level
from monitor.formatting import one_line
from monitor.labels import COUNT_STYLES
from monitor.screens.base import MonitorScreen
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.widgets.bars import OutageLine, StatusLine, backlog
from monitor.widgets.cards import card_heads, card_item, cards_title
from monitor.widgets.charts import large, shares
from monitor.widgets.day_curve import DayCurve
from monitor.widgets.item_list import ItemList, ListItem
from monitor.widgets.level_counts import level_cells, level_heads
from monitor.widgets.list_columns import Cell, Column
from monitor.widgets.panel import Panel
from monitor.widgets.steady_text import SteadyText

_FIGURES: tuple[tuple[str, LazyText, str], ...] = (
    ("red", lazy("red card"), "$card-red"),
    ("yellow", lazy("yellow card"), "$card-yellow"),
    ("prewarning", lazy("pre-warning"), "$card-prewarning"),
    ("due_today", lazy("due today"), "$accent"),
    ("open", lazy("open"), "$foreground"),
)
_SMALL_FIGURES: tuple[tuple[str, LazyText], ...] = (
    ("first_contact", lazy("to contact")),
    ("survey", lazy("survey due")),
    ("dissatisfied", lazy("dissatisfied")),
    ("returned", lazy("returned")),
    ("manual", lazy("manual queue")),
)


_CARDS = (Level.RED, Level.YELLOW)
_BAR_WIDTH = 24
_WITH_BARS = 52
"""Cells of a list from which on its bars are whole."""

_FIGURE_GAP = 4


class Figure(SteadyText):
    """A large number with its name below it."""

    def __init__(self, label: LazyText, colour: str) -> None:
        super().__init__(classes="figure")
        self._label, self._colour = label, colour

    def show(self, number: int, *, narrow: bool) -> None:
        """Show this number; a dot is one or two coloured blanks, alike in all terminals."""
        rows = large(str(number))
        if narrow:
            rows = [row[::2] for row in rows]
        colour = self._colour if number else "$quiet"
        lines = [Content.assemble(*_dots(row, f"on {colour}")) for row in rows]
        name = Content.styled(render(self._label), "bold")
        self.update(Content("\n").join([*lines, Content(""), name]))


def _dots(row: str, style: str) -> list[tuple[str, str]]:
    return [(" ", style if dot == "#" else "") for dot in row]


def _unit_heads() -> Sequence[Column]:
    return [Column(_("Unit"), 14), *level_heads(_CARDS), Column("", None, _WITH_BARS)]


def _unit_item(unit: UnitLoad, most: int, short_names: Mapping[str, str]) -> ListItem:
    counts = {Level.RED: unit.red, Level.YELLOW: unit.yellow}
    bar = shares([(n, COUNT_STYLES[level]) for level, n in counts.items()], most, _BAR_WIDTH)
    return ListItem(
        unit.unit,
        (
            Cell(one_line(short_names.get(unit.unit, unit.unit))),
            *level_cells(counts, _CARDS),
            Cell(parts=bar),
        ),
    )


class Figures(Horizontal):
    """The large numbers side by side, all in the widest dots for which there is room."""

    def __init__(self) -> None:
        super().__init__(*(Figure(label, style) for _n, label, style in _FIGURES), id="figures")
        self._numbers: list[int] = []
        """None before the first read."""

    def show(self, counters: Counters) -> None:
        """Show these numbers."""
        self._numbers = [getattr(counters, name) for name, *_rest in _FIGURES]
        self._draw()

    def on_resize(self) -> None:
        """Draw at the new width."""
        self._draw()

    def _draw(self) -> None:
        if not self._numbers:
            return
        widest = max(len(large(str(number))[0]) for number in self._numbers)
        narrow = widest + _FIGURE_GAP > self.size.width // len(_FIGURES)
        for figure, number in zip(self.query(Figure), self._numbers, strict=True):
            figure.show(number, narrow=narrow)


class WallboardScreen(MonitorScreen):
    """Readable from across the room: how many tickets are late, and whose."""

    NAME = "wallboard"
    AUTO_FOCUS = ""

    def compose(self) -> ComposeResult:
        """Yield no key line: nobody sits here."""
        yield StatusLine()
        yield OutageLine()
        yield from self.body()

    def body(self) -> Iterable[Widget]:
        """Yield the figures, and side by side the day, the cards by unit, and each card."""
        yield Figures()
        yield SteadyText(id="small")
        yield Container(
            Panel(lazy("Today by the hour"), DayCurve(), id="day"),
            Panel(lazy("Cards by unit"), ItemList(_unit_heads, id="units"), id="units-panel"),
            Panel(lazy("Standing cards"), ItemList(card_heads, id="cards"), id="cards-panel"),
            id="board",
        )
        yield SteadyText(id="health")

    def request(self) -> SnapshotRequest:
        """Ask for the curve of the day; counters, units and cards are always read."""
        return SnapshotRequest(curve=True)

    def show(self, snapshot: Snapshot) -> None:
        """Show the figures, the curve and the cards."""
        counters = snapshot.counters
        self.query_one(Figures).show(counters)
        small = [
            Content.assemble((f"{getattr(counters, name)} ", "bold"), (render(label), "$quiet"))
            for name, label in _SMALL_FIGURES
        ]
        self.query_one("#small", Static).update(Content("    ").join(small))
        self.query_one(DayCurve).show(snapshot.curve, snapshot.at)
        self.query_one("#cards-panel", Panel).show_title(*cards_title(counters))
        names = snapshot.short_names
        cards = [card_item(c, snapshot.at, snapshot.office, names) for c in snapshot.cards]
        empty = (_("No open ticket has a yellow or red card."),)
        self.query_one("#cards", ItemList).show(cards, empty)
        units = [unit for unit in snapshot.units if unit.yellow or unit.red]
        most = max((unit.yellow + unit.red for unit in units), default=0)
        items = [_unit_item(unit, most, snapshot.short_names) for unit in units]
        self.query_one("#units", ItemList).show(items, empty)
        self.query_one("#health", Static).update(backlog(snapshot.health))
