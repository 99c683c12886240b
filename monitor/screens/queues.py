"""队列: each queue's depth and rate, and the processes that work on them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import _, lazy
from models.queries.health import ProcessStatus
from models.rules.vocabulary import Queue, label
from monitor.commands import bindings
from monitor.formatting import format_duration, one_line, pad_left
from monitor.host import MonitorHost
from monitor.labels import PROCESS_ROLES, word
from monitor.screens.base import MonitorScreen
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.widgets.bars import backlog
from monitor.widgets.item_list import ItemList, ListItem
from monitor.widgets.level_counts import count_cell
from monitor.widgets.list_columns import Cell, Column
from monitor.widgets.panel import Panel
from monitor.widgets.queue_flows import queue_flows
from monitor.widgets.steady_text import SteadyText


class QueuesScreen(MonitorScreen):
    """Shows whether anything is stuck, from the store and its samples alone, broker or not."""

    NAME = "queues"
    BINDINGS: ClassVar[list[BindingType]] = bindings("queues")

    def __init__(self, host: MonitorHost) -> None:
        super().__init__(host)
        self._snapshot: Snapshot | None = None

    def body(self) -> Iterable[Widget]:
        """Yield the queues above, the processes below."""
        yield Panel(lazy("Depth and rate"), SteadyText(id="flows"), id="flows-panel")
        yield Panel(lazy("Processes"), ItemList(_heads, id="processes"), id="processes-panel")
        yield SteadyText(id="health")

    def on_mount(self) -> None:
        """Focus the processes."""
        self.query_one(ItemList).focus()

    def request(self) -> SnapshotRequest:
        """Ask for the queues; processes are always read."""
        return SnapshotRequest(queues=True)

    def show(self, snapshot: Snapshot) -> None:
        """Show queues, processes, and the backlog of messages and notices."""
        if not snapshot.queues:
            return
        self._snapshot = snapshot
        self._draw()
        items = [process_item(p, snapshot.wall) for p in snapshot.health.processes]
        empty = (
            _("No worker and no timekeeper has ever reported to this store."),
            _("Start them: `hotline up` for all, or `hotline worker` and `hotline timekeeper`."),
        )
        self.query_one(ItemList).show(items, empty)
        self.query_one("#health", Static).update(backlog(snapshot.health))

    def on_resize(self) -> None:
        """Draw the charts at the new width."""
        self._draw()

    def _draw(self) -> None:
        if self._snapshot is not None:
            flows = self.query_one("#flows", Static)
            flows.update(
                queue_flows(self._snapshot.queues, self._snapshot.at, flows.content_size.width)
            )


def _heads() -> Sequence[Column]:
    return [
        Column(_("Process"), None),
        Column(_("Last seen"), 10),
        Column(_("Does now"), 14),
        Column(pad_left(_("Lateness"), 8), 8),
        Column(pad_left(_("Done"), 9), 9, 90),
        Column(pad_left(_("Failed"), 7), 7),
    ]


def process_item(process: ProcessStatus, wall: datetime) -> ListItem:
    """Return a process as an item of the list, as of this moment of the system's clock."""
    silent = wall - process.seen_at
    gone = not process.is_alive(wall)
    seen = _("{span} ago").format(span=format_duration(silent, brief=True)) if gone else _("there")
    doing = " ".join(label(Queue, part) for part in process.doing.split()) or _("nothing")
    late = ""
    if process.role == "timekeeper":
        # what it reported last says nothing of now
        late = "-" if gone else _("{n} s").format(n=f"{process.lateness_ms / 1000:.2f}")
    return ListItem(
        process.name,
        (
            Cell(_process_name(process)),
            Cell(seen, "over" if gone else "good"),
            Cell("" if gone else one_line(doing), "" if process.doing else "quiet"),
            Cell(pad_left(late, 8), "over" if not gone and process.lateness_ms >= 1000 else ""),
            count_cell(process.done, 9),
            count_cell(process.failed, 7, "over"),
        ),
    )


def _process_name(process: ProcessStatus) -> str:
    """Return what a process is, and its host and number, of a name as `worker@desk:101`."""
    host, _colon, number = one_line(process.name).rpartition("@")[2].rpartition(":")
    return "  ".join(filter(None, (word(PROCESS_ROLES, process.role), host, number)))
