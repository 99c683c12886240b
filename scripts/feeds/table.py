"""Rows of any table into messages: the half that spreadsheets and text files share."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from models.labels import Said, say
from models.rules.text import clean
from scripts.feeds.dates import instant
from scripts.feeds.mapping import INSTANTS, Mapping
from scripts.feeds.rows import TICKET_RECEIVED, Cell, ColumnsUnknown, MappingsTied, Read, shown

HEADER_WITHIN = 20
"""Rows searched for the headers: exports put titles and notes above them."""

_NUMBERS = ("ticket", "id")
_WHOLE = ("statutory_limit.workdays", "statutory_limit.hours", "declined")
_EXACT = 10**15
_ROUNDED = re.compile(r"\d(\.\d+)?E\+\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a mapping's fields stand in one particular table, and the row of its headers."""

    mapping: Mapping
    row: int
    headers: tuple[str, ...]
    columns: dict[str, int]


def locate(
    feed: str, first_rows: Sequence[Sequence[Cell]], mappings: Sequence[Mapping]
) -> Layout | None:
    """The layout of a table whose headers a mapping knows, by its first rows, or None.

    The mapping that names the most headers wins; raises MappingsTied if two do.
    """
    for index, cells in enumerate(first_rows[:HEADER_WITHIN]):
        fits = [found for m in mappings if (found := _layout(m, index, cells)) is not None]
        if not fits:
            continue
        most = max(len(found.mapping.headers) for found in fits)
        best = [found for found in fits if len(found.mapping.headers) == most]
        if len(best) > 1:
            raise MappingsTied(feed, tuple(found.mapping.name for found in best))
        return best[0]
    return None


def unknown(feed: str, mappings: Sequence[Mapping]) -> ColumnsUnknown:
    """The error for a table that none of these mappings knows."""
    return ColumnsUnknown(feed, {mapping.name: mapping.headers for mapping in mappings})


def message(layout: Layout, line: int, cells: Sequence[Cell]) -> Read | None:
    """One row as a message or as a refusal; None for a blank row, which is neither."""
    if not any(clean(shown(cell)) for cell in cells if cell is not None and cell != ""):
        return None
    raw = _raw(layout.headers, cells)
    made = _made(layout, cells)
    if isinstance(made, Said):
        return Read(line, layout.mapping.name, None, made, raw)
    return Read(line, layout.mapping.name, made, None, raw)


def _layout(mapping: Mapping, row: int, cells: Sequence[Cell]) -> Layout | None:
    headers = tuple(clean(shown(cell)) for cell in cells)
    places: dict[str, int] = {}
    for index, header in enumerate(headers):
        places.setdefault(_folded(header), index)
    if any(_folded(header) not in places for header in mapping.headers):
        return None
    columns = {
        field: places[name]
        for field in mapping.columns
        for name in map(_folded, reversed(mapping.names(field)))
        if name in places
    }
    if "ticket" not in columns or "at" not in columns:
        return None
    return Layout(mapping, row, headers, columns)


def _folded(header: str) -> str:
    # One export writes "留言 编号" or "Created Date", the next "留言编号" or "created date".
    return "".join(unicodedata.normalize("NFKC", clean(header)).split()).casefold()


def _made(layout: Layout, cells: Sequence[Cell]) -> dict[str, object] | Said:
    extra = cells[len(layout.headers) :]
    if len(cells) < len(layout.headers) or any(clean(shown(cell)) for cell in extra):
        return say(
            "The row has {cells} cells and the table {columns} columns: the row is torn, or a "
            "cell holds the delimiter without quotes. Mend the row",
            cells=len(cells),
            columns=len(layout.headers),
        )
    made: dict[str, object] = {"type": TICKET_RECEIVED}
    for field in dict.fromkeys((*layout.columns, *layout.mapping.constants)):
        value = _value(layout, field, cells)
        if isinstance(value, Said):
            return value
        if value is not None:
            _put(made, field, value)
    for field in ("ticket", "at"):
        if field not in made:
            return say(
                'The cell "{column}" is blank, and no ticket can be without it. Fill it in',
                column=layout.headers[layout.columns[field]],
            )
    return made


def _value(layout: Layout, field: str, cells: Sequence[Cell]) -> str | int | Said | None:
    mapping = layout.mapping
    place = layout.columns.get(field)
    cell = None if place is None else cells[place]
    text = clean(shown(cell))
    if place is None or not text or text in mapping.empty:
        return mapping.constants.get(field)
    column = layout.headers[place]
    if field in INSTANTS:
        moment = instant(cell, mapping.dates, mapping.tz())
        return moment.isoformat() if moment else _no_date(column)
    if field in _NUMBERS:
        return _number(cell, text, column)
    if field in mapping.values:
        known = mapping.values[field].get(text)
        return known if known is not None else _no_value(column, mapping.name, field)
    return int(text) if field in _WHOLE and text.isascii() and text.isdecimal() else text


def _number(cell: Cell, text: str, column: str) -> str | Said:
    rounded = isinstance(cell, float) and abs(cell) >= _EXACT
    if rounded or _ROUNDED.fullmatch(text):
        return say(
            'The number in "{column}" has more than 15 digits and was rounded by a spreadsheet. '
            "Export the column as text",
            column=column,
        )
    if "\ufffd" in text:
        return say(
            'The number in "{column}" holds characters that cannot be read. Save the file as '
            "UTF-8 again",
            column=column,
        )
    return text


def _no_date(column: str) -> Said:
    return say(
        'The cell "{column}" holds no possible date in a form that the mapping names. Mend the '
        'date, or add its form to "dates" of the mapping',
        column=column,
    )


def _no_value(column: str, mapping: str, field: str) -> Said:
    return say(
        'The cell "{column}" holds a word that the mapping {mapping} does not translate. Mend '
        "it, or add it to [values] for {field}",
        column=column,
        mapping=mapping,
        field=field,
    )


def _put(made: dict[str, object], field: str, value: str | int) -> None:
    outer, _, inner = field.partition(".")
    if not inner:
        made[outer] = value
        return
    nested = made.setdefault(outer, {})
    if isinstance(nested, dict):
        nested[inner] = value


def _raw(headers: Sequence[str], cells: Sequence[Cell]) -> dict[str, str]:
    raw: dict[str, str] = {}
    for index, cell in enumerate(cells):
        header = headers[index] if index < len(headers) else ""
        name = header if header and header not in raw else f"{header}#{index + 1}"
        raw[name] = shown(cell)
    return raw
