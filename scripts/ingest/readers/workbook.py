"""Read spreadsheets: XLSX and XLS, told by their content and not by their name, within limits."""

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import IO, NamedTuple

from python_calamine import (
    CalamineError,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from models.i18n import LazyText, _, lazy
from models.rules.limits import WORKBOOK_BYTES, WORKBOOK_CELL_BYTES, WORKBOOK_SHARED_BYTES
from scripts.ingest.mapping import Mapping
from scripts.ingest.readers.workbook_parts import (
    MergedCells,
    SheetOddities,
    column_number,
    oddities,
    spread,
)
from scripts.ingest.records import Cell, FeedRecord, FeedUnreadable
from scripts.ingest.row_messages import row_records, unread_rows
from scripts.ingest.table_layout import (
    HEADER_WITHIN,
    find_layout,
    nearest_table,
    unknown_table,
)

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_FAST_BYTES, _FAST_CELLS = 192 << 20, 4_000_000
"""The limits of the fast reader, which lays the whole sheet out in memory."""

_CHUNK = 1 << 20
_REFERENCE = re.compile(rb"\sr\s*=\s*[\"']([A-Z]{1,3})(\d{1,7})[\"']")
_NO_REFERENCE = re.compile(
    rb"\sr\s*=\s*[\"'](?![A-Z]{1,3}\d{1,7}[\"'])(?=[^\"']*[A-Za-z&])([^\"']{0,11}[\"']|[^\"']{12})"
)
"""A cell's reference that is none: the fast reader may take it for one very far away."""

_SHEET = re.compile(rb"<(?:\w+:)?sheet\s")

Rows = Iterator[Sequence[Cell]]


def fits(head: bytes) -> bool:
    """Return whether a file that begins so is a spreadsheet (a ZIP or an OLE container)."""
    return head.startswith((_ZIP, _OLE))


def read(feed: str, stream: IO[bytes], mappings: Sequence[Mapping]) -> Iterator[FeedRecord]:
    """The records of every sheet whose headers a mapping knows, `line` counted in its sheet.

    A large workbook is streamed, at a tenth of the speed. Raises FeedUnreadable for a file that is
    damaged, locked or beyond the limits, ColumnsUnknown if no sheet is known.
    """
    with _readable_errors(feed):
        sheets = list(_sheets(feed, stream))
        beginnings = [list(islice(sheet.rows(), HEADER_WITHIN)) for sheet in sheets]
    layouts = [find_layout(feed, beginning, mappings) for beginning in beginnings]
    if not any(layouts):
        raise unknown_table(feed, [row for beginning in beginnings for row in beginning], mappings)
    notes: list[LazyText] = []
    for sheet, beginning, layout in zip(sheets, beginnings, layouts, strict=True):
        if layout is None and beginning and nearest_table(beginning, mappings) is None:
            notes.append(lazy('the sheet "{sheet}" is none of letters: not read', sheet=sheet.name))
    for sheet, beginning, layout in zip(sheets, beginnings, layouts, strict=True):
        nearest = nearest_table(beginning, mappings) if layout is None else None
        header = layout.row if layout else nearest.row if nearest else 0
        # Row numbers count from the top of the sheet, also where its first rows are blank.
        rows = spread(_with_readable_errors(feed, sheet.rows()), sheet.merged, header)
        numbered = islice(enumerate(rows, start=1), header + 1, None)
        if layout is not None:
            yield from row_records(layout, numbered, [*notes, *sheet.notes()])
            notes = []
        elif nearest is not None:
            yield from unread_rows(nearest, numbered, sheet.name)


def beginning(feed: str, stream: IO[bytes], count: int) -> list[Sequence[Cell]]:
    """The first rows of the first sheet that has any. Raises FeedUnreadable."""
    with _readable_errors(feed):
        for sheet in _sheets(feed, stream):
            if rows := list(islice(sheet.rows(), count)):
                return rows
    return []


class _Sheet(NamedTuple):
    """One sheet, whose rows can be read several times."""

    book: object
    name: str
    hidden: bool
    hidden_rows: int
    merged: tuple[MergedCells, ...]

    def notes(self) -> Iterator[LazyText]:
        """Yield what is read although nobody sees it."""
        if self.hidden:
            yield lazy('the sheet "{sheet}" is hidden; it was read', sheet=self.name)
        if self.hidden_rows:
            yield lazy(
                'the sheet "{sheet}" has {n} hidden rows; they were read',
                sheet=self.name,
                n=self.hidden_rows,
            )

    def rows(self) -> Rows:
        if isinstance(self.book, CalamineWorkbook):
            return iter(self.book.get_sheet_by_name(self.name).iter_rows())
        sheet = self.book[self.name]  # type: ignore[index]  # openpyxl ships no types
        sheet.reset_dimensions()  # the size that a sheet declares may be wrong
        return _padded(sheet.iter_rows(values_only=True))


def _padded(rows: Iterator[tuple[Cell, ...]]) -> Rows:
    """Rows of one width, as the fast reader gives them: openpyxl ends a row at its last cell."""
    from openpyxl.utils.escape import unescape

    width = 0
    for row in rows:
        width = max(width, len(row))
        cells = [unescape(c) if isinstance(c, str) and "_x" in c else c for c in row]
        yield [*cells, *[None] * (width - len(row))]


def _sheets(feed: str, stream: IO[bytes]) -> Iterator[_Sheet]:
    """All sheets, opened: a damaged one must not be noticed when half the file is taken."""
    stream.seek(0)
    if stream.read(4) == _ZIP and not _fits_fast_reader(feed, stream):
        yield from _streamed(stream)
        return
    stream.seek(0)
    known = oddities(stream) if stream.read(4) == _ZIP else {}
    stream.seek(0)
    book = CalamineWorkbook.from_filelike(stream)
    for metadata in book.sheets_metadata:
        if metadata.typ == SheetTypeEnum.WorkSheet:  # a chart has no rows
            sheet = book.get_sheet_by_name(metadata.name)
            hidden = metadata.visible != SheetVisibleEnum.Visible
            # rows are counted from the top, and columns from the first that is filled
            left = sheet.start[1] if sheet.start else 0
            merged = tuple(
                MergedCells(first[0], last[0], first[1] - left)
                for first, last in sheet.merged_cell_ranges or ()
                if first[0] < last[0] and first[1] >= left
            )
            rows = known.get(metadata.name, SheetOddities()).hidden_rows
            yield _Sheet(book, metadata.name, hidden, rows, merged)


def _streamed(stream: IO[bytes]) -> Iterator[_Sheet]:
    from openpyxl import load_workbook

    large = load_workbook(stream, read_only=True, data_only=True)
    with zipfile.ZipFile(stream) as book:
        named = len(_SHEET.findall(book.read("xl/workbook.xml")))
    if named > len(large.sheetnames):  # a sheet whose part is missing is passed over in silence
        raise zipfile.BadZipFile
    stream.seek(0)
    known = oddities(stream)
    for sheet in large.worksheets:
        odd = known.get(sheet.title, SheetOddities())
        hidden = sheet.sheet_state != "visible"
        yield _Sheet(large, sheet.title, hidden, odd.hidden_rows, odd.merged)


def _fits_fast_reader(feed: str, stream: IO[bytes]) -> bool:
    """Return whether a workbook is small enough for the fast reader, by its real content.

    Raises FeedUnreadable beyond the limits: a file of a few bytes can unpack to more than any
    memory, and two cells at opposite corners of a sheet lay out 17,000,000,000.
    """
    stream.seek(0)
    book = zipfile.ZipFile(stream)
    parts = [part for part in book.infolist() if not part.is_dir()]
    if not any(part.filename.lower().endswith("workbook.xml") for part in parts):
        raise FeedUnreadable(feed, _("is no XLSX workbook; open it and save it as XLSX"))
    total, cells = 0, 0
    for part in parts:
        if not part.filename.lower().endswith(".xml"):
            continue
        size, area = _measure(feed, book, part)
        total, cells = total + size, max(cells, area)
        if total > WORKBOOK_BYTES or (
            "sharedstrings" in part.filename.lower() and size > WORKBOOK_SHARED_BYTES
        ):
            raise _too_large(feed)
    return total <= _FAST_BYTES and cells <= _FAST_CELLS


def _measure(feed: str, book: zipfile.ZipFile, part: zipfile.ZipInfo) -> tuple[int, int]:
    """The real bytes of a part of a workbook, and the cells of the area that its cells span."""
    size, text, rest = 0, 0, b""
    rows, columns = [0, 0], [0, 0]
    with book.open(part) as content:
        while chunk := content.read(_CHUNK):
            size += len(chunk)
            begun = chunk.rfind(b"<")
            text = text + len(chunk) if begun < 0 else len(chunk) - begun
            if size > WORKBOOK_BYTES or text > WORKBOOK_CELL_BYTES + _CHUNK:
                raise _too_large(feed)
            rest += chunk
            if _NO_REFERENCE.search(rest):
                return size, _FAST_CELLS + 1
            if references := _REFERENCE.findall(rest):
                letters = {name for name, _row in references}
                numbers = [int(row) for _name, row in references]
                rows = [min(rows[0] or numbers[0], *numbers), max(rows[1], *numbers)]
                places = list(map(column_number, letters))
                columns = [min([columns[0] or places[0], *places]), max([columns[1], *places])]
            rest = rest[max(rest.rfind(b"<"), 0) :]
    return size, (rows[1] - rows[0] + 1) * (columns[1] - columns[0] + 1)


def _too_large(feed: str) -> FeedUnreadable:
    return FeedUnreadable(
        feed, _("unpacks to more than a workbook may hold; export it as CSV in UTF-8")
    )


def _with_readable_errors(feed: str, rows: Rows) -> Rows:
    with _readable_errors(feed):
        yield from rows


@contextmanager
def _readable_errors(feed: str) -> Iterator[None]:
    """Raise FeedUnreadable with one sentence for whatever a reader raises on a foreign file."""
    damaged = _("is damaged or no spreadsheet; open it and save it as XLSX again")
    try:
        yield
    except PasswordError as error:
        raise FeedUnreadable(feed, _("is locked with a password; save it without one")) from error
    except FeedUnreadable:
        raise
    except (
        *(CalamineError, zipfile.BadZipFile, zipfile.LargeZipFile, SyntaxError, OSError),
        *(ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError),
        *(RuntimeError, NotImplementedError, RecursionError, zlib.error),
    ) as error:
        raise FeedUnreadable(feed, damaged) from error
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # the fast reader's own, in no module
            raise FeedUnreadable(feed, damaged) from error
        raise
