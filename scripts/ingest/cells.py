"""Read the cells of one row: tidy their text, and refuse what cannot be meant."""

import hashlib
import re
from collections.abc import Sequence

from models.i18n import LazyText, lazy
from models.rules.text import clean, escape_invisible, fix_double_encoding, folded, is_plain
from scripts.ingest.dates import Dated, parse_dated
from scripts.ingest.mapping import ANY, ASSUMED_ZONE, INSTANTS, UPDATED, Words
from scripts.ingest.records import Cell, cell_text
from scripts.ingest.spreadsheet_numbers import is_rounded, undressed, without_formula
from scripts.ingest.table_layout import CellPlace, TableLayout

_NUMBERS = ("ticket", "id")
_WHOLE_NUMBERS = (
    "statutory_limit.workdays",
    "statutory_limit.days",
    "statutory_limit.hours",
    "declined",
)
_EXACT_BELOW = 10**15
"""A spreadsheet keeps 15 digits of a number."""
DIGEST_CHARACTERS = 12
"""The length of the digests by which letters of one number are told apart."""
_LINE_ENDS = re.compile(r"\r\n?")


class UnusableRow(Exception):
    """The row cannot become a message."""

    def __init__(self, why: LazyText) -> None:
        self.why = why


_SINGLE = frozenset(
    [
        "ticket",
        "id",
        "category",
        "claimant",
        "street",
        "channel",
        "topic",
        "emergency",
        "statutory_limit",
        "unit",
        "declined",
        "rating",
        "outcome",
        "method",
        "purpose",
        "approved",
    ]
)
"""Fields that have one value; the others are texts."""


class FeedTableRow:
    """One row while messages are made of it, with notes, and cells whose text was changed.

    `remarks` are notes that are told, and not kept with the letter. `days` are the ids of messages
    that are dated by a day, `filled` the fields whose cell says something,
    `dressed` the numbers that a spreadsheet has dressed, by field.
    """

    def __init__(self, layout: TableLayout, cells: Sequence[Cell]) -> None:
        self.layout = layout
        self.cells = cells
        self.notes: list[LazyText] = []
        self.remarks: list[LazyText] = []
        self.days: set[str] = set()
        self.filled: set[str] = set()
        self.dressed: dict[str, str] = {}
        self.original: dict[str, str] = {}

    def text(self, place: CellPlace) -> str:
        """A cell's tidied text, "" for what the mapping calls empty; the original is kept.

        Texts of several columns with one header are joined. Raises UnusableRow where these say
        different things of which only one can be meant.
        """
        if place.again:
            return self._text_of_columns(place)
        return self._tidied(place, self.cells[place.column])

    def cell(self, place: CellPlace) -> Cell:
        """The cell of a place; of several columns with one header the one that is filled."""
        if not place.again:
            return self.cells[place.column]
        columns = (place.column, *place.again)
        return next((self.cells[n] for n in columns if self._tidied(place, self.cells[n])), None)

    def _text_of_columns(self, place: CellPlace) -> str:
        columns = (place.column, *place.again)
        texts = dict.fromkeys(self._tidied(place, self.cells[n]) for n in columns)
        filled = [text for text in texts if text]
        outer = place.field.partition(".")[0]
        if len(filled) > 1 and (outer in _SINGLE or place.field in INSTANTS):
            raise UnusableRow(
                lazy(
                    'The column "{column}" stands more than once, and says different things here. '
                    "Leave one",
                    column=place.header,
                )
            )
        return "\n".join(filled)

    def _tidied(self, place: CellPlace, cell: Cell) -> str:
        text = cell_text(cell)
        if is_plain(text):
            tidy = text.strip()
        else:
            tidy = clean(fix_double_encoding(text))
            if tidy != _LINE_ENDS.sub("\n", text).strip():
                self.original[place.header] = escape_invisible(text)
        tidy = without_formula(tidy)
        if "\ufffd" in tidy and place.field not in _NUMBERS:
            self.note(lazy('"{column}" holds characters that were lost', column=place.header))
        empty = self.layout.mapping.empty
        return "" if empty and folded(tidy) in empty else tidy

    def note(self, note: LazyText) -> None:
        """Note what is odd about the row, which is taken all the same."""
        if note not in self.notes:
            self.notes.append(note)

    def note_zone(self, dated: Dated | None) -> None:
        """Remark on the zone of a date where neither the date nor the mapping says it."""
        if dated is not None and dated.assumed and not self.layout.mapping.zone:
            remark = lazy(
                "dates without an offset were taken for times in {zone}: if they are another "
                'place\'s, say which in "zone" of the mapping {mapping}',
                zone=ASSUMED_ZONE,
                mapping=self.layout.mapping.name,
            )
            if remark not in self.remarks:
                self.remarks.append(remark)

    def keep_original(self, place: CellPlace) -> None:
        """Keep a cell as it came beside what is made of it."""
        self.original[place.header] = escape_invisible(cell_text(self.cells[place.column]))


