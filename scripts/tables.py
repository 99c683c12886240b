"""Lay out the tables that commands print for people, all in one style."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

from rich.cells import cell_len, chop_cells, set_cell_size

from models.rules.text import one_line, steady_width

BOLD, YELLOW, RED = "1", "33", "1;31"
"""Colours by their codes (ECMA-48, SGR)."""

LEVEL_COLOURS = {"prewarning": BOLD, "yellow": YELLOW, "red": RED}
"""The colours of levels."""

_BETWEEN = "  "
_CUT = ".."
_LEAST_TEXT, _LEAST_HEAD = 8, 4
"""The cells that a column of texts and a head keep on a screen too narrow for the table."""

_ONE_PIECE = re.compile(r"[!-~]*(?: \d[\d:]*)?")
"""Matches numbers, instants, codes, tickets' numbers: what is of no use if it is cut."""


class Coloured(NamedTuple):
    """A text in a colour, where colours are shown."""

    text: str
    colour: str


Cell = str | Coloured


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its rows under their heads; `numbers` are the columns that are set right.

    Without heads the columns are only aligned. A column in `whole` is cut on no screen.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    numbers: Collection[int] = ()
    whole: Collection[int] = ()


def coloured(text: str, colour: str) -> str:
    """Return a text in a colour, as terminals take it."""
    return f"\x1b[{colour}m{text}\x1b[0m" if text else text


def table_lines(
    table: Table, width: int | None = None, *, in_colour: bool = False
) -> Iterator[str]:
    """Yield the lines of the heads, then one line a row.

    `width` is how many cells the screen has: for a wider table heads are folded, then the widest
    texts cut, as far as that goes. None folds and cuts nothing.
    """
    rows = [[_plain(cell, width) for cell in row] for row in table.rows]
    bodies = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    bodies = bodies or [0] * len(table.heads)
    heads = list(table.heads) or [""] * len(bodies)
    widths = [max(cell_len(h), body) for h, body in zip(heads, bodies, strict=True)]
    if width is not None and _total(widths) > width:
        widths = [max(_narrowest(h), body) for h, body in zip(heads, bodies, strict=True)]
        _cut_texts(widths, rows, {*table.numbers, *table.whole}, width)
    for parts in zip_longest(*map(_folded, heads, widths), fillvalue=""):
        if any(parts):
            line = _line(parts, widths, table.numbers)
            yield coloured(line, BOLD) if in_colour else line
    for plain, row in zip(rows, table.rows, strict=True):
        colours = [c.colour if in_colour and isinstance(c, Coloured) else "" for c in row]
        yield _line(plain, widths, table.numbers, colours)


def _plain(cell: Cell, width: int | None) -> str:
    text = one_line(cell.text if isinstance(cell, Coloured) else cell)
    # a terminal gets these signs in another width
    return text if width is None else steady_width(text)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_BETWEEN) * (len(widths) - 1)


def _narrowest(head: str) -> int:
    """Return the cells that a folded head needs; only writing without blanks folds anywhere."""
    longest = max(map(cell_len, head.split()), default=0)
    return longest if head.isascii() else min(longest, _LEAST_HEAD)


def _cut_texts(
    widths: list[int], rows: Sequence[Sequence[str]], kept: Collection[int], width: int
) -> None:
    """Make the widest columns of texts narrower, until the table is as wide as the screen."""
    texts = [
        n
        for n, column in enumerate(zip(*rows, strict=True))
        if n not in kept and not all(map(_ONE_PIECE.fullmatch, column))
    ]
    for _cell in range(_total(widths) - width):
        widest = max(texts, key=widths.__getitem__, default=None)
        if widest is None or widths[widest] <= _LEAST_TEXT:
            return
        widths[widest] -= 1


def _folded(head: str, width: int) -> list[str]:
    if cell_len(head) <= width:
        return [head]
    lines = [""]
    for piece in (p for word in head.split() for p in chop_cells(word, max(width, 1))):
        joined = f"{lines[-1]} {piece}".strip()
        if cell_len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(piece)
    return [line for line in lines if line]


def _line(
    cells: Sequence[str],
    widths: Sequence[int],
    numbers: Collection[int],
    colours: Sequence[str] = (),
) -> str:
    parts = []
    for n, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        text = cell if cell_len(cell) <= width else set_cell_size(cell, width - len(_CUT)) + _CUT
        size = cell_len(text)
        text = coloured(text, colours[n]) if colours and colours[n] else text
        blanks = " " * (width - size)
        parts.append(blanks + text if n in numbers else text + blanks)
    return _BETWEEN.join(parts).rstrip()
