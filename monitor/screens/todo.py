"""待办: what waits for an answer of the desk or of the city hotline, the longest first."""

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from textual.binding import BindingType

from models.i18n import LazyText, _, lazy
from models.queries.desk_work import REVISITS, SCREENING, DeskItem
from models.queries.duties import ANSWER_CLOCKS
from models.rules.vocabulary import ClockName, Status, label
from monitor.commands import bindings
from monitor.formatting import format_duration, one_line, shorten_number
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
    SCREENING: lazy("screening to answer"),
    Status.RETURNED: lazy("returns to review"),
    Status.SUBMITTED: lazy("results to review"),
    Status.MANUAL: lazy("to be assigned"),
    Status.DISPUTED: lazy("disputes to decide"),
    REVISITS: lazy("revisits"),
}


def _heads() -> Sequence[Column]:
    return [
        Column(_("Waits"), 8),
        Column(_("Left"), 10),
        Column("", EMERGENCY_CELLS),
        Column(_("Ticket"), 11),
        Column(_("Title"), None),
        Column(_("Unit"), 12),
        Column(_("Status"), 12, 100),
    ]


class TodoScreen(KindsScreen):
    """Shows the work of the desk; F2 answers it."""

    NAME = "todo"
    NAMES = _NAMES
    BINDINGS: ClassVar[list[BindingType]] = bindings("todo")

    def list_widget(self) -> TicketItemList:
        """Return the list of what waits."""
        return TicketItemList(_heads, id="todo")

    def request(self) -> SnapshotRequest:
        """Ask for the work of the chosen kind."""
        return SnapshotRequest(work=self._kind)

    def show(self, snapshot: Snapshot) -> None:
        """Show the numbers of all kinds, and what waits of the chosen one."""
        line, work = self.query_one(KindLine), snapshot.work
        if work is None or work.kind != line.chosen:
            return
        line.show(work.counts)
        empty = (_("Nothing of this kind waits."), _("Left and right show other kinds."))
        is_revisit = work.kind == REVISITS
        clock = ClockName.REVISIT if is_revisit else ANSWER_CLOCKS.get(work.kind, "")
        self.items.show([_item(item, clock, snapshot) for item in work.items], empty)
        count = work.counts.get(work.kind, 0)
        self.show_title(_("{n} in all, the longest waiting first; F2 answers").format(n=count))


def _item(item: DeskItem, clock: str, snapshot: Snapshot) -> ListItem:
    now = snapshot.at
    waits = format_duration(max(timedelta(), now - item.since), brief=True) if item.since else "-"
    return ListItem(
        item.ticket,
        (
            Cell(waits),
            time_left_cell(item.due, now, snapshot.office, clock),
            emergency_cell(item.emergency, missed=item.missed),
            Cell(shorten_number(one_line(item.ticket), now)),
            title_cell(item.title, snapshot.claims.get(item.ticket)),
            Cell(one_line(snapshot.short_names.get(item.unit or "", item.unit or ""))),
            Cell(label(Status, item.status), "quiet"),
        ),
    )
