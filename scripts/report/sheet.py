"""A sheet of notes, tables and charts, printed in a terminal, as CSV or as one HTML page."""

from dataclasses import dataclass

from markupsafe import Markup

from models.i18n import _
from models.spreadsheets import csv_text, without_formula
from scripts.report.html_template import render_page
from scripts.screen import Screen
from scripts.tables import BOLD, Table


@dataclass(frozen=True, slots=True)
class SheetTable:
    """A table of a sheet: the first `texts` columns are texts, the others numbers."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: int = 1
    note: str = ""


@dataclass(frozen=True, slots=True)
class SheetChart:
    """A chart of a sheet, as SVG; only a page shows it."""

    title: str
    svg: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet; an `upright` one is printed on paper in that direction.

    Its cells are redacted by whoever makes it.
    """

    title: str
    notes: tuple[str, ...]
    tables: tuple[SheetTable, ...]
    charts: tuple[SheetChart, ...] = ()
    upright: bool = False


def print_sheet(page: Screen, sheet: Sheet) -> None:
    """Print a sheet for people, without its charts."""
    page.line(sheet.title, BOLD)
    for note in sheet.notes:
        page.line(note)
    for each in sheet.tables:
        page.line()
        numbers = range(each.texts, len(each.heads))
        page.table(Table(each.heads, each.rows, each.title, numbers))
        if not each.rows:
            page.line(f"{each.title}: {_('none')}")
        if each.note:
            page.line(each.note)


def sheet_csv(sheet: Sheet) -> str:
    """Return a sheet as CSV: its tables one under the other, no cell a formula."""
    rows: list[list[str]] = [[sheet.title], *([note] for note in sheet.notes)]
    for table in sheet.tables:
        rows += [[], [table.title], list(table.heads), *map(list, table.rows)]
        rows += [[table.note]] if table.note else []
    return csv_text([[without_formula(cell) for cell in row] for row in rows])


def sheet_page(sheet: Sheet) -> str:
    """Return a sheet as a page."""
    charts = [{"title": c.title, "svg": Markup(c.svg)} for c in sheet.charts]
    return render_page("sheet.html", sheet=sheet, charts=charts, none=_("none"))
