"""Read a table of declared days: a date, `working` or `off`, and the document that says so.

CSV in any encoding that spreadsheets write, or a workbook; told by its content.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

from models.errors import HotlineError
from models.i18n import _
from models.rules.calendar import SHANGHAI, DeclaredDay
from models.rules.text import clean, folded
from scripts.ingest.dates import parse_instant
from scripts.ingest.readers import delimited, workbook
from scripts.ingest.records import Cell, cell_text

_WORDS = {
    **dict.fromkeys(("working", "上班", "工作日", "补班", "班"), True),
    **dict.fromkeys(("off", "放假", "休息", "节假日", "休"), False),
}
_DATES = (
    "iso",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y-%m-%d",
    "%Y.%m.%d",
    "%Y年%m月%d日",
    "excel",
)
_HEAD = 4096
_MOST_ROWS, _MOST_BYTES = 2000, 1 << 16
"""More than any table of declared days has."""


class InvalidCalendarFile(HotlineError):
    """A file of declared days cannot be used; the message names the line and what is wrong."""


def read_declared_days(file: Path) -> dict[date, DeclaredDay]:
    """The days that a file declares. Raises InvalidCalendarFile, or FeedUnreadable."""
    days: dict[date, DeclaredDay] = {}
    lines: dict[date, int] = {}
    for number, row in _rows(file):
        day, declared = _declared_day(row, number)
        if day in days:
            text = _("line {n}: {day} stands in line {before} already")
            raise InvalidCalendarFile(text.format(n=number, day=day, before=lines[day]))
        days[day], lines[day] = declared, number
    if not days:
        raise InvalidCalendarFile(_("{file} declares no day").format(file=file))
    return days


def document_of_year(days: Mapping[date, DeclaredDay], year: int) -> str:
    """The documents that declare the year, as one text. Raises InvalidCalendarFile.

    The file must name days of it: the State Council's arrangement of a year always does.
    """
    documents = [declared.document for day, declared in days.items() if day.year == year]
    if not documents:
        raise InvalidCalendarFile(_("the file names no day of {year}").format(year=year))
    return "、".join(dict.fromkeys(documents))


def _rows(file: Path) -> Iterator[tuple[int, Sequence[Cell]]]:
    """The rows that say something, with their lines, without a line of headers at the top."""
    try:
        with file.open("rb") as stream:
            if workbook.fits(stream.read(_HEAD)):
                sheet = workbook.beginning(str(file), stream, _MOST_ROWS + 1)
                numbered: list[tuple[int, Sequence[Cell]]] = list(enumerate(sheet, 1))
            elif file.stat().st_size > _MOST_BYTES:
                raise InvalidCalendarFile(_("{file} is too large for a calendar").format(file=file))
            else:
                numbered = list(delimited.numbered_rows(stream, _MOST_ROWS + 1))
    except OSError as failure:
        why = failure.strerror or _("cannot be read")
        raise InvalidCalendarFile(f"{file}: {why}") from failure
    if len(numbered) > _MOST_ROWS:
        raise InvalidCalendarFile(_("{file} is too large for a calendar").format(file=file))
    rows = [(line, row) for line, row in numbered if any(_text(cell) for cell in row)]
    if rows and not any(map(str.isdigit, _text(rows[0][1][0]))):
        del rows[0]
    yield from rows


def _declared_day(row: Sequence[Cell], number: int) -> tuple[date, DeclaredDay]:
    line = _("line {n}: ").format(n=number)
    cells = [*row, None, None]
    day, working, document = _date(cells[0]), _working(cells[1:2]), _text(cells[2])
    if day is None:
        raise InvalidCalendarFile(line + _("write the day as 2026-12-01"))
    if working is None:
        raise InvalidCalendarFile(line + _("write working or off (上班 or 放假) after the day"))
    if not document:
        raise InvalidCalendarFile(line + _("name the document that says so"))
    return day, DeclaredDay(working, document)


def _text(cell: Cell) -> str:
    return clean(cell_text(cell)).strip()


def _date(cell: Cell) -> date | None:
    if isinstance(cell, str):
        cell = _text(cell)
    instant = parse_instant(cell, _DATES, SHANGHAI)
    return instant.date() if instant is not None else None


def _working(cells: Sequence[Cell]) -> bool | None:
    return _WORDS.get(folded(cell_text(cells[0]))) if cells else None
