"""Read a file of declared days: CSV with a date, `working` or `off`, and the document."""

import csv
import io
from datetime import date
from pathlib import Path

from models.errors import HotlineError
from models.i18n import _
from models.rules.calendar import DeclaredDay
from models.text_files import read_text

_WORKING = {"working": True, "off": False, "上班": True, "放假": False}


def read_declared_days(file: Path) -> dict[date, DeclaredDay]:
    """The days that a file declares; raises HotlineError with the line that is wrong."""
    return dict(_declared_day(row, number) for number, row in enumerate(_rows(file), 1) if row)


def _rows(file: Path) -> list[list[str]]:
    """The rows of the file; a header line is blank."""
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(read_text(file)))]
    has_header = rows and rows[0] and not rows[0][0][:1].isdigit()
    return [[], *rows[1:]] if has_header else rows


def _declared_day(row: list[str], number: int) -> tuple[date, DeclaredDay]:
    try:
        day, working, document = row[:3]
        return date.fromisoformat(day), DeclaredDay(_WORKING[working], document)
    except (ValueError, KeyError) as error:
        text = _("line {n}: write a day, working or off, and the document").format(n=number)
        raise HotlineError(text) from error
