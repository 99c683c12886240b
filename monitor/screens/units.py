"""单位: each unit's load, its rates, and its cards."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import _, lazy, render
from models.queries.figures import format_rate
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
from monitor.widgets.steady_text import SteadyText
from monitor.widgets.virtual_list import Cell, Column, VirtualList

_BAR_WIDTH = 20
_RATE_WIDTH = 8
_RATES = (lazy("on time"), lazy("1st called"), lazy("last called"), lazy("pleased"))
_WIDE = 118


def _heads() -> Sequence[Column]:
    badges = [Column(pad_left(word(BADGES, level), 4), 5) for level in Level]
    return [
        Column(_("Unit"), None),
        Column(pad_left(_("open"), 5), 6),
        *badges,
        Column(pad_left(_("today"), 4), 5, 90),
        Column(_("Load"), _BAR_WIDTH, _WIDE),
        *(Column(pad_left(render(head), _RATE_WIDTH), _RATE_WIDTH) for head in _RATES),
        Column(pad_left(_("cards Y/R"), 9), 9, 90),
    ]


class UnitsScreen(MonitorScreen):
    """Shows who has how much in hand, and who is late."""

    NAME = "units"
    BINDINGS: ClassVar[list[BindingType]] = bindings("units")

    def body(self) -> Iterable[Widget]:
        """Yield the list, and what its rates mean."""
        yield ItemList(_heads, id="all-units")
        yield SteadyText(id="note")

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
            Cell(pad_left(str(unit.open or ""), 5)),
            *(Cell(pad_left(f"{n} " if n else "", 5), level if n else "") for level, n in counts),
            Cell(pad_left(str(unit.due_today or ""), 4), "near"),
            Cell(parts=shares([*bar, (plain, "load")], most, _BAR_WIDTH)),
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
