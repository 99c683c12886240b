"""总览: how many tickets wait for what, whose they are, and the last cards."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import LazyText, _, lazy, render
from models.queries.overview import HOURS, Card, Counters, HourlyCounts, UnitLoad
from models.rules.calendar import SHANGHAI
from models.rules.vocabulary import ClockName
from monitor.formatting import clock_time, fit, one_line, pad_left
from monitor.keys import bindings
from monitor.labels import BADGES, LEVELS, STATUSES, word
from monitor.screens.base import MonitorScreen
from monitor.screens.queues import left_lying
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.widgets.charts import chart
from monitor.widgets.lines import Cell, Column, Lines
from monitor.widgets.listed import Line, Listed

_TILES: tuple[tuple[str, LazyText, str, str], ...] = (
    ("open", lazy("open"), "", "bold"),
    ("prewarning", lazy("pre-warning"), "level:prewarning", "bold $primary"),
    ("yellow", lazy("yellow card"), "level:yellow", "bold $warning"),
    ("red", lazy("red card"), "level:red", "bold $error"),
    ("due_today", lazy("due today"), "left:today", "bold"),
    ("first_contact", lazy("to be contacted"), "", "bold"),
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


class Tile(Static, can_focus=True):
    """A counter; Enter or a click opens the list of what it counts, where there is one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("enter", "choose"),
        ("left", "app.focus_previous"),
        ("right", "app.focus_next"),
    ]

    class Chosen(Message):
        """The list behind the counter is wanted."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.counter = name

    def __init__(self, name: str, label: LazyText, style: str) -> None:
        super().__init__(markup=False, id=f"tile-{name}")
        self._counter, self._label, self._style = name, label, style
        self._count: int | None = None

    def tell(self, count: int) -> None:
        """Show this number."""
        if count != self._count:
            self._count = count
            style = self._style if count else "$quiet"
            self.update(
                Content.assemble((str(count), style), "\n", (render(self._label), "$quiet"))
            )

    def action_choose(self) -> None:
        """Open the list."""
        self.post_message(self.Chosen(self._counter))

    def on_click(self, _event: events.Click) -> None:
        """Open the list."""
        self.action_choose()


class CountersRow(Container):
    """All counters."""

    def compose(self) -> Iterable[Widget]:
        """A tile for each."""
        for name, label, _filter, style in _TILES:
            yield Tile(name, label, style)

    def on_resize(self) -> None:
        """One row where every name has room for itself, else two."""
        longest = max(cell_len(render(label)) for _name, label, _filter, _style in _TILES)
        each = longest + _TILE_EDGES
        columns = len(_TILES) if self.size.width >= len(_TILES) * each else len(_TILES) // 2
        self.styles.grid_size_columns = columns

    def tell(self, counters: Counters) -> None:
        """Show these numbers."""
        for tile, (name, *_rest) in zip(self.query(Tile), _TILES, strict=True):
            tile.tell(getattr(counters, name))


def _unit_heads() -> Sequence[Column]:
    badges = (pad_left(word(BADGES, level), 4) for level in LEVELS)
    return [
        Column(_("Unit"), None),
        Column(pad_left(_("open"), 5), 6),
        *(Column(badge, 5) for badge in badges),
        Column(pad_left(_("today"), 4), 5, 46),
    ]


def _unit_line(load: UnitLoad) -> Line:
    counts = [(level, getattr(load, level)) for level in LEVELS]
    cells = (Cell(pad_left(f"{n} ", 5), level if n else "quiet") for level, n in counts)
    today = Cell(pad_left(str(load.due_today), 4), "near" if load.due_today else "quiet")
    unit = Cell(one_line(load.unit))
    return Line(load.unit, (unit, Cell(pad_left(str(load.open), 5)), *cells, today))


def card_heads() -> Sequence[Column]:
    """The columns of a list of cards."""
    heads = ((_("Since"), 11), (_("Unit"), 12), (_("Title"), None))
    return [Column("", 3), *(Column(head, cells) for head, cells in heads)]


def card_line(card: Card, now: datetime, short: dict[str, str]) -> Line:
    """A card as a line of such a list."""
    unit = short.get(card.unit or "", card.unit or "")
    return Line(
        card.ticket,
        (
            Cell(word(BADGES, card.level), card.level),
            Cell(clock_time(card.at, now), "quiet"),
            Cell(one_line(unit)),
            Cell(one_line(card.title)),
        ),
    )


class DayCurve(Static):
    """How the day goes: what came in and what was completed, hour by hour."""

    def __init__(self) -> None:
        super().__init__(id="curve", markup=False)
        self._curve, self._hour = HourlyCounts(), 0

    def tell(self, curve: HourlyCounts, now: datetime) -> None:
        """Show this day up to the present hour."""
        self._curve, self._hour = curve, now.astimezone(SHANGHAI).hour
        self._draw()

    def on_resize(self) -> None:
        """There is another width."""
        self._draw()

    def _draw(self) -> None:
        rows, top = [], max(*self._curve.received, *self._curve.completed)
        heights = (
            (_("received today"), self._curve.received, "$primary"),
            (_("completed today"), self._curve.completed, "$success"),
        )
        names = max(cell_len(name) for name, *_rest in heights) + 1
        width = self.size.width - 2 - names - 8
        for name, hours, style in heights:
            day = hours[: self._hour + 1]
            dots = [n for n in hours for _twice in range(max(1, 2 * width // HOURS))]
            seen = dots[: max(0, 2 * width)] if width > 0 else []
            drawn = chart(seen, len(seen) // 2, 1, top)[0] if seen else ""
            rows.append(
                Content.assemble(
                    (fit(name, names), "$quiet"),
                    (pad_left(str(sum(day)), 6), "bold"),
                    "  ",
                    (drawn, style),
                )
            )
        self.update(Content("\n").join(rows))


class OverviewScreen(MonitorScreen):
    """One glance: is anybody late, is anything stuck, what next."""

    NAME = "overview"
    TITLE_LABEL = lazy("Overview")
    BINDINGS: ClassVar[list[BindingType]] = bindings("overview")

    def body(self) -> Iterable[Widget]:
        """Counters and the day above, units and cards below."""
        yield CountersRow()
        yield DayCurve()
        yield Container(
            Listed(_unit_heads, id="units"), Listed(card_heads, id="cards"), id="halves"
        )
        yield Static(id="health", markup=False)

    def on_mount(self) -> None:
        """Begin at the units."""
        self.query_one("#units").focus()

    def request(self) -> SnapshotRequest:
        """Units, cards and the day."""
        return SnapshotRequest(cards=True, curve=True)

    def show(self, snapshot: Snapshot) -> None:
        """Counters, units, cards, and what is left lying."""
        now = snapshot.at
        self.query_one(CountersRow).tell(snapshot.counters)
        self.query_one(DayCurve).tell(snapshot.curve, now)
        self.query_one("#units", Listed).show(
            [_unit_line(load) for load in snapshot.units],
            (
                _("No unit has an open ticket."),
                _("Letters come in by `hotline feed`; F1 tells more."),
            ),
        )
        self.query_one("#cards", Listed).show(
            [card_line(card, now, snapshot.short) for card in snapshot.cards],
            (_("No yellow or red card in the last 7 days."),),
        )
        self.query_one("#health", Static).update(left_lying(snapshot))

    def on_tile_chosen(self, event: Tile.Chosen) -> None:
        """Open the list of what a counter counts."""
        if event.counter in _CALLS:
            self.monitor.open_calls(_CALLS[event.counter])
            return
        wanted = next(f for name, _label, f, _style in _TILES if name == event.counter)
        self.monitor.open_tickets(_said_filter(wanted))

    def on_lines_chosen(self, event: Lines.Chosen) -> None:
        """Open a unit's list, or a card's ticket."""
        if event.lines.id == "units":
            self.monitor.open_tickets(f"{_('unit')}:{event.key}")
        else:
            self.monitor.open_detail(event.key)


def _said_filter(text: str) -> str:
    """A filter of the program's own in the operator's language."""
    if ":" not in text:
        return ""
    name, code = text.split(":")
    if name == "left":
        return f"{_(name)}:{_(code)}"
    return f"{_(name)}:{word({**BADGES, **STATUSES}, code)}"
