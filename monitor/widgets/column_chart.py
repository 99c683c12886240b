"""A chart of columns over an axis, with a name and a sum beside each of its series."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content

from monitor.formatting import fit, pad_left
from monitor.widgets.charts import chart, merged

_SUM_WIDTH = 6


@dataclass(frozen=True, slots=True)
class Series:
    """Values to be drawn as columns, others behind them, and what is said beside them.

    A text beside it has a name and a sum, first of the values, then of those behind.
    """

    values: Sequence[int]
    style: str
    texts: Sequence[tuple[str, int]]
    behind: Sequence[int] = ()


def column_chart(
    series: Sequence[Series], labels: Sequence[str], width: int, height: int
) -> Content:
    """Lay out the series below each other, to one scale, in so many cells and lines.

    `labels` has a text for each column, mostly an empty one; the last line is the axis.
    """
    name_width = max(cell_len(name) for each in series for name, _sum in each.texts) + 1
    head = name_width + _SUM_WIDTH + 1
    cells = max(1, (width - head) // len(labels))
    rows = max(1, (height - 1) // len(series))
    top = max(max([*each.values, *each.behind]) for each in series)
    lines = []
    for each in series:
        front, back = (
            chart(_columns(values, cells), cells * len(labels), rows, top)
            for values in (each.values, each.behind or [0] * len(labels))
        )
        for row in range(rows):
            name, total = each.texts[row] if row < len(each.texts) else ("", 0)
            lines.append(
                Content.assemble(
                    (fit(name, name_width), "$quiet"),
                    (pad_left(str(total or ""), _SUM_WIDTH), "$quiet" if row else "bold"),
                    " ",
                    *merged(front[row], back[row], each.style, "$quiet"),
                )
            )
    return Content("\n").join([*lines, Content.styled(" " * head + axis(labels, cells), "$quiet")])


def axis(labels: Sequence[str], cells: int) -> str:
    """Write each label at the beginning of its column, unless it would run into the one before."""
    text = ""
    for column, label in enumerate(labels):
        if label and len(text) <= cells * column:
            text = text.ljust(cells * column) + label + " "
    return text.rstrip()[: cells * len(labels)]


def _columns(values: Sequence[int], cells: int) -> list[int]:
    """Return two columns of dots a cell, with a gap after each value."""
    return [dots for value in values for dots in [value] * (2 * cells - 1) + [0]]
