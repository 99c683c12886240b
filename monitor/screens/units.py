"""单位: each unit's load, its rates, and its cards."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import _
from models.queries.overview import UnitLoad
from models.queries.units import WINDOW, Ratio, UnitRates
from models.rules.vocabulary import Level
from monitor.commands import bindings
from monitor.formatting import one_line, pad_left
from monitor.labels import BADGES, word
from monitor.screens.base import MonitorScreen
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.widgets.charts import shares
from monitor.widgets.item_list import ItemList, ListItem
from monitor.widgets.virtual_list import Cell, Column, VirtualList

_BAR_WIDTH = 20
_WIDE = 118


def _heads() -> Sequence[Column]:
    badges = [Column(pad_left(word(BADGES, level), 4), 5) for level in Level]
    return [
        Column(_("Unit"), None),
        Column(pad_left(_("open"), 5), 6),
        *badges,
        Column(pad_left(_("today"), 4), 5),
        Column(_("Load"), _BAR_WIDTH, _WIDE),
        Column(pad_left(_("in time"), 8), 8),
        Column(pad_left(_("called"), 8), 8),
        Column(pad_left(_("satisfied"), 8), 8),
        Column(pad_left(_("cards Y/R"), 9), 9, 90),
    ]


class UnitsScreen(MonitorScreen):
    """Shows who has how much in hand, and who is late."""

    NAME = "units"
    BINDINGS: ClassVar[list[BindingType]] = bindings("units")

    def body(self) -> Iterable[Widget]:
        """Yield the list, and what its rates mean."""
        yield ItemList(_heads, id="all-units")
        yield Static(id="note", markup=False)

    def on_mount(self) -> None:
        """Focus the list."""
        self.query_one(ItemList).focus()

    def request(self) -> SnapshotRequest:
        """Ask for the rates; loads are always read."""
        return SnapshotRequest(rates=True)

    def show(self, snapshot: Snapshot) -> None:
        """Show the units with open tickets, the worst first, then those that only have rates."""
        loads = list(snapshot.units)
        with_load = {u.unit for u in loads}
        loads += [UnitLoad(unit) for unit in sorted(set(snapshot.rates) - with_load)]
        most = max((u.open for u in loads), default=0)
        items = [_item(u, snapshot.rates.get(u.unit, UnitRates()), most) for u in loads]
        empty = (
            _("No unit has a ticket yet."),
            _("Tickets come in by `hotline feed`; units are read by `hotline units import`."),
        )
        self.query_one(ItemList).show(items, empty)
        text = _(
            "{n} units. Rates: tickets completed in the last {days} days, as in the bulletin; "
            "what runs late counts once completed"
        )
        self.query_one("#note", Static).update(Content(text.format(n=len(loads), days=WINDOW.days)))

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Open the unit's tickets."""
        self.host.open_tickets(f"{_('unit')}:{event.key}")


def _item(unit: UnitLoad, rates: UnitRates, most: int) -> ListItem:
    counts = [(level, getattr(unit, level)) for level in Level]
    plain = unit.open - sum(n for _level, n in counts)
    bar = [(unit.red, "red"), (unit.yellow, "yellow"), (unit.prewarning, "prewarning")]
    cards = f"{rates.yellow}/{rates.red}" if rates.yellow or rates.red else "-"
    return ListItem(
        unit.unit,
        (
            Cell(one_line(unit.unit)),
            Cell(pad_left(str(unit.open), 5), "" if unit.open else "quiet"),
            *(Cell(pad_left(f"{n} ", 5), level if n else "quiet") for level, n in counts),
            Cell(pad_left(str(unit.due_today), 4), "near" if unit.due_today else "quiet"),
            Cell(parts=shares([*bar, (plain, "load")], most, _BAR_WIDTH)),
            _rate(rates.on_time),
            _rate(rates.contact),
            _rate(rates.satisfied),
            Cell(pad_left(cards, 9), "" if rates.yellow or rates.red else "quiet"),
        ),
    )


def _rate(share: Ratio) -> Cell:
    """Format a share in per cent, rounded down, so that 100 % means all."""
    if not share.of:
        return Cell(pad_left("-", 8), "quiet")
    tenths = share.good * 1000 // share.of
    text = f"{tenths // 10}.{tenths % 10}%"
    return Cell(pad_left(text, 8), "good" if share.good == share.of else "")
