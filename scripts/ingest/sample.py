"""Read the beginning of any feed as a plain table, for a mapping to be suggested."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

from models.i18n import _
from models.rules.text import clean
from scripts.ingest.readers import delimited, georeport, json_messages, json_stream, workbook
from scripts.ingest.readers.json_objects import flatten
from scripts.ingest.readers.json_values import RawRecord
from scripts.ingest.records import Cell, FeedUnreadable, cell_text
from scripts.ingest.table_layout import HEADER_WITHIN

ROWS = 1_000
_NEARLY_EVERY = 0.95


class FeedSample(NamedTuple):
    """Headers, and the rows below them."""

    headers: tuple[str, ...]
    rows: list[list[Cell]]

    def column(self, index: int) -> list[str]:
        """The texts in a column, without the blank ones."""
        texts = (clean(cell_text(row[index])) for row in self.rows if index < len(row))
        return [text for text in texts if text]

    def is_filled(self, index: int) -> bool:
        """Return whether nearly every row says something in a column."""
        return len(self.column(index)) >= _NEARLY_EVERY * len(self.rows)


def read_sample(path: Path) -> FeedSample:
    """The first rows of a file under its headers; raises FeedUnreadable where there are none."""
    try:
        with path.open("rb") as stream:
            return _read(path.name, stream)
    except OSError as error:
        raise FeedUnreadable(str(path), error.strerror or _("cannot be read")) from error


def _read(name: str, stream: IO[bytes]) -> FeedSample:
    head = stream.read(1 << 16)
    stream.seek(0)
    if workbook.fits(head):
        return _below_headers(name, workbook.beginning(name, stream, ROWS))
    if georeport.fits(head):
        return _objects(name, georeport.elements(stream))
    if json_messages.fits_array(head):
        return _listed_objects(name, stream)
    if json_messages.fits(head):
        return _objects(name, json_stream.of_lines(stream))
    return _below_headers(name, delimited.beginning(stream, ROWS))


def _listed_objects(name: str, stream: IO[bytes]) -> FeedSample:
    """The objects of the first list whose objects hold no list, or else of the outermost one."""
    try:
        return _objects(name, json_stream.of_array(stream))
    except json_stream.ListsUnknown as unknown:
        path = unknown.paths[0] if unknown.paths else ""
    stream.seek(0)
    try:
        return _objects(name, json_stream.of_whole(stream, lambda _value: False, path))
    except json_stream.ListsUnknown as unknown:
        raise FeedUnreadable(name, _("holds no table")) from unknown


def _objects(name: str, raws: Iterator[RawRecord]) -> FeedSample:
    objects = [raw.value for raw in islice(raws, ROWS) if isinstance(raw.value, dict)]
    rows = [flatten(fields) for fields in objects]
    if rows:
        # a file may have lists of several kinds: those of the objects that say most are letters
        fullest = max(rows, key=len).keys()
        rows = [row for row in rows if 2 * len(row.keys() & fullest) > len(row)]
    headers = tuple(dict.fromkeys(key for row in rows for key in row))
    if not headers:
        raise FeedUnreadable(name, _("holds no table"))
    return FeedSample(headers, [[row.get(key) for key in headers] for row in rows])


def _below_headers(name: str, rows: Sequence[Sequence[Cell]]) -> FeedSample:
    """The rows below the first one that looks like headers: as wide as most, each word once."""
    widths = Counter(sum(bool(clean(cell_text(c))) for c in row) for row in rows)
    widest = max((w for w in widths if w > 1), default=0)
    for index, row in enumerate(rows[:HEADER_WITHIN]):
        words = [clean(cell_text(cell)) for cell in row]
        filled = [word for word in words if word]
        named = len(filled) > 1 and len(set(filled)) == len(filled)
        if named and 2 * len(filled) >= widest and not any(map(_is_number, filled)):
            return FeedSample(tuple(words), [list(r) for r in rows[index + 1 :] if any(r)])
    raise FeedUnreadable(name, _("holds no table"))


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()
