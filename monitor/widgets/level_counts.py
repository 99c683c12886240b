"""The columns of lists that say how many tickets stand at each level."""

from collections.abc import Iterator, Mapping, Sequence

from models.rules.vocabulary import Level
from monitor.formatting import pad_left
from monitor.labels import BADGES, COUNT_STYLES, word
from monitor.widgets.list_columns import Cell, Column

_WIDTH = 4


def level_heads(levels: Sequence[Level] = tuple(Level)) -> Iterator[Column]:
    """Yield a column for each level."""
    for level in levels:
        yield Column(pad_left(word(BADGES, level), _WIDTH), _WIDTH)


def level_cells(
    counts: Mapping[Level, int], levels: Sequence[Level] = tuple(Level)
) -> Iterator[Cell]:
    """Yield the cells of such columns; none has a zero."""
    for level in levels:
        yield count_cell(counts.get(level, 0), _WIDTH, COUNT_STYLES[level])


def count_cell(count: int, width: int, style: str = "") -> Cell:
    """Return the cell of a count, aligned to the right; of zero it is blank."""
    return Cell(pad_left(str(count or ""), width), style if count else "")
