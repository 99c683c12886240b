"""回访: who has to be called, who could not be reached, who is dissatisfied."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import LazyText, _, lazy, render
from models.queries.owed_calls import DISSATISFIED, KINDS, MAX_LISTED, UNREACHABLE, Call, Calls
from models.rules.vocabulary import ClockName
from monitor.formatting import clock_time, left, one_line
from monitor.keys import bindings
from monitor.labels import RATINGS, STATUSES, word
from monitor.screens.base import MonitorScreen
from monitor.snapshot import Snapshot, SnapshotRequest
from monitor.widgets.lines import Cell, Column, Lines
from monitor.widgets.listed import Line, Listed

_NAMES: dict[str, LazyText] = {
    ClockName.FIRST_CONTACT: lazy("first contact"),
    ClockName.CLOSING_CONTACT: lazy("closing contact"),
    ClockName.SURVEY: lazy("survey"),
    DISSATISFIED: lazy("dissatisfied"),
    UNREACHABLE: lazy("unreachable"),
    ClockName.PROOF: lazy("proof"),
}
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


class KindLine(Static):
    """The kinds of calls with their numbers; one of them is chosen."""

    def __init__(self, chosen: str) -> None:
        super().__init__(id="kinds", markup=False)
        self.chosen = chosen
        self._counts: dict[str, int] = {}

    def tell(self, counts: dict[str, int]) -> None:
        """Show these numbers."""
        self._counts = counts
        self.draw()

    def draw(self) -> None:
        """Draw the line anew."""
        parts = []
        for kind in KINDS:
            style = "bold reverse" if kind == self.chosen else ""
            parts.append(Content.styled(self._text(kind), style))
        self.update(Content(" ").join(parts))

    def _text(self, kind: str) -> str:
        return f" {render(_NAMES[kind])} {self._counts.get(kind, 0)} "

    def on_click(self, event: events.Click) -> None:
        """Choose the kind that was clicked."""
        at = 1
        for kind in KINDS:
            width = cell_len(self._text(kind))
            if at <= event.x < at + width and isinstance(self.screen, CallbacksScreen):
                self.screen.choose(kind)
            at += width + 1


def _heads() -> Sequence[Column]:
    return [
        Column(_("Left"), 16),
        Column(_("Ticket"), 14),
        Column(_("Title"), None),
        Column(_("Unit"), 12),
        Column(_("Since"), 11, 90),
        Column(_("Rating"), 12, 110),
        Column(_("Status"), 8, 100),
    ]


class CallbacksScreen(MonitorScreen):
    """Calls that are owed, the most urgent first."""

    NAME = "callbacks"
    TITLE_LABEL = lazy("Calls")
    BINDINGS: ClassVar[list[BindingType]] = bindings("callbacks")

    def __init__(self) -> None:
        super().__init__()
        self._kind: str = ClockName.FIRST_CONTACT

    def body(self) -> Iterable[Widget]:
        """The kinds, and the calls of one of them."""
        yield KindLine(self._kind)
        yield Listed(_heads, id="calls")
        yield Static(id="note", markup=False)

    def on_mount(self) -> None:
        """Begin in the list, with the kind that was asked for meanwhile."""
        self.query_one(Listed).focus()
        self.query_one(KindLine).chosen = self._kind

    def request(self) -> SnapshotRequest:
        """The calls of the chosen kind."""
        return SnapshotRequest(calls=self.query_one(KindLine).chosen)

    def show(self, snapshot: Snapshot) -> None:
        """The numbers of all kinds, the rows of the chosen one."""
        line, found = self.query_one(KindLine), snapshot.calls
        if found is None or found.kind != line.chosen:
            return
        line.tell(found.counts)
        rows = [_line(call, snapshot) for call in found.rows]
        empty = (
            render(_WHY_EMPTY[found.kind]),
            _("Left and right show other calls; 1 leads back to the overview."),
        )
        self.query_one(Listed).show(rows, empty)
        self.query_one("#note", Static).update(Content(_how_many(found)))

    def ticket_under_cursor(self) -> str | None:
        """The ticket that an act would be about."""
        lines = self.query_one(Listed)
        return lines.key(lines.cursor)

    def action_other(self, by: int) -> None:
        """Show the next kind of calls, or the one before."""
        line = self.query_one(KindLine)
        self.choose(KINDS[(KINDS.index(line.chosen) + by) % len(KINDS)])

    def choose(self, kind: str) -> None:
        """Show this kind of calls."""
        self._kind = kind
        if not self.ready:
            return
        line = self.query_one(KindLine)
        if kind != line.chosen:
            line.chosen = kind
            line.draw()
            self.query_one(Listed).put_cursor(0, row=0)
            self.monitor.read_now()

    def on_lines_chosen(self, event: Lines.Chosen) -> None:
        """Open the ticket."""
        self.monitor.open_detail(event.key)


def _line(call: Call, snapshot: Snapshot) -> Line:
    now = snapshot.at
    span, style = "-", "quiet"
    if call.due is not None:
        span = left(call.due, now, snapshot.office, brief=True)
        style = "over" if call.due < now else ""
    return Line(
        call.ticket,
        (
            Cell(span, style),
            Cell(one_line(call.ticket)),
            Cell(one_line(call.title)),
            Cell(one_line(snapshot.short.get(call.unit or "", call.unit or ""))),
            Cell(clock_time(call.at, now), "quiet"),
            Cell(word(RATINGS, call.rating)),
            Cell(word(STATUSES, call.status), "quiet"),
        ),
    )


def _how_many(found: Calls) -> str:
    count = found.counts.get(found.kind, 0)
    if count > MAX_LISTED:
        return _("the first {n} of {total}").format(n=MAX_LISTED, total=count)
    return _("{n} in all").format(n=count)
