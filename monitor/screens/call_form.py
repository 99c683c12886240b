"""The form of a call: whom to call, what happened so far, and the result on a digit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import _, render
from models.rules.calendar import SHANGHAI
from monitor.calls import CallResult, read_time
from monitor.commands import digit_keys
from monitor.screens.form import Form
from monitor.widgets.fields import SubmitButton, TextField


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """A call as an operator recorded it: its result, its time, and a note."""

    result: CallResult
    at: datetime
    note: str


class ResultLine(Static, can_focus=True):
    """The results with their digits; none is chosen before one is pressed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("left", "other(-1)"),
        ("right,space", "other(1)"),
        ("down", "app.focus_next"),
        ("enter", "screen.send"),
    ]

    def __init__(self, results: Sequence[CallResult]) -> None:
        super().__init__(markup=False, id="results")
        self._words = [f" {n} {render(result.label)} " for n, result in enumerate(results, 1)]
        self.chosen = 0

    def on_resize(self) -> None:
        """Draw the results."""
        self._draw()

    def choose(self, number: int) -> None:
        """Choose the result of this digit."""
        self.chosen = number
        self._draw()

    def _draw(self) -> None:
        """Draw the results in as many lines as they take; none goes over the end of a line."""
        lines = [Content("")]
        for number, word in enumerate(self._words, 1):
            if lines[-1] and lines[-1].cell_length + cell_len(word) > self.size.width:
                lines.append(Content(""))
            style = "bold reverse" if number == self.chosen else ""
            lines[-1] += Content.styled(word, style)
        self.update(Content("\n").join(lines))

    def action_other(self, by: int) -> None:
        """Choose the next result, or the one before."""
        self.choose((self.chosen - 1 + by) % len(self._words) + 1 if self.chosen else 1)


class CallField(TextField):
    """A line of the form; Enter sends the call from it."""

    BINDINGS: ClassVar[list[BindingType]] = [("enter", "screen.send")]


class CallForm(Form[CallAnswer]):
    """A claimant's number beside the log; a digit is the result, Enter sends it from any field.

    `purpose` says in a word what the call is for, `about` whom to call and what about; `caller` is
    who calls. A draft is the note and the
    time, never the result: one call is not another.
    """

    BINDINGS: ClassVar[list[BindingType]] = [(digit_keys(n), f"result({n})") for n in range(1, 10)]

    def __init__(
        self,
        purpose: str,
        about: Sequence[Content],
        log: Content,
        results: Sequence[CallResult],
        caller: str,
        now: datetime,
    ) -> None:
        super().__init__(_("Call: {purpose}, as {who}").format(purpose=purpose, who=caller))
        self._about, self._log, self._results, self._now = about, log, results, now
        self._time = f"{now.astimezone(SHANGHAI):%H:%M}"

    def body(self) -> Iterable[Widget]:
        """Yield the claimant and the log side by side, then the result, the time and the note."""
        log = VerticalScroll(Static(self._log, markup=False), id="call-log", can_focus=False)
        about = VerticalScroll(
            Static(Content("\n").join(self._about), markup=False), id="call-about", can_focus=False
        )
        yield Horizontal(about, log, id="call")
        yield ResultLine(self._results)
        for name, field in (
            (_("Time of the call"), CallField(self._time, id="call-time")),
            (_("Note"), CallField("", id="call-note")),
        ):
            yield Horizontal(Static(name, markup=False, classes="name"), field, classes="line")
        yield Static(id="error", markup=False)
        yield SubmitButton(_("Send, next call"))
        yield Static(
            _("A digit is the result, Enter sends, Tab: time and note, Esc: no more"),
            markup=False,
            classes="quiet",
        )

    async def begin(self) -> None:
        """Focus the result, and show the end of the log."""
        self.query_one(ResultLine).focus()
        self.query_one("#call-log").scroll_end(animate=False)

    def filled(self) -> dict[str, str]:
        """Return the note and the time."""
        return {field.id or "": field.value for field in self.query(CallField)}

    async def fill(self, values: Mapping[str, str]) -> None:
        """Put the note and the time into their fields."""
        for field in self.query(CallField):
            field.value = values.get(field.id or "", field.value)

    def action_result(self, number: int) -> None:
        """Choose the result of this digit; Enter then sends."""
        if number <= len(self._results):
            line = self.query_one(ResultLine)
            line.choose(number)
            line.focus()

    def on_submit_button_pressed(self, _event: SubmitButton.Pressed) -> None:
        """Return the answer, or say what is missing."""
        self.action_send()

    def action_send(self) -> None:
        """Return the answer, or say what is missing, and lead there."""
        results, time = self.query_one(ResultLine), self.query_one("#call-time", TextField)
        # a time that was left as it was is this moment, not the minute's beginning
        at = self._now if time.value == self._time else read_time(time.value, self._now)
        if not results.chosen:
            results.focus()
            self._show_error(_("Choose the result by its digit"))
        elif at is None:
            time.focus()
            self._show_error(_("No time that has passed: write 10:42, or 10-14 17:05"))
        else:
            note = self.query_one("#call-note", TextField).value.strip()
            self.leave(CallAnswer(self._results[results.chosen - 1], at, note))

    def _show_error(self, text: str) -> None:
        self.query_one("#error", Static).update(Content.styled(text, "$error"))
