"""The wallboard: large figures and the cards of the day, with no keys."""

from collections.abc import Iterable, Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import LazyText, _, lazy, render
from models.queries.overview import UnitLoad
from models.rules.vocabulary import Level
from monitor.formatting import one_line, pad_left
from monitor.labels import BADGES, word
from monitor.screens.base import MonitorScreen
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.widgets.bars import OutageLine, StatusLine, backlog
from monitor.widgets.cards import card_heads, card_item, cards_title
from monitor.widgets.charts import large, shares
from monitor.widgets.day_curve import DayCurve
from monitor.widgets.item_list import ItemList, ListItem
from monitor.widgets.panel import Panel
from monitor.widgets.steady_text import SteadyText
from monitor.widgets.virtual_list import Cell, Column

_FIGURES: tuple[tuple[str, LazyText, str], ...] = (
    ("red", lazy("red card"), "$card-red"),
    ("yellow", lazy("yellow card"), "$card-yellow"),
    ("prewarning", lazy("pre-warning"), "$card-prewarning"),
    ("due_today", lazy("due today"), "$accent"),
    ("open", lazy("open"), "$foreground"),
)
_SMALL_FIGURES: tuple[tuple[str, LazyText], ...] = (
    ("first_contact", lazy("to be contacted")),
    ("survey", lazy("survey due")),
    ("dissatisfied", lazy("dissatisfied")),
    ("returned", lazy("returned")),
    ("manual", lazy("manual queue")),
)


_BAR_WIDTH = 16


class Figure(SteadyText):
    """A large number with its name below it."""

    def __init__(self, label: LazyText, colour: str) -> None:
        super().__init__(classes="figure")
        self._label, self._colour, self._number = label, colour, 0

    def show(self, number: int) -> None:
        """Show this number."""
        self._number = number
        self._draw()

    def on_resize(self) -> None:
        """Draw at the new width."""
        self._draw()

    def _draw(self) -> None:
        """Draw dots as wide as there is room; a dot is a coloured blank, alike in all terminals."""
        rows = large(str(self._number))
        if len(rows[0]) > self.size.width:
            rows = [row[::2] for row in rows]
        colour = self._colour if self._number else "$quiet"
        lines = [Content.assemble(*_dots(row, f"on {colour}")) for row in rows]
        name = Content.styled(render(self._label), "bold")
        self.update(Content("\n").join([*lines, Content(""), name]))


def _dots(row: str, style: str) -> list[tuple[str, str]]:
    return [(" ", style if dot == "#" else "") for dot in row]


def _unit_heads() -> Sequence[Column]:
    badges = (pad_left(word(BADGES, level), 4) for level in (Level.RED, Level.YELLOW))
    return [Column(_("Unit"), 14), *(Column(badge, 5) for badge in badges), Column("", None)]


def _unit_item(unit: UnitLoad, most: int, short_names: Mapping[str, str]) -> ListItem:
    counts = [(Level.RED, unit.red), (Level.YELLOW, unit.yellow)]
    return ListItem(
        unit.unit,
        (
            Cell(one_line(short_names.get(unit.unit, unit.unit))),
            *(Cell(pad_left(f"{n} " if n else "", 5), level if n else "") for level, n in counts),
            Cell(parts=shares([(n, str(level)) for level, n in counts], most, _BAR_WIDTH)),
        ),
    )


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
        yield Horizontal(*(Figure(label, style) for _n, label, style in _FIGURES), id="figures")
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
        for figure, (name, *_rest) in zip(self.query(Figure), _FIGURES, strict=True):
            figure.show(getattr(counters, name))
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
