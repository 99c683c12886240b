"""队列: each queue's depth and rate, and the processes that work on them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import _, lazy
from models.queries.health import ProcessStatus
from models.queries.queue_depths import SAMPLE_SPAN, QueueRow
from models.rules.queues import ESCALATION
from models.rules.vocabulary import Queue, label
from monitor.commands import bindings
from monitor.formatting import fit, format_duration, one_line, pad_left
from monitor.host import MonitorHost
from monitor.labels import PROCESS_ROLES, word
from monitor.screens.base import MonitorScreen
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.widgets.bars import backlog
from monitor.widgets.charts import chart
from monitor.widgets.item_list import ItemList, ListItem
from monitor.widgets.panel import Panel
from monitor.widgets.steady_text import SteadyText
from monitor.widgets.virtual_list import Cell, Column

_MINUTE = 60 / SAMPLE_SPAN.total_seconds()
"""Samples in a minute."""

_NAME, _NUMBER = 10, 9
_FIGURES = _NAME + 5 * _NUMBER + 1


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
        items = [_process_item(p, snapshot.wall) for p in snapshot.health.processes]
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
            width = max(40, flows.size.width - 2)
            flows.update(_flows(self._snapshot.queues, self._snapshot.at, width))


def _heads() -> Sequence[Column]:
    return [
        Column(_("Process"), None),
        Column(_("Role"), 10, 100),
        Column(_("Last seen"), 10),
        Column(_("Does now"), 14),
        Column(pad_left(_("Lateness"), 8), 8),
        Column(pad_left(_("Done"), 9), 9, 100),
        Column(pad_left(_("Failed"), 7), 7),
    ]


def _process_item(process: ProcessStatus, wall: datetime) -> ListItem:
    silent = wall - process.seen_at
    gone = not process.is_alive(wall)
    seen = _("{span} ago").format(span=format_duration(silent, brief=True)) if gone else _("there")
    doing = " ".join(label(Queue, part) for part in process.doing.split()) or _("nothing")
    late = f"{process.lateness_ms / 1000:.2f} s" if process.role == "timekeeper" else ""
    return ListItem(
        process.name,
        (
            Cell(one_line(process.name)),
            Cell(word(PROCESS_ROLES, process.role)),
            Cell(seen, "over" if gone else "good"),
            Cell("" if gone else one_line(doing), "" if process.doing else "quiet"),
            Cell(pad_left(late, 8), "over" if process.lateness_ms >= 1000 else ""),
            Cell(pad_left(str(process.done), 9)),
            Cell(pad_left(str(process.failed), 7), "over" if process.failed else "quiet"),
        ),
    )


def _flows(rows: Sequence[QueueRow], now: datetime, width: int) -> Content:
    """Lay out two lines a queue: its figures, and charts of its depth and its rate."""
    room = width - _FIGURES
    charts = max(0, (room - 4) // 2) if room >= 24 else 0
    heads = [_("waiting"), _("oldest"), _("in/min"), _("out/min"), _("failed")]
    head = fit(_("Queue"), _NAME) + "".join(pad_left(h, _NUMBER) for h in heads)
    if charts:
        minutes = round(min(2 * charts, 60) / _MINUTE)
        over = _("waiting, {n} min").format(n=minutes), _("out, {n} min").format(n=minutes)
        head += "   " + fit(over[0], charts) + "  " + fit(over[1], charts)
    lines = [Content.styled(fit(head, width), "$quiet")]
    for row in rows:
        lines += _flow(row, now, charts)
        if charts:
            # two lines of dots of one queue must not look like those of the next
            lines.append(Content(""))
    return Content("\n").join(lines)


def _flow(row: QueueRow, now: datetime, charts: int) -> list[Content]:
    arrived, done = _rate(row.arrived), _rate(row.done)
    failed = sum(row.failed)
    age = (now - row.now.oldest_at) if row.now.oldest_at and row.now.waiting else None
    old = format_duration(age, brief=True) if age and age.total_seconds() >= 1 else "-"
    waiting = str(row.now.waiting)
    upper = [
        (fit(label(Queue, row.name), _NAME), "bold"),
        (pad_left(waiting, _NUMBER), "bold" if row.now.waiting else "$quiet"),
        (pad_left(old, _NUMBER), "" if age else "$quiet"),
        (pad_left("-" if row.name == ESCALATION else arrived, _NUMBER), ""),
        (pad_left(done, _NUMBER), ""),
        (pad_left(str(failed), _NUMBER), "bold $error" if failed else "$quiet"),
    ]
    lower: list[tuple[str, str]] = [(" " * (_FIGURES - 1), "")]
    if charts:
        depth, out = chart(row.depth, charts, 2), chart(row.done, charts, 2)
        for line, at in ((upper, 0), (lower, 1)):
            line += [("   ", ""), (depth[at], "$accent"), ("  ", ""), (out[at], "$success")]
        return [Content.assemble(*upper), Content.assemble(*lower)]
    return [Content.assemble(*upper)]


def _rate(counts: Sequence[int]) -> str:
    """Sum up the last minute."""
    return str(sum(counts[-round(_MINUTE) :]))
