"""The columns of a list: their heads and widths, and the cells that a row has in them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its head, and its width in cells, or None for the rest of the line.

    In a list that is narrower than `least` cells it is left out.
    """

    head: str
    width: int | None
    least: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """A text of a column, never markup, and the name of its style.

    `parts` come after the text, each in a style of its own.
    """

    text: str = ""
    style: str = ""
    parts: tuple[tuple[str, str], ...] = ()


def fitting_widths(columns: Sequence[Column], width: int) -> list[int | None]:
    """Return each column's width in a list so wide, or None for a column that is left out."""
    fitting = [column for column in columns if column.least <= width]
    rest = max(4, width - 2 - sum((column.width or 0) + 1 for column in fitting) + 1)
    return [
        None if column.least > width else rest if column.width is None else column.width
        for column in columns
    ]


def column_at(columns: Sequence[Column], width: int, x: int) -> int | None:
    """Return the index of the column that a cell of the line is in, after the two of the mark."""
    begins = 2
    for index, column_width in enumerate(fitting_widths(columns, width)):
        if column_width is None:
            continue
        if begins <= x < begins + column_width:
            return index
        begins += column_width + 1
    return None
