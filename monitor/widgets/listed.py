"""A list whose lines are all at hand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.widgets.lines import Cell, Column, Lines


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what it is about, and its cells."""

    key: str
    cells: tuple[Cell, ...]


class Listed(Lines):
    """Lines that are handed over whole; the cursor stays on what it is about."""

    def __init__(self, heads: Callable[[], Sequence[Column]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._heads = heads
        self._lines: Sequence[Line] = ()

    def show(self, lines: Sequence[Line], empty: Sequence[str] = ()) -> None:
        """Show these lines; `empty` is what is said where there are none."""
        key, row = self.key(self.cursor), self.cursor - self.first
        self._lines, self.empty = lines, empty
        self.resize_to(len(lines))
        index = next((i for i, line in enumerate(lines) if line.key == key), None)
        if index is not None and self.cursor and index != self.cursor:
            self.put_cursor(index, row=row)

    def key(self, index: int) -> str | None:
        """What the line is about."""
        return self._lines[index].key if 0 <= index < len(self._lines) else None

    def columns(self, width: int) -> Sequence[Column]:
        """The columns, the same for every width."""
        return self._heads()

    def cells(self, index: int, width: int) -> Sequence[Cell] | None:
        """The cells of a line."""
        return self._lines[index].cells
