"""Read text tables: CSV, TSV and the like, in the encodings and delimiters that cities use."""

import codecs
import csv
import io
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import IO, NamedTuple

from models.i18n import LazyText, lazy
from models.rules.limits import CELL_CHARACTERS, KEPT_CHARACTERS
from models.rules.text import clean
from scripts.ingest.mapping import Mapping
from scripts.ingest.records import FeedRecord
from scripts.ingest.row_messages import row_record, row_records
from scripts.ingest.table_layout import HEADER_WITHIN, TableLayout, find_layout, unknown_table

_HEAD = 1 << 16
_CHUNK = 1 << 20
csv.field_size_limit(CELL_CHARACTERS)
_USUAL = ",\t;|"
_MAX_SIGNS = 20
"""The number of other signs that are tried as delimiters, the most frequent first."""
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def fits(head: bytes) -> bool:
    """Return whether a file that begins so may be a text table: not binary, no XML, no JSON."""
    if head.startswith(tuple(_BOMS)) or _wide(head):
        return True
    return b"\0" not in head and not head.lstrip().startswith((b"<", b"[", b"%PDF"))


def read(feed: str, stream: IO[bytes], mappings: Sequence[Mapping]) -> Iterator[FeedRecord]:
    """The records of a seekable text table, streamed; encoding and delimiter from its content.

    What cannot be decoded becomes U+FFFD. Raises ColumnsUnknown if no mapping knows the headers
    under any encoding and delimiter that fit.
    """
    stream.seek(0)
    head = stream.read(_HEAD)
    for encoding in _encodings(stream, head):
        first = codecs.getincrementaldecoder(encoding)("replace").decode(head)
        recognised = _recognise(feed, first.split("\n")[:HEADER_WITHIN], mappings)
        if recognised is not None:
            yield from _records(stream, encoding, *recognised)
            return
    raise unknown_table(feed, beginning(stream, HEADER_WITHIN), mappings)


def beginning(stream: IO[bytes], count: int) -> list[list[str]]:
    """The first rows, by the likeliest encoding and the usual delimiter that is most frequent."""
    return [cells for _line, cells in numbered_rows(stream, count) if cells]


def numbered_rows(
    stream: IO[bytes], count: int, most_bytes: int = _HEAD
) -> list[tuple[int, list[str]]]:
    """The first rows of a small table with the lines where they begin, read as by `beginning`."""
    stream.seek(0)
    head = stream.read(most_bytes)
    text = codecs.getincrementaldecoder(_encodings(stream, head)[0])("replace").decode(head)
    delimiter = max(_USUAL, key=text.split("\n", 1)[0].count)
    rows = islice(_rows(io.StringIO(text, newline=""), delimiter), count)
    return [(row.line, row.cells or []) for row in rows]


def _encodings(stream: IO[bytes], head: bytes) -> list[str]:
    """The encodings to try, the likeliest first."""
    marked = [name for bom, name in _BOMS.items() if head.startswith(bom)]
    if marked:
        return marked
    if wide := _wide(head):
        return [wide]
    if _decodes(stream, "utf-8"):
        return ["utf-8"]
    # damaged UTF-8 may pass for GB18030 and the other way round; the headers tell them apart
    return ["gb18030", "utf-8"] if _decodes(stream, "gb18030") else ["utf-8", "gb18030"]


def _wide(head: bytes) -> str | None:
    """The UTF-16 that text without a mark is in, told by the zeros of its ASCII characters."""
    low, high = head[0::2].count(0), head[1::2].count(0)
    if low == high:
        return None
    return "utf-16-le" if high > low else "utf-16-be"


