"""A list that draws only its visible lines, however long it is (Textual's line API)."""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from models.i18n import _
from monitor.formatting import fit, shorten
from monitor.widgets.list_columns import Cell, Column, column_at, fitting_widths

_MOST_STRIPS = 1_000
"""Drawn lines that are kept: a line that looks as before is not drawn again."""


class VirtualList(ScrollView, can_focus=True):
    """A list with a head and a cursor; a subclass provides its columns and cells."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "virtual-list--head",
        "virtual-list--row",
        "virtual-list--odd",
        "virtual-list--cursor",
        "virtual-list--prewarning",
        "virtual-list--yellow",
        "virtual-list--red",
        "virtual-list--urgent",
        "virtual-list--over",
        "virtual-list--near",
        "virtual-list--soon",
        "virtual-list--quiet",
        "virtual-list--strong",
        "virtual-list--good",
        "virtual-list--rest",
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
        """An item is to be opened."""

        def __init__(self, source: "VirtualList", key: str) -> None:
            super().__init__()
            self.source = source
            self.key = key

    class CursorMoved(Message):
        """The cursor is on another item."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.total = 0
        self.cursor = 0
        self.empty: Sequence[str] = (_("Being read .."),)
        """The lines of an empty list: why it is empty, and what to do."""
        self._drawn: list[Strip] = []
        self._is_stale = False
        self._drawn_widths: Sequence[int | None] = ()
        self._strips: dict[tuple[tuple[Cell, ...], int, str], Strip] = {}

    # Provided by a subclass

    def columns(self, width: int) -> Sequence[Column]:
        """Return the columns of a list of this width."""
        raise NotImplementedError

    def cells(self, index: int, width: int) -> Sequence[Cell] | None:
        """Return the cells of an item, or None while it is not loaded."""
        raise NotImplementedError

    def key(self, index: int) -> str | None:
        """Return the key of what an item is about, or None while it is not loaded."""
        raise NotImplementedError

    @property
    def shows_cursor(self) -> bool:
        """Return whether the cursor is drawn: where the keys move it."""
        return self.has_focus

    # Size and place

    def resize_to(self, total: int) -> None:
        """Set the number of items."""
        self.total = total
        self.cursor = max(0, min(self.cursor, total - 1))
        size = Size(self.line_width, total + 1)
        if size != self.virtual_size:
            self.virtual_size = size
        self.redraw()

    @property
    def line_width(self) -> int:
        """The cells of a line, without the scroll bar."""
        return self.scrollable_content_region.width

    @property
    def visible_rows(self) -> int:
        """The number of items that fit on the screen, without the head."""
        return max(1, self.size.height - 1)

    @property
    def first(self) -> int:
        """The index of the first visible item."""
        return round(self.scroll_y)

    def put_cursor(self, index: int, *, row: int | None = None) -> None:
        """Put the cursor on an item and scroll to it: to this row, or as little as possible."""
        self.cursor = max(0, min(index, self.total - 1))
        first = self.first_with(self.cursor, row=row)
        if first != self.first:
            self.scroll_to(y=first, animate=False, immediate=True, force=True)
        self.redraw()

    def first_with(self, index: int, *, row: int | None = None) -> int:
        """Return the first visible item once this one is in sight."""
        first = min(self.first if row is None else index - row, index)
        return max(first, index - self.visible_rows + 1, 0)

    @property
    def aim(self) -> int:
        """The item that the cursor is on, or on the way to."""
        return self.cursor

    # Keys and mouse

    def action_cursor(self, by: int) -> None:
        """Move the cursor by so many items."""
        self._move(self.aim + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by as many items as are visible."""
        self._move(self.aim + by * self.visible_rows)

    def action_edge(self, last: int) -> None:
        """Move the cursor to the first or the last item."""
        self._move(self.total - 1 if last else 0)

    def action_choose(self) -> None:
        """Open the item under the cursor."""
        if (key := self.key(self.cursor)) is not None:
            self.post_message(self.Chosen(self, key))

    def _move(self, index: int) -> None:
        if self.total:
            self.put_cursor(index)
            self.post_message(self.CursorMoved())

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there; a second click opens the item."""
        if event.y == 0:
            index = column_at(self.columns(self.line_width), self.line_width, event.x)
            if index is not None:
                self.on_head_clicked(index)
            return
        index = self.first + event.y - 1
        if index >= self.total:
            return
        if event.chain > 1 and index == self.cursor:
            self.action_choose()
        else:
            self._move(index)

    def on_head_clicked(self, index: int) -> None:
        """Do what a click on the head of this column does: nothing in most lists."""

    def on_resize(self) -> None:
        """Keep the cursor visible."""
        self.resize_to(self.total)
        self.call_after_refresh(self.put_cursor, self.cursor)

    def on_focus(self) -> None:
        """Show the cursor."""
        self.redraw()

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.redraw()

    # Drawing

    def redraw(self) -> None:
        """Draw the visible lines once all that has just happened is known."""
        if not self._is_stale:
            self._is_stale = True
            self.call_next(self._redraw)

    def _redraw(self) -> None:
        """Draw the visible lines; those that have changed go to the screen."""
        self._is_stale = False
        if not self.size:
            return
        before, self._drawn = self._drawn, self.draw()
        width = self.line_width
        for y, strip in enumerate(self._drawn):
            if y >= len(before) or strip != before[y]:
                self.refresh(Region(0, y, width, 1))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Draw what is in sight now."""
        super().watch_scroll_y(old_value, new_value)
        self.redraw()

    def notify_style_update(self) -> None:
        """Draw in other colours."""
        super().notify_style_update()
        self._strips = {}
        self.redraw()

    def mark(self, index: int, *, at_cursor: bool) -> str:
        """Return the two cells before a row."""
        return "> " if at_cursor else "  "

    def render_line(self, y: int) -> Strip:
        """Return a line of the screen as it was drawn last."""
        if y < len(self._drawn):
            return self._drawn[y]
        return Strip.blank(self.line_width, self.get_component_rich_style("virtual-list--row"))

    def draw(self) -> list[Strip]:
        """Draw all lines: the head, and the cells of each item."""
        width = self.line_width
        columns = self.columns(width)
        widths = fitting_widths(columns, width)
        if widths != self._drawn_widths or len(self._strips) > _MOST_STRIPS:
            self._drawn_widths, self._strips = widths, {}
        lines = (self._line(y, widths, width) for y in range(1, self.size.height))
        return [self._head(columns, widths, width), *lines]

    def _line(self, y: int, widths: Sequence[int | None], width: int) -> Strip:
        index = self.first + y - 1
        at_cursor = index == self.cursor and index < self.total and self.shows_cursor
        zebra = "virtual-list--odd" if index % 2 else "virtual-list--row"
        base = self.get_component_rich_style("virtual-list--cursor" if at_cursor else zebra)
        cells = self.cells(index, width) if index < self.total else None
        if cells is None:
            text = "  .." if index < self.total else self._empty_line(y)
            plain = self.get_component_rich_style("virtual-list--row") if not text else base
            return Strip([Segment(fit(text, width), plain)], width)
        key = tuple(cells), index % 2, self.mark(index, at_cursor=at_cursor)
        if key not in self._strips:
            segments = [Segment(key[2], base), *self._segments(cells, widths, base)]
            self._strips[key] = Strip(segments).adjust_cell_length(width, base)
        return self._strips[key]

    def _segments(
        self, cells: Sequence[Cell], widths: Sequence[int | None], base: Style
    ) -> list[Segment]:
        segments: list[Segment] = []
        for cell, cell_width in zip(cells, widths, strict=True):
            if cell_width is None:
                continue
            if cell.parts:
                segments += self._in_parts(cell, cell_width, base)
            else:
                segments.append(Segment(fit(cell.text, cell_width), self._style(cell.style, base)))
            segments.append(Segment(" ", base))
        return segments

    def _head(self, columns: Sequence[Column], widths: Sequence[int | None], width: int) -> Strip:
        style = self.get_component_rich_style("virtual-list--head")
        heads = [fit(c.head, w) for c, w in zip(columns, widths, strict=True) if w is not None]
        segments = [Segment("  ", style), *(Segment(f"{head} ", style) for head in heads)]
        return Strip(segments).adjust_cell_length(width, style)

    def _style(self, name: str, base: Style) -> Style:
        if not name:
            return base
        return base + self.get_component_rich_style(f"virtual-list--{name}", partial=True)

    def _in_parts(self, cell: Cell, width: int, base: Style) -> list[Segment]:
        segments, room = [], width
        for text, name in ((cell.text, cell.style), *cell.parts):
            part = shorten(text, room)
            segments.append(Segment(part, self._style(name, base)))
            room -= cell_len(part)
        return list(Strip(segments).adjust_cell_length(width, base))

    def _empty_line(self, y: int) -> str:
        """Return a line of `empty`, which begins a little below the head."""
        line = y - 2
        return f"  {self.empty[line]}" if not self.total and 0 <= line < len(self.empty) else ""
