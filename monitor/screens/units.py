"""单位: each unit's load, its rates, and its cards."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget

from models.i18n import _, lazy, render
from models.queries.event_counts import DAYS
from models.queries.figures import format_rate
from models.queries.overview import UnitLoad
from models.queries.units import WINDOW, Ratio, UnitRates
from models.rules.vocabulary import Level
from monitor.commands import TITLES, bindings
from monitor.formatting import one_line, pad_left
from monitor.host import MonitorHost
from monitor.labels import COUNT_STYLES
from monitor.screens.base import MonitorScreen
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.widgets.charts import shares
from monitor.widgets.day_history import DayHistory
from monitor.widgets.item_list import ItemList, ListItem
from monitor.widgets.level_counts import count_cell, level_cells, level_heads
from monitor.widgets.list_columns import Cell, Column
from monitor.widgets.panel import Panel
from monitor.widgets.virtual_list import VirtualList

_NAME_WIDTH = 24
_LEAST_BAR = 12
_RATE_WIDTH = 8
_RATES = (lazy("on time"), lazy("1st call"), lazy("end call"), lazy("pleased"))
_WIDE = 118
_OTHER_COLUMNS = 106
"""Cells of all columns but the bar, of the frame and of the scroll bar."""


def _heads(width: int) -> Sequence[Column]:
    return [
        Column(_("Unit"), None if width < _WIDE else _NAME_WIDTH),
        Column(pad_left(_("open"), 5), 6),
        *level_heads(),
        Column(pad_left(_("today"), 5), 6, 90),
        *([] if width < _WIDE else [Column(_("Load"), None)]),
        *(Column(pad_left(render(head), _RATE_WIDTH), _RATE_WIDTH) for head in _RATES),
        Column(pad_left(_("cards Y/R"), 9), 9, 90),
    ]


class UnitsScreen(MonitorScreen):
    """Shows who has how much in hand, and who is late."""

    NAME = "units"
    BINDINGS: ClassVar[list[BindingType]] = bindings("units")

    def __init__(self, host: MonitorHost) -> None:
        super().__init__(host)
        self._snapshot: Snapshot | None = None
        self._shown_width = 0
        """The width for which the cells that the list holds were made; its columns are of it."""

    def body(self) -> Iterable[Widget]:
        """Yield the list, its title saying what its rates mean, and the days they are of."""
        yield Panel(
            TITLES[self.NAME],
            ItemList(lambda: _heads(self._shown_width), id="all-units"),
            id="page",
        )
        yield Panel(lazy("The last {n} days", n=DAYS), DayHistory(), id="history")

    def on_mount(self) -> None:
        """Focus the list."""
        self.query_one(ItemList).focus()

    def on_resize(self) -> None:
        """Lay out at the new width."""
        if self._snapshot is not None and self.ready:
            self.show(self._snapshot)

    def request(self) -> SnapshotRequest:
        """Ask for the rates and the days; loads are always read."""
        return SnapshotRequest(rates=True, history=True)

    def show(self, snapshot: Snapshot) -> None:
        """Show the units with open tickets, the worst first, then those that only have rates."""
        loads = list(snapshot.units)
        with_load = {u.unit for u in loads}
        loads += [UnitLoad(unit) for unit in sorted(set(snapshot.rates) - with_load)]
        most = max((u.open for u in loads), default=0)
        self._snapshot, self._shown_width = snapshot, self.size.width
        width = self._shown_width
        bar = 0 if width < _WIDE else max(_LEAST_BAR, width - _OTHER_COLUMNS)
        items = [_item(u, snapshot.rates.get(u.unit, UnitRates()), most, bar) for u in loads]
        empty = (
            _("No unit has a ticket yet."),
            _("Tickets come in by `hotline feed`; units are read by `hotline units import`."),
        )
        self.query_one(ItemList).show(items, empty)
        text = _(
            "{n}   rates of tickets completed in {days} days, as in the bulletin; "
            "what runs late counts once completed"
        )
        text = text.format(n=len(loads), days=WINDOW.days)
        self.query_one("#page", Panel).show_title(Content.styled(text, "$quiet"))
        self.query_one(DayHistory).show(snapshot.history, snapshot.at)

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Open the unit's tickets."""
        self.host.open_tickets(f"{_('unit')}:{event.key}")


def _item(unit: UnitLoad, rates: UnitRates, most: int, bar_width: int) -> ListItem:
    counts = {level: getattr(unit, level) for level in Level}
    plain = unit.open - sum(counts.values())
    bar = [(counts[level], COUNT_STYLES[level]) for level in reversed(Level)]
    cards = f"{rates.yellow}/{rates.red}" if rates.yellow or rates.red else "-"
    return ListItem(
        unit.unit,
        (
            Cell(one_line(unit.unit)),
            count_cell(unit.open, 5),
            *level_cells(counts),
            count_cell(unit.due_today, 5),
            *([Cell(parts=shares([*bar, (plain, "rest")], most, bar_width))] if bar_width else []),
            _rate(rates.on_time),
            _rate(rates.first_contact),
            _rate(rates.closing_contact),
            _rate(rates.satisfied),
            Cell(pad_left(cards, 9), "" if rates.yellow or rates.red else "quiet"),
        ),
    )


def _rate(share: Ratio) -> Cell:
    """Format a share as the bulletin does."""
    text = pad_left(format_rate(share.rate), _RATE_WIDTH)
    return Cell(text, "quiet" if share.rate is None else "good" if share.good == share.of else "")
