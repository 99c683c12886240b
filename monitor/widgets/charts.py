"""Small charts and large figures, drawn with characters that are one cell wide everywhere."""

from collections.abc import Sequence

_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
"""The dots of a Braille cell from the bottom up, its left and its right column."""

_BLANK = 0x2800

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
    """The last values as columns of dots, two a cell, in so many lines; the latest at the right.

    `top` is the value of a full column; the largest one where none is given. Whatever is not
    nothing has a dot.
    """
    shown = list(values)[-2 * width :]
    shown = [0] * (2 * width - len(shown)) + shown
    full = max(1, top or max(shown, default=0))
    steps = 4 * height
    heights = [min(steps, -(-max(0, v) * steps // full)) for v in shown]
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


def shares(parts: Sequence[tuple[int, str]], most: int, width: int) -> tuple[tuple[str, str], ...]:
    """A bar of parts, each so many of `most` with its style, in at most so many cells."""
    if most <= 0:
        return ()
    drawn, used, total = [], 0, 0
    for count, style in parts:
        total += count
        until = max(used + (count > 0), round(total * width / most))
        until = min(until, width)
        if until > used:
            drawn.append((" " * (until - used), style))
            used = until
    return tuple(drawn)


def large(text: str) -> list[str]:
    """Figures five lines high, `#` where a dot is, each dot two cells wide."""
    rows = []
    for line in range(LARGE_ROWS):
        dots = " ".join(_DIGITS.get(char, ("   ",) * LARGE_ROWS)[line] for char in text)
        rows.append("".join(dot * 2 for dot in dots))
    return rows
