"""回访: claimants to be called, out of reach, or dissatisfied."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType

from models.i18n import LazyText, _, lazy, render
from models.queries.owed_calls import (
    DISSATISFIED,
    MAX_LISTED,
    UNREACHABLE,
    OwedCall,
    OwedCalls,
)
from models.rules.vocabulary import ClockName, Rating, Status, label
from monitor.commands import bindings
from monitor.formatting import format_time, one_line, shorten_number
from monitor.screens.kinds import KindsScreen
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.widgets.item_list import ListItem
from monitor.widgets.kind_line import KindLine
from monitor.widgets.list_columns import Cell, Column
from monitor.widgets.selectable_list import TicketItemList
from monitor.widgets.ticket_cells import (
    EMERGENCY_CELLS,
    emergency_cell,
    time_left_cell,
    title_cell,
)

_NAMES: dict[str, LazyText] = {
    ClockName.FIRST_CONTACT: lazy("first contact"),
    ClockName.CLOSING_CONTACT: lazy("closing contact"),
    ClockName.SURVEY: lazy("survey"),
    DISSATISFIED: lazy("dissatisfied"),
    UNREACHABLE: lazy("unreachable"),
    ClockName.PROOF: lazy("proof"),
}
_CLOCKS = {DISSATISFIED: ClockName.REVISIT}
_WHY_EMPTY: dict[str, LazyText] = {
    ClockName.FIRST_CONTACT: lazy(
        "Every claimant who wants to be contacted has been, or is not due yet."
    ),
    ClockName.CLOSING_CONTACT: lazy("No completed ticket waits for its closing contact."),
    ClockName.SURVEY: lazy("No survey is owed: they begin when a result is handed in."),
    DISSATISFIED: lazy("No dissatisfied claimant waits to be called again."),
    UNREACHABLE: lazy("Nobody was out of reach in the last two weeks."),
    ClockName.PROOF: lazy("No unit owes proof of a contact."),
}


def _heads() -> Sequence[Column]:
    return [
        Column(_("Left"), 10),
        Column("", EMERGENCY_CELLS),
        Column(_("Ticket"), 11),
        Column(_("Title"), None),
        Column(_("Unit"), 12),
        Column(_("Begun"), 11, 90),
        Column(_("Rating"), 12, 110),
        Column(_("Status"), 12, 100),
    ]


class CallbacksScreen(KindsScreen):
    """Shows calls that are owed, the most urgent first."""

    NAME = "callbacks"
    NAMES = _NAMES
    BINDINGS: ClassVar[list[BindingType]] = bindings("callbacks")

    def list_widget(self) -> TicketItemList:
        """Return the list of calls."""
        return TicketItemList(_heads, id="calls")

    def calls_from_cursor(self) -> tuple[str, list[str]]:
        """Return the kind that is shown, and the tickets from the one under the cursor on."""
        calls = self.items
        keys = (calls.key(index) for index in range(calls.cursor, calls.total))
        return self._kind, [key for key in keys if key is not None]

    def request(self) -> SnapshotRequest:
        """Ask for the calls of the chosen kind."""
        return SnapshotRequest(calls=self._kind)

    def show(self, snapshot: Snapshot) -> None:
        """Show the numbers of all kinds, and the calls of the chosen one."""
        line, calls = self.query_one(KindLine), snapshot.calls
        if calls is None or calls.kind != line.chosen:
            return
        line.show(calls.counts)
        items = [_item(call, calls.kind, snapshot) for call in calls.rows]
        empty = (
            render(_WHY_EMPTY[calls.kind]),
            _("Left and right show other calls; 1 leads back to the overview."),
        )
        self.items.show(items, empty)
        self.show_title(_how_many(calls))


def _item(call: OwedCall, kind: str, snapshot: Snapshot) -> ListItem:
    now = snapshot.at
    return ListItem(
        call.ticket,
        (
            time_left_cell(call.due, now, snapshot.office, _CLOCKS.get(kind, kind)),
            emergency_cell(call.emergency, missed=call.missed),
            Cell(shorten_number(one_line(call.ticket), now)),
            title_cell(call.title, snapshot.claims.get(call.ticket)),
            Cell(one_line(snapshot.short_names.get(call.unit or "", call.unit or ""))),
            Cell(format_time(call.at, now), "quiet"),
            Cell(label(Rating, call.rating)),
            Cell(label(Status, call.status), "quiet"),
        ),
    )


def _how_many(calls: OwedCalls) -> str:
    count = calls.counts.get(calls.kind, 0)
    if count > MAX_LISTED:
        return _("the first {n} of {total}").format(n=MAX_LISTED, total=count)
    return _("{n} in all").format(n=count)
