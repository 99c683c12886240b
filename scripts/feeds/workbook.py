"""Spreadsheets: XLSX, XLS and ODS, by their content whatever the name says."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
)

from models.labels import _
from scripts.feeds.mapping import Mapping
from scripts.feeds.rows import FeedUnreadable, Read
from scripts.feeds.table import HEADER_WITHIN, locate, message, unknown

_MAGIC = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")


def fits(head: bytes) -> bool:
    """Whether a file that begins so is a spreadsheet (a ZIP or an OLE container)."""
    return head.startswith(_MAGIC)


def read(feed: str, stream: IO[bytes], mappings: Sequence[Mapping]) -> Iterator[Read]:
    """The records of every sheet whose headers a mapping knows, `line` counted in its sheet.

    Raises FeedUnreadable for a damaged or locked file, ColumnsUnknown if no sheet is known.
    """
    # All sheets are opened first: a damaged one must not come up when half the file is taken.
    found = [
        (sheet, layout)
        for sheet in list(_sheets(feed, stream))
        if (layout := locate(feed, list(islice(sheet.iter_rows(), HEADER_WITHIN)), mappings))
    ]
    if not found:
        raise unknown(feed, mappings)
    for sheet, layout in found:
        # Row numbers count from the top of the sheet, also where its first rows are blank.
        for number, cells in enumerate(sheet.iter_rows(), start=1):
            record = message(layout, number, cells) if number > layout.row + 1 else None
            if record is not None:
                yield record


def _sheets(feed: str, stream: IO[bytes]) -> Iterator[CalamineSheet]:
    try:
        book = CalamineWorkbook.from_filelike(stream)
        for sheet in book.sheets_metadata:
            if sheet.typ == SheetTypeEnum.WorkSheet:  # a chart has no rows
                yield book.get_sheet_by_name(sheet.name)
    except PasswordError as problem:
        raise FeedUnreadable(feed, _("is locked with a password; save it without one")) from problem
    except CalamineError as problem:
        raise FeedUnreadable(
            feed, _("is damaged or no spreadsheet; open it and save it as XLSX again")
        ) from problem
