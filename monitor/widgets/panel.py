"""A panel: a thin frame with a title, and what it holds."""

from collections.abc import Sequence

from rich.cells import cell_len
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget

from models.i18n import LazyText, render
from monitor.formatting import CUT

_LINE, _SIDE, _LEFT, _RIGHT = "\u254c", "\u254e", "\u2576", "\u2574"
"""Dashed lines and half lines: of the characters that draw frames, these are one cell wide in all
terminals."""


class Panel(Vertical):
    """Holds widgets in a frame, whose upper line begins with a title.

    In a small terminal the upper line is all of the frame: the room is for what the panel holds.
    """

    def __init__(self, title: LazyText, *children: Widget, id: str) -> None:
        super().__init__(*children, id=id, classes="panel")
        self._title = title
        self._rest: tuple[Content, ...] = ()

    def show_title(self, *parts: Content | str) -> None:
        """Show the title with these parts after it."""
        rest = tuple(part if isinstance(part, Content) else Content(part) for part in parts)
        before, self._rest = self._rest, rest
        if len(before) != len(rest) or not all(map(Content.is_same, before, rest)):
            self.refresh(Region(0, 0, self.size.width, 1))

    def render(self) -> Content:
        """Draw the frame; what the panel holds lies over its middle."""
        is_whole = self.screen.has_class("-wide") and self.screen.has_class("-tall")
        title = Content.styled(render(self._title), "bold $primary")
        return frame([title, *self._rest], *self.size, is_whole=is_whole)


def frame(title: Sequence[Content], width: int, height: int, *, is_whole: bool) -> Content:
    """Draw a frame of this size with a title, or its upper line alone."""
    if width < 4 or height < 1:
        return Content("")
    text = Content("  ").join(title)
    if (room := width - 6) < cell_len(text.plain):
        text = text.truncate(max(0, room - len(CUT))) + CUT
    rule = _LINE * (width - 5 - cell_len(text.plain)) + _RIGHT
    lines = [Content.assemble((_LEFT + _LINE + " ", "$frame"), text, (" " + rule, "$frame"))]
    if is_whole and height > 1:
        sides = Content.styled(_SIDE + " " * (width - 2) + _SIDE, "$frame")
        lines += [sides] * (height - 2)
        lines.append(Content.styled(_LEFT + _LINE * (width - 2) + _RIGHT, "$frame"))
    return Content("\n").join(lines)
