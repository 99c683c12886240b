"""The wallboard: large figures and the cards of the day, with no keys."""

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import LazyText, _, lazy, render
from monitor.screens.base import MonitorScreen
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.widgets.bars import OutageLine, StatusLine, backlog
from monitor.widgets.cards import card_heads, card_item
from monitor.widgets.charts import large
from monitor.widgets.day_curve import DayCurve
from monitor.widgets.item_list import ItemList

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


class Figure(Static):
    """A large number with its name below it."""

    def __init__(self, label: LazyText, colour: str) -> None:
        super().__init__(markup=False, classes="figure")
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
        """Yield the figures, the curve of the day, and the cards."""
        yield Horizontal(*(Figure(label, style) for _n, label, style in _FIGURES), id="figures")
        yield Static(id="small", markup=False)
        yield DayCurve()
        yield ItemList(card_heads, id="cards")
        yield Static(id="health", markup=False)

    def request(self) -> SnapshotRequest:
        """Ask for the cards and the curve of the day."""
        return SnapshotRequest(cards=True, curve=True)

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
        cards = [card_item(card, snapshot.at, snapshot.short_names) for card in snapshot.cards]
        empty = (_("No yellow or red card in the last 7 days."),)
        self.query_one("#cards", ItemList).show(cards, empty)
        self.query_one("#health", Static).update(backlog(snapshot.health))
