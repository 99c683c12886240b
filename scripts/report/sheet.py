"""A sheet of notes, tables and charts, printed in a terminal, as CSV or as one HTML page."""

from dataclasses import dataclass

from markupsafe import Markup
from rich.console import Console
from rich.table import Table
from rich.text import Text

from models.i18n import _
from models.spreadsheets import csv_text, without_formula
from scripts.report.html_template import render_page


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


def print_sheet(console: Console, sheet: Sheet) -> None:
    """Print a sheet in a terminal, without its charts."""
    console.print(Text(sheet.title, style="bold"))
    for note in sheet.notes:
        console.print(Text(note))
    for each in sheet.tables:
        table = Table(title=Text(each.title), title_justify="left")
        for index, head in enumerate(each.heads):
            table.add_column(head, justify="left" if index < each.texts else "right")
        for row in each.rows:
            table.add_row(*map(Text, row))
        if each.rows:
            console.print(table)
        else:
            console.print(Text(f"{each.title}: {_('none')}"))
        if each.note:
            console.print(Text(each.note))


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