def cell_value(row: FeedTableRow, place: CellPlace, words: Words) -> str | int:
    """The value of a cell in the words of the rules, "" for a blank one. Raises UnusableRow."""
    field = place.field
    text = row.text(place)
    if not text:
        return ""
    if field in INSTANTS:
        return instant_of(row, place)
    if field == UPDATED:
        dated = parse_dated(row.cell(place), row.layout.mapping.dates, row.layout.zone)
        return "" if dated is None else dated.at.isoformat()
    if field in _NUMBERS:
        return _exact_number(row, place, text)
    if field == "claimant.phone":
        return _phone(row, place, text)
    if field in words:
        table = words[field]
        code = table.get(folded(text), table.get(folded(undressed(text)), table.get(ANY)))
        if code is None:
            raise UnusableRow(
                lazy(
                    'The cell "{column}" holds a word that the mapping {mapping} does not '
                    "translate. Mend it, or add it to [values] for {field}",
                    column=place.header,
                    mapping=row.layout.mapping.name,
                    field=field,
                )
            )
        return code
    if field in _WHOLE_NUMBERS and (number := undressed(text)).isascii() and number.isdecimal():
        return int(number)
    return text


def instant_of(row: FeedTableRow, place: CellPlace) -> str:
    """The instant that a cell names, ISO 8601 with its offset. Raises UnusableRow."""
    dated = parse_dated(row.cell(place), row.layout.mapping.dates, row.layout.zone)
    if dated is None:
        raise UnusableRow(unreadable_date(place.header))
    row.note_zone(dated)
    return dated.at.isoformat()


def _exact_number(row: FeedTableRow, place: CellPlace, text: str) -> str:
    cell = row.cell(place)
    number = undressed(text)
    if (isinstance(cell, float) and abs(cell) >= _EXACT_BELOW) or is_rounded(number):
        raise UnusableRow(
            lazy(
                'The number in "{column}" has more than 15 digits and was rounded by a '
                "spreadsheet. Export the column as text",
                column=place.header,
            )
        )
    if "\ufffd" in text:
        raise UnusableRow(
            lazy(
                'The number in "{column}" holds characters that cannot be read. Save the file as '
                "UTF-8 again",
                column=place.header,
            )
        )
    if number != text:
        row.dressed[place.field] = text
        row.keep_original(place)
    return number


def _phone(row: FeedTableRow, place: CellPlace, text: str) -> str:
    """A telephone number without its dress; one that a spreadsheet rounded is kept and flagged."""
    number = undressed(text)
    if is_rounded(number):
        row.note(
            lazy(
                'the number in "{column}" was rounded by a spreadsheet, and calls nobody. Export '
                "the column as text",
                column=place.header,
            )
        )
        return text
    if number != text:
        row.keep_original(place)
    return number


def unreadable_date(column: str) -> LazyText:
    """The reason to refuse a row whose date has no known form."""
    return lazy(
        'The cell "{column}" holds no possible date in a form that the mapping names. Mend the '
        'date, or add its form to "dates" of the mapping',
        column=column,
    )


def digest_of(parts: Sequence[str]) -> str:
    """A short digest of these texts."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:DIGEST_CHARACTERS]
