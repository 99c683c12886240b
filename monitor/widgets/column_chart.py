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

    A text beside it has a name and a sum, first of the values, then of those behind, which are
    drawn in grey.
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
    rows = max(1, (height - 1) // len(series))
    name_width = max(cell_len(name) for each in series for name, _sum in each.texts) + 1
    text_width = name_width + _SUM_WIDTH + 1
    # in one line what is behind is named beside the values
    beside = max(len(each.texts) for each in series) if rows == 1 else 1
    head = text_width * beside
    cells = max(1, (width - head) // len(labels))
    top = max(max([*each.values, *each.behind]) for each in series)
    lines = []
    for each in series:
        front, back = (
            chart(_columns(values, cells), cells * len(labels), rows, top)
            for values in (each.values, each.behind or [0] * len(labels))
        )
        for row in range(rows):
            parts: list[tuple[str, str]] = []
            for name, total in each.texts[row : row + beside]:
                count = pad_left(str(total or ""), _SUM_WIDTH) + " "
                is_behind = row > 0 or bool(parts)
                parts += [(fit(name, name_width), "$quiet")]
                parts += [(count, "$quiet" if is_behind else "bold")]
            text = Content.assemble(*parts)
            gap = " " * (head - cell_len(text.plain))
            chart_line = merged(front[row], back[row], each.style, "$quiet")
            lines.append(Content.assemble(text, gap, *chart_line))
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
