"""The filter line: it searches while one types, and shows what is wrong with the text."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

from models.i18n import _, render
from monitor.filters import Filter, FilterError, read_filter
from monitor.widgets.history_input import HistoryInput
from monitor.widgets.steady_text import SteadyText

_TYPING_PAUSE = 0.2
"""Real seconds without a key after which what was typed is looked for."""


class FilterLine(Vertical):
    """A line for a filter, hidden until it is opened; Esc brings back the filter of before."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "cancel")]

    class Changed(Message):
        """Another filter is to be used, typed so far or `entered`."""

        def __init__(self, filter: Filter, *, entered: bool = False) -> None:
            super().__init__()
            self.filter = filter
            self.entered = entered

    class Closed(Message):
        """The line was closed."""

    def __init__(self) -> None:
        super().__init__()
        self._before = Filter()
        self._search: Timer | None = None

    def compose(self) -> ComposeResult:
        """Yield the line, and the place for what is wrong with it."""
        with Horizontal():
            placeholder = _("unit:  level:red,yellow  !type:  left:<1d  words")
            yield HistoryInput(id="filter", placeholder=placeholder)
            yield SteadyText(id="filter-found")
        yield Static(id="filter-error", markup=False)

    @property
    def is_open(self) -> bool:
        """Return whether a filter can be typed."""
        return self.has_class("-on")

    @property
    def line(self) -> HistoryInput:
        """The line itself."""
        return self.query_one(HistoryInput)

    def open(self, current: Filter, recent: Sequence[str]) -> None:
        """Open the line with the filter that is on; `recent` are those that were entered."""
        if not self.is_open:
            self._before = current
            self.line.begin(current.text, recent)
            self.add_class("-on")
        # at once: the next key is for the line
        self.screen.set_focus(self.line)

    def show_counts(self, counts: Content) -> None:
        """Show beside the line how much its filter finds, and what has arrived."""
        self.query_one("#filter-found", SteadyText).update(counts)

    def on_descendant_blur(self) -> None:
        """Close the line once the operator goes on elsewhere; what was typed is entered."""
        # a terminal that loses the focus is no reason
        if not self.is_open or not self.app.app_focus:
            return
        result = read_filter(self.line.value)
        if isinstance(result, Filter):
            self._enter(result)
        else:
            self.action_cancel()

    def show_error(self, error: FilterError | None) -> None:
        """Show what is wrong with a filter, or nothing."""
        place = self.query_one("#filter-error", Static)
        place.set_class(error is not None, "-on")
        if error is not None:
            text = _("character {n}: {why}").format(n=error.column, why=render(error.why))
            place.update(Content(text))

    def action_cancel(self) -> None:
        """Close the line; the filter is the one that was on before."""
        self._close()
        self.post_message(self.Changed(self._before))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show at once what is wrong with the text, and what it finds after a pause."""
        event.stop()
        self._stop_search()
        result = read_filter(event.value)
        self.show_error(result if isinstance(result, FilterError) else None)
        if isinstance(result, Filter) and self.is_open:
            changed = self.Changed(result)
            self._search = self.set_timer(_TYPING_PAUSE, lambda: self.post_message(changed))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Use the filter and close the line, or show what is wrong."""
        event.stop()
        result = read_filter(event.value)
        if isinstance(result, Filter):
            self._enter(result)

    def _enter(self, result: Filter) -> None:
        self._close()
        self.post_message(self.Changed(result, entered=True))

    def _close(self) -> None:
        self._stop_search()
        self.remove_class("-on")
        self.show_error(None)
        self.post_message(self.Closed())

    def _stop_search(self) -> None:
        if self._search is not None:
            self._search.stop()
