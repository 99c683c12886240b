"""A line of kinds with their numbers, of which one is chosen."""

from collections.abc import Mapping

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message

from models.i18n import LazyText, render
from monitor.widgets.steady_text import SteadyText


class KindLine(SteadyText):
    """The kinds of a list with their numbers; one is chosen, by the arrow keys or a click."""

    def __init__(self, names: Mapping[str, LazyText], chosen: str) -> None:
        super().__init__(id="kinds")
        self.chosen = chosen
        self._names = names
        self._counts: Mapping[str, int] = {}

    class Chosen(Message):
        """A kind was clicked."""

        def __init__(self, kind: str) -> None:
            super().__init__()
            self.kind = kind

    def show(self, counts: Mapping[str, int]) -> None:
        """Show these numbers."""
        self._counts = counts
        self.draw()

    def draw(self) -> None:
        """Draw the line again."""
        parts = []
        for kind in self._names:
            style = "bold reverse" if kind == self.chosen else ""
            parts.append(Content.styled(self._text(kind), style))
        self.update(Content(" ").join(parts))

    def other(self, by: int) -> str:
        """Return the kind so many places after the chosen one."""
        kinds = list(self._names)
        return kinds[(kinds.index(self.chosen) + by) % len(kinds)]

    def _text(self, kind: str) -> str:
        return f" {render(self._names[kind])} {self._counts.get(kind, 0)} "

    def on_click(self, event: events.Click) -> None:
        """Choose the kind that was clicked."""
        at = 1
        for kind in self._names:
            width = cell_len(self._text(kind))
            if at <= event.x < at + width:
                self.post_message(self.Chosen(kind))
            at += width + 1
