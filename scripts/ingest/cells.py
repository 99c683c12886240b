"""The cells of one row: what they say, what had to be tidied, and what cannot be meant."""

import hashlib
import re
from collections.abc import Sequence

from models.i18n import LazyText, lazy
from models.rules.text import clean, escape_invisible, fix_double_encoding, folded, is_plain
from scripts.ingest.dates import instant
from scripts.ingest.mapping import ANY, INSTANTS, Words
from scripts.ingest.records import Cell, cell_text
from scripts.ingest.table_layout import CellPlace, TableLayout

_NUMBERS = ("ticket", "id")
_WHOLE = ("statutory_limit.workdays", "statutory_limit.hours", "declined")
_EXACT = 10**15
_ROUNDED = re.compile(r"\d(\.\d+)?E\+\d+", re.IGNORECASE)
_LINE_ENDS = re.compile(r"\r\n?")


class UnusableRow(Exception):
    """The row cannot be a message."""

    def __init__(self, why: LazyText) -> None:
        self.why = why


class TableRow:
    """One row while messages are made of it: its cells as text, and what was found in them."""

    def __init__(self, layout: TableLayout, cells: Sequence[Cell]) -> None:
        self.layout = layout
        self.cells = cells
        self.notes: list[LazyText] = []
        self.original: dict[str, str] = {}

    def text(self, place: CellPlace) -> str:
        """A cell's text, tidy, or "" for what the mapping calls empty; the original is noted."""
        cell = self.cells[place.column]
        text = cell_text(cell)
        if is_plain(text):
            tidy = text.strip()
        else:
            tidy = clean(fix_double_encoding(text))
            if tidy != _LINE_ENDS.sub("\n", text).strip():
                self.original[place.header] = escape_invisible(text)
        if "\ufffd" in tidy and place.field not in _NUMBERS:
            self.flag(lazy('"{column}" holds characters that were lost', column=place.header))
        empty = self.layout.mapping.empty
        return "" if empty and folded(tidy) in empty else tidy

    def flag(self, note: LazyText) -> None:
        """Take the row all the same, and say what is wrong with it."""
        if note not in self.notes:
            self.notes.append(note)

    def keep(self, place: CellPlace) -> None:
        """Keep a cell as it came beside what is made of it."""
        self.original[place.header] = escape_invisible(cell_text(self.cells[place.column]))


def value_of(row: TableRow, place: CellPlace, words: Words) -> str | int:
    """What a cell says in the words of the rules, "" for a blank one. Raises Unusable."""
    field = place.field
    text = row.text(place)
    if not text:
        return ""
    if field in INSTANTS:
        return moment_of(row, place)
    if field in _NUMBERS:
        return _number(row.cells[place.column], text, place.header)
    if field in words:
        known = words[field].get(folded(text), words[field].get(ANY))
        if known is None:
            raise UnusableRow(
                lazy(
                    'The cell "{column}" holds a word that the mapping {mapping} does not '
                    "translate. Mend it, or add it to [values] for {field}",
                    column=place.header,
                    mapping=row.layout.mapping.name,
                    field=field,
                )
            )
        return known
    return int(text) if field in _WHOLE and text.isascii() and text.isdecimal() else text


def moment_of(row: TableRow, place: CellPlace) -> str:
    """The instant that a cell names, ISO 8601 with its offset. Raises Unusable."""
    moment = instant(row.cells[place.column], row.layout.mapping.dates, row.layout.zone)
    if moment is None:
        raise UnusableRow(no_date(place.header))
    return moment.isoformat()


def _number(cell: Cell, text: str, column: str) -> str:
    rounded = isinstance(cell, float) and abs(cell) >= _EXACT
    if rounded or _ROUNDED.fullmatch(text):
        raise UnusableRow(
            lazy(
                'The number in "{column}" has more than 15 digits and was rounded by a '
                "spreadsheet. Export the column as text",
                column=column,
            )
        )
    if "\ufffd" in text:
        raise UnusableRow(
            lazy(
                'The number in "{column}" holds characters that cannot be read. Save the file as '
                "UTF-8 again",
                column=column,
            )
        )
    return text


def no_date(column: str) -> LazyText:
    """Why a row cannot be taken whose date nobody can read."""
    return lazy(
        'The cell "{column}" holds no possible date in a form that the mapping names. Mend the '
        'date, or add its form to "dates" of the mapping',
        column=column,
    )


def digest_of(parts: Sequence[str]) -> str:
    """A short name for these texts, the same for the same ones."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
