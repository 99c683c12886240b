"""The form of a call: whom to call, what happened so far, and the result on a digit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from models.i18n import _, render
from models.rules.calendar import SHANGHAI
from monitor.calls import CallResult, read_time
from monitor.screens.dialogs import Dialog
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
        ("down,enter", "app.focus_next"),
    ]

    def __init__(self, results: Sequence[CallResult]) -> None:
        super().__init__(markup=False, id="results")
        self._words = [f" {n} {render(result.label)} " for n, result in enumerate(results, 1)]
        self.chosen = 0

    def on_mount(self) -> None:
        """Draw the results."""
        self.choose(0)

    def choose(self, number: int) -> None:
        """Choose the result of this digit."""
        self.chosen = number
        styles = ("bold reverse" if n == number else "" for n in range(1, len(self._words) + 1))
        words = zip(self._words, styles, strict=True)
        self.update(Content(" ").join(Content.styled(word, style) for word, style in words))

    def action_other(self, by: int) -> None:
        """Choose the next result, or the one before."""
        self.choose((self.chosen - 1 + by) % len(self._words) + 1 if self.chosen else 1)


class CallForm(Dialog[CallAnswer]):
    """A claimant's number beside the log; a digit is the result, Enter sends it.

    `about` says whom to call and what about; `caller` is who calls.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,f10", "cancel"),
        *((str(n), f"result({n})") for n in range(1, 10)),
    ]

    def __init__(
        self,
        about: Sequence[Content],
        log: Content,
        results: Sequence[CallResult],
        caller: str,
        now: datetime,
    ) -> None:
        super().__init__(_("Call, as {who}").format(who=caller))
        self._about, self._log, self._results, self._now = about, log, results, now
        self._time = f"{now.astimezone(SHANGHAI):%H:%M}"

    def body(self) -> Iterable[Widget]:
        """Yield the claimant and the log side by side, then the result, the time and the note."""
        log = VerticalScroll(Static(self._log, markup=False), id="call-log", can_focus=False)
        yield Horizontal(Static(Content("\n").join(self._about), markup=False), log, id="call")
        yield ResultLine(self._results)
        yield Static(_("Time of the call"), markup=False, classes="question")
        yield TextField(self._time, id="call-time")
        yield Static(_("Note"), markup=False, classes="question")
        yield TextField("", id="call-note")
        yield Static(id="error", markup=False)
        yield SubmitButton(_("Send, next call"))
        yield Static(
            _("A digit is the result, then Enter sends. Esc ends the calls"),
            markup=False,
            classes="quiet",
        )

    def on_mount(self) -> None:
        """Focus the result, and show the end of the log."""
        self.query_one(ResultLine).focus()
        self.query_one("#call-log").scroll_end(animate=False)

    def action_result(self, number: int) -> None:
        """Choose the result of this digit; Enter then sends."""
        if number <= len(self._results):
            self.query_one(ResultLine).choose(number)
            self.query_one(SubmitButton).focus()

    def on_submit_button_pressed(self, _event: SubmitButton.Pressed) -> None:
        """Return the answer, or say what is missing."""
        chosen = self.query_one(ResultLine).chosen
        text = self.query_one("#call-time", TextField).value
        # a time that was left as it was is this moment, not the minute's beginning
        at = self._now if text == self._time else read_time(text, self._now)
        if at is None or not chosen:
            problem = _("No time that has passed: write 10:42, or 10-14 17:05")
            if not chosen:
                problem = _("Choose the result by its digit")
            self.query_one("#error", Static).update(Content.styled(problem, "$error"))
            return
        note = self.query_one("#call-note", TextField).value.strip()
        self.dismiss(CallAnswer(self._results[chosen - 1], at, note))