def _decodes(stream: IO[bytes], encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    stream.seek(0)
    try:
        while chunk := stream.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _recognise(
    feed: str, first: list[str], mappings: Sequence[Mapping]
) -> tuple[TableLayout, str] | None:
    text = "\n".join(first)
    fewest = min(len(mapping.headers) for mapping in mappings) - 1
    signs = Counter(sign for sign in text if not sign.isalnum() and sign not in '"\r\n ')
    likely = [sign for sign, _times in signs.most_common(_MAX_SIGNS)]
    for delimiter in dict.fromkeys((*_USUAL, *likely)):
        if all(line.count(delimiter) < fewest for line in first):
            continue
        rows = islice(_rows(io.StringIO(text, newline=""), delimiter), HEADER_WITHIN)
        layout = find_layout(feed, [row.cells or [] for row in rows], mappings)
        if layout is not None:
            return layout, delimiter
    return None


def _records(
    stream: IO[bytes], encoding: str, layout: TableLayout, delimiter: str
) -> Iterator[FeedRecord]:
    stream.seek(0)
    text = io.TextIOWrapper(stream, encoding, errors="replace", newline="")
    try:
        yield from _layout_records(text, layout, delimiter)
    finally:
        text.detach()  # whoever opened the stream closes it


def _layout_records(
    text: io.TextIOBase, layout: TableLayout, delimiter: str
) -> Iterator[FeedRecord]:
    unreadable: list[FeedRecord] = []

    def whole_rows() -> Iterator[tuple[int, list[str]]]:
        rows = _rows(text, delimiter, partial(_swallows_rows, layout, delimiter))
        for row in islice(rows, layout.row + 1, None):
            if row.cells is None:
                # a line may go on to the end of the file: the file has the rest
                kept = row.text[:KEPT_CHARACTERS]
                source = layout.mapping.message_source
                unreadable.append(FeedRecord(row.line, source, None, row.why, kept))
            yield row.line, row.cells or []

    # such a row is blank to the mapping, so that its refusal stands before the next record
    for record in row_records(layout, whole_rows()):
        yield from unreadable
        unreadable.clear()
        yield record
    yield from unreadable


class _Row(NamedTuple):
    """A row and the line where it begins; one that cannot be read has its text, and why."""

    line: int
    cells: list[str] | None
    text: str = ""
    why: LazyText | None = None


_TOO_LONG = lazy(
    "A cell has more than {limit} characters: probably a quotation mark is not closed. Mend the "
    "row",
    limit=CELL_CHARACTERS,
)
_UNBALANCED = lazy(
    "A quotation mark is not closed, or text follows one that closes a cell: the cell's end is not "
    "known. Mend the row"
)


def _rows(
    text: io.TextIOBase,
    delimiter: str,
    swallows: Callable[[Sequence[str], Sequence[str]], bool] | None = None,
) -> Iterator[_Row]:
    """Yield the rows of a table.

    Where quotation marks are unbalanced, only the line in which such a row begins is given up, and
    reading goes on behind it: the lines that it would have taken in are rows of their own.
    `swallows` says of the cells of a row and its lines whether there are rows within.
    """
    again: deque[str] = deque()
    lines: list[str] = []

    def next_lines() -> Iterator[str]:
        # pieces of a line without end are rows of their own, and refused: memory stays flat
        while piece := again.popleft() if again else text.readline(_CHUNK):
            lines.append(piece)
            yield piece

    reader = csv.reader(next_lines(), delimiter=delimiter, strict=True)
    number = 1
    while True:
        lines.clear()
        cells, why = None, _UNBALANCED
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "limit" in str(error):
                why = _TOO_LONG
        if cells is not None and len(lines) > 1 and swallows is not None and swallows(cells, lines):
            cells = None
        if cells is None and len(lines) == 1:
            cells = _with_spaces_after_quotes(lines[0], delimiter)
        if cells is None:
            yield _Row(number, None, lines[0], why)
            again.extendleft(reversed(lines[1:]))
            reader = csv.reader(next_lines(), delimiter=delimiter, strict=True)
            number += 1
        else:
            yield _Row(number, cells)
            number += len(lines)


def _with_spaces_after_quotes(line: str, delimiter: str) -> list[str] | None:
    """Read a line in which only spaces follow closing quotation marks; None if it is another."""
    tidy = re.sub(rf'" +(?={re.escape(delimiter)}|[\r\n]|$)', '"', line)
    if tidy == line:
        return None
    try:
        return next(csv.reader([tidy], delimiter=delimiter, strict=True), None)
    except csv.Error:
        return None


def _swallows_rows(
    layout: TableLayout, delimiter: str, cells: Sequence[str], lines: Sequence[str]
) -> bool:
    """Return whether a row of several lines has taken in others, as its quotes are unbalanced."""
    width = len(layout.headers)
    if len(cells) < width or any(clean(cell) for cell in cells[width:]):
        return True
    for line in lines[1:]:
        if line.count(delimiter) >= width - 1:
            inner = next(csv.reader([line], delimiter=delimiter), [])
            record = row_record(layout, 0, inner) if len(inner) == width else None
            if record is not None and record.message is not None:
                return True
    return False
