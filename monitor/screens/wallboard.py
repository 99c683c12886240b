"""The screen on the wall: large figures, the cards of the day, no keys needed."""

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import LazyText, _, lazy, render
from monitor.screens.base import MonitorScreen
from monitor.screens.overview import DayCurve, card_heads, card_line
from monitor.screens.queues import left_lying
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.widgets.bars import StatusLine, Trouble
from monitor.widgets.charts import large
from monitor.widgets.listed import Listed

_FIGURES: tuple[tuple[str, LazyText, str], ...] = (
    ("red", lazy("red card"), "$card-red"),
    ("yellow", lazy("yellow card"), "$card-yellow"),
    ("prewarning", lazy("pre-warning"), "$card-prewarning"),
    ("due_today", lazy("due today"), "$accent"),
    ("open", lazy("open"), "$foreground"),
)
_SMALL: tuple[tuple[str, LazyText], ...] = (
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

    def tell(self, number: int) -> None:
        """Show this number."""
        self._number = number
        self.draw()

    def on_resize(self) -> None:
        """There is more room, or less."""
        self.draw()

    def draw(self) -> None:
        """Draw dots as wide as there is room; a dot is a coloured blank, alike in all terminals."""
        rows = large(str(self._number))
        if len(rows[0]) > self.size.width:
            rows = [row[::2] for row in rows]
        colour = self._colour if self._number else "$quiet"
        drawn = [Content.assemble(*_dots(row, f"on {colour}")) for row in rows]
        name = Content.styled(render(self._label), "bold")
        self.update(Content("\n").join([*drawn, Content(""), name]))


def _dots(row: str, style: str) -> list[tuple[str, str]]:
    return [(" ", style if dot == "#" else "") for dot in row]


class WallboardScreen(MonitorScreen):
    """Seen from across the room: how many are late, and whose."""

    NAME = "board"
    TITLE_LABEL = lazy("Wallboard")
    AUTO_FOCUS = ""

    def compose(self) -> ComposeResult:
        """No line of keys: nobody sits here."""
        yield StatusLine()
        yield Trouble()
        yield from self.body()

    def body(self) -> Iterable[Widget]:
        """Figures, smaller ones, the day, the cards."""
        yield Horizontal(*(Figure(label, style) for _n, label, style in _FIGURES), id="figures")
        yield Static(id="small", markup=False)
        yield DayCurve()
        yield Listed(card_heads, id="cards")
        yield Static(id="health", markup=False)

    def request(self) -> SnapshotRequest:
        """Cards and the day."""
        return SnapshotRequest(cards=True, curve=True)

    def show(self, snapshot: Snapshot) -> None:
        """Everything anew."""
        counters = snapshot.counters
        for figure, (name, *_rest) in zip(self.query(Figure), _FIGURES, strict=True):
            figure.tell(getattr(counters, name))
        small = [
            Content.assemble((f"{getattr(counters, name)} ", "bold"), (render(label), "$quiet"))
            for name, label in _SMALL
        ]
        self.query_one("#small", Static).update(Content("    ").join(small))
        self.query_one(DayCurve).tell(snapshot.curve, snapshot.at)
        cards = [card_line(card, snapshot.at, snapshot.short) for card in snapshot.cards]
        empty = (_("No yellow or red card in the last 7 days."),)
        self.query_one("#cards", Listed).show(cards, empty)
        self.query_one("#health", Static).update(left_lying(snapshot))
