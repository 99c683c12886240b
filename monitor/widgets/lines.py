"""A list that draws only the lines that are seen, however long it is (Textual's line API)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from monitor.formatting import fit


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its head, and its width in cells, or None for what the others leave.

    In a list that is narrower than `least` cells it is left out.
    """

    head: str
    width: int | None
    least: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a column: plain text, never markup, and the name of its style.

    `parts` come after the text, each in a style of its own.
    """

    text: str = ""
    style: str = ""
    parts: tuple[tuple[str, str], ...] = ()


class Lines(ScrollView, can_focus=True):
    """A list with a head and a cursor; a subclass says what its columns and cells are."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "lines--head",
        "lines--row",
        "lines--odd",
        "lines--cursor",
        "lines--prewarning",
        "lines--yellow",
        "lines--red",
        "lines--urgent",
        "lines--over",
        "lines--near",
        "lines--quiet",
        "lines--strong",
        "lines--good",
        "lines--load",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "cursor(-1)", show=False),
        Binding("down", "cursor(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "edge(0)", show=False),
        Binding("end", "edge(1)", show=False),
        Binding("enter", "choose", show=False),
    ]

    class Chosen(Message):
        """Enter was pressed on a line, or it was clicked twice."""

        def __init__(self, lines: "Lines", key: str) -> None:
            super().__init__()
            self.lines = lines
            self.key = key

    class Moved(Message):
        """The cursor stands on another line now."""

        def __init__(self, lines: "Lines") -> None:
            super().__init__()
            self.lines = lines

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.total = 0
        self.cursor = 0
        self.empty: Sequence[str] = ()
        """What an empty list says: why it is empty, and what to do."""

    # What a subclass says

    def columns(self, width: int) -> Sequence[Column]:
        """The columns for a list of this width."""
        raise NotImplementedError

    def cells(self, index: int, width: int) -> Sequence[Cell] | None:
        """The cells of a line, or None while it is not known."""
        raise NotImplementedError

    def key(self, index: int) -> str | None:
        """What the line is about, or None while it is not known."""
        raise NotImplementedError

    # What it is told

    def resize_to(self, total: int) -> None:
        """There are so many lines now."""
        self.total = total
        self.cursor = max(0, min(self.cursor, total - 1))
        size = Size(self.room, total + 1)
        if size != self.virtual_size:
            self.virtual_size = size
        self.refresh()

    @property
    def room(self) -> int:
        """How many cells a line has, without the scroll bar."""
        return self.scrollable_content_region.width

    @property
    def seen(self) -> int:
        """How many lines are seen at once, without the head."""
        return max(1, self.size.height - 1)

    @property
    def first(self) -> int:
        """The first line that is seen."""
        return round(self.scroll_y)

    def put_cursor(self, index: int, *, row: int | None = None) -> None:
        """Set the cursor on a line and show it: in this row of the screen, or the least move."""
        self.cursor = max(0, min(index, self.total - 1))
        first = self.first
        if row is not None:
            first = self.cursor - row
        first = min(first, self.cursor)
        first = max(first, self.cursor - self.seen + 1, 0)
        if first != self.first:
            self.scroll_to(y=first, animate=False, immediate=True, force=True)
        self.refresh()

    # Keys and mouse

    def action_cursor(self, by: int) -> None:
        """Move the cursor by lines."""
        self._move(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by as many lines as are seen."""
        self._move(self.cursor + by * self.seen)

    def action_edge(self, last: int) -> None:
        """Move the cursor to the first or the last line."""
        self._move(self.total - 1 if last else 0)

    def action_choose(self) -> None:
        """Open what the cursor stands on."""
        if (key := self.key(self.cursor)) is not None:
            self.post_message(self.Chosen(self, key))

    def _move(self, index: int) -> None:
        if self.total:
            self.put_cursor(index)
            self.post_message(self.Moved(self))

    def on_click(self, event: events.Click) -> None:
        """Set the cursor; a second click opens."""
        index = self.first + event.y - 1
        if event.y < 1 or index >= self.total:
            return
        if event.chain > 1 and index == self.cursor:
            self.action_choose()
        else:
            self._move(index)

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self.resize_to(self.total)
        self.call_after_refresh(self.put_cursor, self.cursor)

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.refresh()

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One line of the screen: the head, or the cells of a line of the list."""
        width = self.room
        every = self.columns(width)
        columns = [c for c in every if c.least <= width]
        rest = width - 2 - sum((c.width or 0) + 1 for c in columns) + 1
        widths = [c.width if c.width is not None else max(4, rest) for c in columns]
        if y == 0:
            style = self.get_component_rich_style("lines--head")
            text = "  " + " ".join(fit(c.head, w) for c, w in zip(columns, widths, strict=True))
            return Strip([Segment(fit(text, width), style)], width)
        index = self.first + y - 1
        name = "lines--odd" if index % 2 else "lines--row"
        at_cursor = index == self.cursor and index < self.total and self.has_focus
        base = self.get_component_rich_style("lines--cursor" if at_cursor else name)
        cells = self.cells(index, width) if index < self.total else None
        if cells is None:
            text = "  .." if index < self.total else self._emptiness(y)
            plain = self.get_component_rich_style("lines--row") if not text else base
            return Strip([Segment(fit(text, width), plain)], width)
        segments = [Segment("> " if at_cursor else "  ", base)]
        seen = [cell for cell, c in zip(cells, every, strict=True) if c.least <= width]
        for cell, cells_wide in zip(seen, widths, strict=True):
            if cell.parts:
                segments += self._in_parts(cell, cells_wide, base)
            else:
                segments.append(Segment(fit(cell.text, cells_wide), self._style(cell.style, base)))
            segments.append(Segment(" ", base))
        return Strip(segments).adjust_cell_length(width, base)

    def _style(self, name: str, base: Style) -> Style:
        if not name:
            return base
        return base + self.get_component_rich_style(f"lines--{name}", partial=True)

    def _in_parts(self, cell: Cell, width: int, base: Style) -> list[Segment]:
        texts = [(cell.text, cell.style), *cell.parts]
        drawn = Strip([Segment(text, self._style(name, base)) for text, name in texts if text])
        return list(drawn.adjust_cell_length(width, base))

    def _emptiness(self, y: int) -> str:
        """A line of what an empty list says, a little below its head."""
        line = y - 2
        return f"  {self.empty[line]}" if not self.total and 0 <= line < len(self.empty) else ""
