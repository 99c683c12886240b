"""失败: messages that were refused and notices that no channel took, each with why."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import _, lazy
from models.queries.failures import MESSAGE, Failure
from monitor.formatting import clock_time, one_line
from monitor.keys import bindings
from monitor.labels import KINDS, MESSAGES, word
from monitor.screens.base import MonitorScreen
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.widgets.lines import Cell, Column, Lines
from monitor.widgets.listed import Line, Listed


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
    """What needs a hand: mend it and send it again."""

    NAME = "failures"
    TITLE_LABEL = lazy("Failures")
    BINDINGS: ClassVar[list[BindingType]] = bindings("failures")

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[str, Failure] = {}

    def body(self) -> Iterable[Widget]:
        """The list, and the whole reason of the one under the cursor."""
        yield Listed(_heads, id="failed")
        yield Static(id="reason", markup=False)
        yield Static(id="note", markup=False)

    def on_mount(self) -> None:
        """Begin in the list."""
        self.query_one(Listed).focus()

    def request(self) -> SnapshotRequest:
        """All failures."""
        return SnapshotRequest(failures=True)

    def show(self, snapshot: Snapshot) -> None:
        """The latest first."""
        found = snapshot.failures
        if found is None:
            return
        self._found = {f"{f.sort}:{f.id}": f for f in found.rows}
        empty = (
            _("Nothing has failed: no message is refused, every notice found its channel."),
            _("What a source sends wrongly is kept here with its reason until it is mended."),
        )
        rows = [_line(key, f, snapshot) for key, f in self._found.items()]
        self.query_one(Listed).show(rows, empty)
        text = _("messages refused {m}   notices failed {n}   Enter mends, or sends again")
        self.query_one("#note", Static).update(
            Content(text.format(m=found.messages, n=found.notices))
        )
        self._tell_reason()

    def under_cursor(self) -> Failure | None:
        """The failure that an act would be about."""
        lines = self.query_one(Listed)
        return self._found.get(lines.key(lines.cursor) or "")

    def ticket_under_cursor(self) -> str | None:
        """The ticket that the failure is about."""
        failure = self.under_cursor()
        return failure.ticket if failure else None

    def on_lines_moved(self, _event: Lines.Moved) -> None:
        """Another one's reason."""
        self._tell_reason()

    def on_lines_chosen(self, event: Lines.Chosen) -> None:
        """Mend the message, or send the notice again."""
        if (failure := self._found.get(event.key)) is not None:
            self.monitor.mend(failure)

    def _tell_reason(self) -> None:
        failure = self.under_cursor()
        self.query_one("#reason", Static).update(Content(one_line(failure.why) if failure else ""))


def _line(key: str, failure: Failure, snapshot: Snapshot) -> Line:
    is_message = failure.sort == MESSAGE
    what = word(MESSAGES if is_message else KINDS, failure.what)
    return Line(
        key,
        (
            Cell(clock_time(failure.at, snapshot.at), "quiet"),
            Cell(_("in") if is_message else _("out"), "near" if is_message else "over"),
            Cell(one_line(failure.ticket)),
            Cell(what),
            Cell(one_line(failure.why)),
            Cell(one_line(failure.source), "quiet"),
        ),
    )
