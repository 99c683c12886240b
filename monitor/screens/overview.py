"""总览: how many tickets wait for what, whose they are, and the last cards."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from textual import events
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from models.labels import Said, _, say, told
from models.queries.overview import Card, Counters, UnitLoad
from monitor.keys import bindings
from monitor.present import clock_time, one_line, pad_left
from monitor.refresh import Request, Snapshot
from monitor.screens.base import WatchScreen
from monitor.widgets.lines import Cell, Column, Lines
from monitor.words import BADGES, LEVELS, STATUSES, word

_TILES: tuple[tuple[str, Said, str, str], ...] = (
    ("open", say("open"), "", "bold"),
    ("prewarning", say("pre-warning"), "level:prewarning", "bold $primary"),
    ("yellow", say("yellow card"), "level:yellow", "bold $warning"),
    ("red", say("red card"), "level:red", "bold $error"),
    ("due_today", say("due today"), "", "bold"),
    ("first_contact", say("to be contacted"), "", "bold"),
    ("survey", say("survey due"), "", "bold"),
    ("dissatisfied", say("dissatisfied"), "", "bold"),
    ("returned", say("returned"), "status:returned", "bold"),
    ("manual", say("manual queue"), "status:manual", "bold"),
)
"""Each counter: its field, its name, the filter that lists what it counts, and its style."""

_LISTED = ("open", "prewarning", "yellow", "red", "returned", "manual")


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

    def __init__(self, name: str, label: Said, style: str) -> None:
        super().__init__(markup=False, id=f"tile-{name}")
        self._counter, self._label, self._style = name, label, style
        self._count: int | None = None
        self.can_focus = name in _LISTED

    def tell(self, count: int) -> None:
        """Show this number."""
        if count != self._count:
            self._count = count
            style = self._style if count else "$quiet"
            self.update(Content.assemble((str(count), style), "\n", (told(self._label), "$quiet")))

    def action_choose(self) -> None:
        """Open the list."""
        if self.can_focus:
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

    def tell(self, counters: Counters) -> None:
        """Show these numbers."""
        for tile, (name, *_rest) in zip(self.query(Tile), _TILES, strict=True):
            tile.tell(getattr(counters, name))


class UnitList(Lines):
    """Each unit's load, the worst first."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._loads: tuple[UnitLoad, ...] = ()

    def show(self, loads: tuple[UnitLoad, ...]) -> None:
        """Show these loads, the cursor on its unit."""
        unit = self.key(self.cursor)
        self._loads = loads
        index = next((i for i, load in enumerate(loads) if load.unit == unit), None)
        self.resize_to(len(loads))
        if index is not None and self.has_focus and index != self.cursor:
            self.put_cursor(index)

    def key(self, index: int) -> str | None:
        """The unit's name."""
        return self._loads[index].unit if 0 <= index < len(self._loads) else None

    def columns(self, width: int) -> Sequence[Column]:
        """The unit, its open tickets, and those at each level."""
        numbers = [_("open"), *(word(BADGES, level) for level in LEVELS)]
        return [Column(_("Unit"), None), *(Column(pad_left(head, 5), 6) for head in numbers)]

    def cells(self, index: int, width: int) -> Sequence[Cell] | None:
        """One unit."""
        load = self._loads[index]
        counts = [(level, getattr(load, level)) for level in LEVELS]
        return [
            Cell(one_line(load.unit)),
            Cell(f"{load.open:5} "),
            *(Cell(f"{n:5} ", level if n else "quiet") for level, n in counts),
        ]


class CardList(Lines):
    """The last cards, the newest first."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._cards: tuple[Card, ...] = ()
        self._short: dict[str, str] = {}
        self._now: datetime | None = None

    def show(self, cards: tuple[Card, ...], now: datetime, short: dict[str, str]) -> None:
        """Show these cards."""
        self._cards, self._now, self._short = cards, now, short
        self.resize_to(len(cards))

    def key(self, index: int) -> str | None:
        """The ticket's number."""
        return self._cards[index].ticket if 0 <= index < len(self._cards) else None

    def columns(self, width: int) -> Sequence[Column]:
        """The level, since when, the unit, the title."""
        heads = ((_("Since"), 11), (_("Unit"), 12), (_("Title"), None))
        return [Column("", 3), *(Column(head, cells) for head, cells in heads)]

    def cells(self, index: int, width: int) -> Sequence[Cell] | None:
        """One card."""
        card = self._cards[index]
        unit = self._short.get(card.unit or "", card.unit or "")
        return [
            Cell(word(BADGES, card.level), card.level),
            Cell(clock_time(card.at, self._now) if self._now else "", "quiet"),
            Cell(one_line(unit)),
            Cell(one_line(card.title)),
        ]


class OverviewScreen(WatchScreen):
    """One glance: is anybody late, is anything stuck, what next."""

    NAME = "overview"
    TITLE_SAID = say("Overview")
    BINDINGS: ClassVar[list[BindingType]] = bindings("overview")

    def body(self) -> Iterable[Widget]:
        """Counters above, units and cards below."""
        yield CountersRow()
        yield Container(UnitList(id="units"), CardList(id="cards"), id="halves")
        yield Static(id="health", markup=False)

    def on_mount(self) -> None:
        """Begin at the units."""
        self.query_one(UnitList).focus()

    def request(self) -> Request:
        """The whole overview."""
        return Request(overview=True)

    def show(self, snapshot: Snapshot) -> None:
        """Counters, units, cards, and what is left lying."""
        if snapshot.overview is None:
            return
        self.query_one(CountersRow).tell(snapshot.counters)
        self.query_one(UnitList).show(snapshot.overview.units)
        self.query_one(CardList).show(snapshot.overview.cards, snapshot.at, snapshot.short)
        self.query_one("#health", Static).update(_left_lying(snapshot))

    def on_tile_chosen(self, event: Tile.Chosen) -> None:
        """Open the list of what a counter counts."""
        wanted = next(f for name, _label, f, _style in _TILES if name == event.counter)
        self.monitor.open_tickets(_said_filter(wanted))

    def on_lines_chosen(self, event: Lines.Chosen) -> None:
        """Open a unit's list, or a card's ticket."""
        if isinstance(event.lines, UnitList):
            self.monitor.open_tickets(f"{_('unit')}:{event.key}")
        else:
            self.monitor.open_detail(event.key)


def _said_filter(text: str) -> str:
    """A filter of the program's own in the operator's language."""
    if not text:
        return ""
    name, code = text.split(":")
    return f"{_(name)}:{word({**BADGES, **STATUSES}, code)}"


def _left_lying(snapshot: Snapshot) -> Content:
    health = snapshot.health
    parts = [
        (_("messages waiting {n}").format(n=health.inbox_waiting), ""),
        (_("notices queued {n}").format(n=health.notices_queued), ""),
        (_("notices failed {n}").format(n=health.notices_failed), health.notices_failed),
        (_("messages refused {n}").format(n=health.refused), health.refused),
    ]
    return Content("   ").join(Content.styled(t, "bold $error" if bad else "") for t, bad in parts)
