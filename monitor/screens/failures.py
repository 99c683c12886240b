"""失败: messages that were refused and notices that no channel took, each with its reason."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import _, lazy
from models.queries.event_channels import EventChannelStatus
from models.queries.failures import MESSAGE, Failure
from models.rules.vocabulary import MessageType, NoticeKind, label
from monitor.commands import TITLES, bindings
from monitor.formatting import format_time, one_line
from monitor.host import MonitorHost
from monitor.labels import SOURCES, word
from monitor.screens.base import MonitorScreen
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.widgets.item_list import ItemList, ListItem
from monitor.widgets.list_columns import Cell, Column
from monitor.widgets.panel import Panel
from monitor.widgets.steady_text import SteadyText
from monitor.widgets.virtual_list import VirtualList


def _heads() -> Sequence[Column]:
    return [
        Column(_("When"), 11),
        Column("", 4),
        Column(_("Ticket"), 14),
        Column(_("What"), 16),
        Column(_("Why"), None),
        Column(_("From or to"), 18, 110),
    ]


class FailuresScreen(MonitorScreen):
    """Shows what an operator has to edit, or to send again."""

    NAME = "failures"
    BINDINGS: ClassVar[list[BindingType]] = bindings("failures")

    def __init__(self, host: MonitorHost) -> None:
        super().__init__(host)
        self._failures: dict[str, Failure] = {}
        self._tried: str | None = None
        """The one that was opened last, while the cursor has not been moved: it may come back."""

    def body(self) -> Iterable[Widget]:
        """Yield the list, and the whole reason of the failure under the cursor."""
        yield Panel(TITLES[self.NAME], ItemList(_heads, id="failed"), id="page")
        yield Panel(lazy("Why"), SteadyText(id="reason"), id="reason-panel")
        yield SteadyText(id="note")

    def on_mount(self) -> None:
        """Focus the list."""
        self.query_one(ItemList).focus()

    def request(self) -> SnapshotRequest:
        """Ask for the failures."""
        return SnapshotRequest(failures=True)

    def show(self, snapshot: Snapshot) -> None:
        """Show the failures, the latest first."""
        failures = snapshot.failures
        if failures is None:
            return
        self._failures = {f.key: f for f in failures.rows}
        empty = (
            _("Nothing has failed: no message is refused, every notice found its channel."),
            _("What a source sends wrongly is kept here with its reason until it is mended."),
        )
        items = [_item(key, f, snapshot) for key, f in self._failures.items()]
        failed = self.query_one(ItemList)
        failed.show(items, empty)
        if self._tried in self._failures:
            failed.put_cursor(list(self._failures).index(self._tried))
        text = _("messages refused {m}   notices failed {n}   Enter mends, or sends again")
        text = text.format(m=failures.messages, n=failures.notices)
        self.query_one("#page", Panel).show_title(Content.styled(text, "$quiet"))
        channels = "\n".join(_channel(each, snapshot) for each in failures.channels)
        note = self.query_one("#note", Static)
        note.set_class(bool(channels), "-on")
        note.update(Content(channels))
        self._show_reason()

    def under_cursor(self) -> Failure | None:
        """Return the failure under the cursor."""
        items = self.query_one(ItemList)
        return self._failures.get(items.key(items.cursor) or "")

    def ticket_under_cursor(self) -> str | None:
        """Return the ticket that the failure is about."""
        failure = self.under_cursor()
        return failure.ticket if failure else None

    def on_virtual_list_cursor_moved(self, _event: VirtualList.CursorMoved) -> None:
        """Show the reason of another failure."""
        self._tried = None
        self._show_reason()

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Edit the message, or send the notice again."""
        if (failure := self._failures.get(event.key)) is not None:
            self._tried = event.key
            self.host.resolve_failure(failure)

    def _show_reason(self) -> None:
        failure = self.under_cursor()
        self.query_one("#reason", Static).update(Content(one_line(failure.why) if failure else ""))


def _channel(status: EventChannelStatus, snapshot: Snapshot) -> str:
    """Return what is to be known of a channel of events that fails."""
    text = _("channel {name} has taken nothing since {at}: {error}")
    at = format_time(status.sent_at, snapshot.at) or "-"
    return one_line(text.format(name=status.name, at=at, error=status.error))


def _item(key: str, failure: Failure, snapshot: Snapshot) -> ListItem:
    is_message = failure.sort == MESSAGE
    name = label(MessageType if is_message else NoticeKind, failure.what)
    return ListItem(
        key,
        (
            Cell(format_time(failure.at, snapshot.at), "quiet"),
            Cell(_("in") if is_message else _("out"), "near" if is_message else "over"),
            Cell(one_line(failure.ticket)),
            Cell(name),
            Cell(one_line(failure.why)),
            Cell(one_line(word(SOURCES, failure.source)), "quiet"),
        ),
    )
