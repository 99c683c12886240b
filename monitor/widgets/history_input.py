"""A line of text that recalls what was entered before."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.widgets import Input


class HistoryInput(Input):
    """A line of text; Up puts in what was entered before, Down what was entered after that."""

    BINDINGS: ClassVar[list[BindingType]] = [("up", "recall(1)"), ("down", "recall(-1)")]

    _entries: Sequence[str] = ()
    _at = -1
    _draft = ""

    def begin(self, text: str, entries: Sequence[str]) -> None:
        """Show this text; `entries` is what was entered before, the newest first."""
        self._entries, self._at, self._draft = entries, -1, text
        self.value = text
        self.cursor_position = len(text)

    def action_recall(self, by: int) -> None:
        """Show an older or a newer entry, and after the newest what was being typed."""
        at = max(-1, min(self._at + by, len(self._entries) - 1))
        if at == self._at:
            return
        if self._at < 0:
            self._draft = self.value
        self._at = at
        self.value = self._entries[at] if at >= 0 else self._draft
        self.cursor_position = len(self.value)
