"""Tables for spreadsheets, in which no text becomes a formula."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

_FORMULA = re.compile(r"^[=+\-@\t\r＝＋－＠]")
_MOST_CHARACTERS = 32_000
"""Characters of a cell; Excel takes a few more."""

WORKBOOK_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
"""The options of a workbook that is written row by row, all texts as they are."""


def without_formula(text: str) -> str:
    """Return a text as no spreadsheet takes it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as CSV, with a byte order mark by which Excel recognises UTF-8."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return "\ufeff" + text.getvalue()


def csv_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a table of texts as CSV in UTF-8."""
    return csv_text([heads, *([without_formula(cell) for cell in row] for row in rows)]).encode()


def workbook_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a table of texts as a workbook of one sheet."""
    import xlsxwriter  # noqa: PLC0415  (rarely needed)

    file = io.BytesIO()
    with xlsxwriter.Workbook(file, WORKBOOK_OPTIONS) as book:
        sheet = book.add_worksheet(title)
        sheet.freeze_panes(1, 0)
        for column, head in enumerate(heads):
            sheet.write_string(0, column, head, book.add_format({"bold": True, "bottom": 1}))
        for line, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                sheet.write_string(line, column, without_formula(cell)[:_MOST_CHARACTERS])
        sheet.autofilter(0, 0, 0, len(heads) - 1)
    return file.getvalue()
