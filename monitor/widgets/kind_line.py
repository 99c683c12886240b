"""A line of kinds with their numbers, of which one is chosen."""

from collections.abc import Mapping

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message

from models.i18n import LazyText, render
from monitor.formatting import CUT
from monitor.widgets.steady_text import SteadyText


class KindLine(SteadyText):
    """The kinds of a list with their numbers; one is chosen, by the arrow keys or a click."""

    def __init__(self, names: Mapping[str, LazyText], chosen: str) -> None:
        super().__init__(id="kinds")
        self.chosen = chosen
        self._names = names
        self._counts: Mapping[str, int] = {}
        """Nothing before the first read."""

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
        first, texts = self._in_sight()
        parts = [Content(CUT)] if first else []
        for kind, text in list(texts.items())[first:]:
            style = "bold reverse" if kind == self.chosen else ""
            parts.append(Content.styled(text, style))
        line = Content(" ").join(parts)
        if (room := self.content_size.width) and cell_len(line.plain) > room:
            line = line.truncate(room - cell_len(CUT)) + CUT
        self.update(line)

    def on_resize(self) -> None:
        """Draw what fits now."""
        self.draw()

    def _in_sight(self) -> tuple[int, dict[str, str]]:
        """Return the first kind in sight, so that the chosen one is whole, and all their texts."""
        texts = {kind: self._text(kind) for kind in self._names}
        widths = [cell_len(text) + 1 for text in texts.values()]
        chosen, first = list(texts).index(self.chosen), 0
        width = self.content_size.width
        room = width - 2 * (cell_len(CUT) + 1)
        if 0 < width < sum(widths) - 1:
            while first < chosen and sum(widths[first : chosen + 1]) > room:
                first += 1
        return first, texts

    def other(self, by: int) -> str:
        """Return the kind so many places after the chosen one."""
        kinds = list(self._names)
        return kinds[(kinds.index(self.chosen) + by) % len(kinds)]

    def _text(self, kind: str) -> str:
        name, count = render(self._names[kind]), self._counts.get(kind)
        return f" {name} " if count is None else f" {name} {count} "

    def on_click(self, event: events.Click) -> None:
        """Choose the kind that was clicked."""
        first, texts = self._in_sight()
        at = 1 + (cell_len(CUT) + 1 if first else 0)
        for kind, text in list(texts.items())[first:]:
            width = cell_len(text)
            if at <= event.x < at + width:
                self.post_message(self.Chosen(kind))
            at += width + 1
