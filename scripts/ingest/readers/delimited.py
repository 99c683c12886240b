"""Read text tables: CSV, TSV and the like, in the encodings and delimiters that cities use."""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO

from models.i18n import lazy
from models.rules.limits import CELL_CHARACTERS, KEPT_CHARACTERS
from scripts.ingest.mapping import Mapping
from scripts.ingest.records import FeedRecord
from scripts.ingest.row_messages import row_records
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


def numbered_rows(stream: IO[bytes], count: int) -> list[tuple[int, list[str]]]:
    """The first rows of a small table with the lines where they begin, read as by `beginning`."""
    stream.seek(0)
    head = stream.read(_HEAD)
    text = codecs.getincrementaldecoder(_encodings(stream, head)[0])("replace").decode(head)
    delimiter = max(_USUAL, key=text.split("\n", 1)[0].count)
    rows = islice(_rows(io.StringIO(text, newline=""), delimiter), count)
    return [(line, cells or []) for line, cells, _raw in rows]


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
        layout = find_layout(feed, [cells or [] for _line, cells, _raw in rows], mappings)
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
    endless: list[FeedRecord] = []

    def whole_rows() -> Iterator[tuple[int, list[str]]]:
        for line, cells, raw in islice(_rows(text, delimiter), layout.row + 1, None):
            if cells is None:
                why = lazy(
                    "A cell has more than {limit} characters: probably a quotation mark is not "
                    "closed. Mend the row",
                    limit=CELL_CHARACTERS,
                )
                # what is not closed may go on to the end of the file: the file has the rest
                kept = raw[:KEPT_CHARACTERS]
                endless.append(FeedRecord(line, layout.mapping.message_source, None, why, kept))
            yield line, cells or []

    # an endless row is blank to the mapping, so that its refusal stands before the next record
    for record in row_records(layout, whole_rows()):
        yield from endless
        endless.clear()
        yield record
    yield from endless


def _rows(text: io.TextIOBase, delimiter: str) -> Iterator[tuple[int, list[str] | None, str]]:
    """The line where each row begins, its cells (None: endless), and the text of an endless one."""
    fed: list[str] = []

    def lines() -> Iterator[str]:
        # pieces of a line without end are rows of their own, and refused: memory stays flat
        while piece := text.readline(_CHUNK):
            fed.append(piece)
            yield piece

    reader = csv.reader(lines(), delimiter=delimiter)
    while True:
        line = reader.line_num + 1
        fed.clear()
        try:
            yield line, next(reader), ""
        except StopIteration:
            return
        except csv.Error:
            yield line, None, "".join(fed)
