"""Small charts and large figures, drawn with characters that are one cell wide everywhere."""

from collections.abc import Sequence
from itertools import groupby

_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
"""The dots of a Braille cell from the bottom up, its left and its right column."""

_BLANK = 0x2800
_BAR = chr(_BLANK + 0x36)
"""A cell of a bar: dots in its middle, so that the bars of two lines do not touch."""

_DIGITS = {
    "0": ("###", "# #", "# #", "# #", "###"),
    "1": ("  #", "  #", "  #", "  #", "  #"),
    "2": ("###", "  #", "###", "#  ", "###"),
    "3": ("###", "  #", "###", "  #", "###"),
    "4": ("# #", "# #", "###", "  #", "  #"),
    "5": ("###", "#  ", "###", "  #", "###"),
    "6": ("###", "#  ", "###", "# #", "###"),
    "7": ("###", "  #", "  #", "  #", "  #"),
    "8": ("###", "# #", "###", "# #", "###"),
    "9": ("###", "# #", "###", "  #", "###"),
    ":": ("   ", " # ", "   ", " # ", "   "),
}
LARGE_ROWS = 5


def chart(values: Sequence[int], width: int, height: int = 1, top: int | None = None) -> list[str]:
    """Draw the last values as columns of dots, two a cell, the latest at the right.

    `top` is the value of a full column, by default the largest value. Every value above zero has
    at least one dot.
    """
    columns = list(values)[-2 * width :]
    columns = [0] * (2 * width - len(columns)) + columns
    full = max(1, top or max(columns, default=0))
    steps = 4 * height
    heights = [min(steps, -(-max(0, value) * steps // full)) for value in columns]
    rows = []
    for row in range(height - 1, -1, -1):
        cells = []
        for left in range(0, 2 * width, 2):
            code = _BLANK
            for side in (0, 1):
                filled = max(0, min(4, heights[left + side] - 4 * row))
                code |= sum(_DOTS[side][:filled])
            # a blank Braille cell is drawn as circles in some fonts
            cells.append(chr(code) if code > _BLANK else " ")
        rows.append("".join(cells))
    return rows


def merged(front: str, back: str, style: str, back_style: str) -> list[tuple[str, str]]:
    """Draw a line of a chart before a line of another one, each with its style."""
    cells = [
        (first, style) if first != " " else (second, back_style)
        for first, second in zip(front, back, strict=True)
    ]
    groups = groupby(cells, key=lambda cell: cell[1])
    return [("".join(text for text, _style in group), of_group) for of_group, group in groups]


def shares(parts: Sequence[tuple[int, str]], most: int, width: int) -> tuple[tuple[str, str], ...]:
    """Draw a bar of parts, each with its style; `most` is the sum that fills all cells."""
    if most <= 0:
        return ()
    bar, used, total = [], 0, 0
    for count, style in parts:
        total += count
        until = max(used + (count > 0), round(total * width / most))
        until = min(until, width)
        if until > used:
            bar.append((_BAR * (until - used), style))
            used = until
    return tuple(bar)


def large(text: str) -> list[str]:
    """Draw figures five lines high, `#` for a dot, each dot two cells wide."""
    rows = []
    for line in range(LARGE_ROWS):
        dots = " ".join(_DIGITS.get(char, ("   ",) * LARGE_ROWS)[line] for char in text)
        rows.append("".join(dot * 2 for dot in dots))
    return rows
