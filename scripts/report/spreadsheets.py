"""Write the bulletin as CSV or a workbook; what citizens wrote never becomes a formula."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import IO, Any

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from models.i18n import _, render
from models.queries.bulletin import Bulletin, BulletinLine, TalkProposal
from models.queries.figure_cases import FigureCase
from models.queries.figures import RATES
from models.rules.calendar import SHANGHAI
from models.rules.vocabulary import Category, label
from models.spreadsheets import WORKBOOK_OPTIONS, csv_text, without_formula
from scripts.output import format_instant
from scripts.report.columns import (
    COLUMNS,
    LISTED_FIGURES,
    NOTES,
    bodies_title,
    correction_heads,
    duty_heads,
    figure_value,
    format_correction,
    format_duty,
    format_figure,
    format_holder,
    format_note,
    format_publication,
    redacted_line,
)
from scripts.report.topic_columns import hot_table, topics_table

TicketsOfFigure = Callable[[str], Iterable[FigureCase]]
"""Lists the tickets behind a figure."""

_MAX_ROWS = 1_048_576
_MAX_CELL = 32_000


def bulletin_csv(bulletin: Bulletin) -> str:
    """The units and their total as CSV."""
    rows = [[_("rank"), _("unit"), *(_(title) for title in COLUMNS.values())]]
    for line in (*bulletin.lines, bulletin.total):
        unit = without_formula(redacted_line(line.unit)) if line.unit else _("all units")
        rows.append([str(line.rank or ""), unit, *(format_figure(line, name) for name in COLUMNS)])
    for sums in bulletin.bodies:
        figures = (format_figure(sums.line, name) for name in COLUMNS)
        rows.append(["", without_formula(bodies_title(sums)), *figures])
    rows += [[], [format_publication(bulletin)], [], duty_heads()]
    rows += [format_duty(duty) for duty in bulletin.hotline]
    if bulletin.corrections:
        rows += [[], [_("Corrections of published months")], correction_heads()]
        rows += [
            [without_formula(cell) for cell in format_correction(correction)]
            for correction in bulletin.corrections
        ]
    for title, heads, topics in (topics_table(bulletin, whole=True), hot_table(bulletin)):
        if topics:
            rows += [[], [title], heads]
            rows += [[without_formula(cell) for cell in row] for row in topics]
    return csv_text(rows)


def cases_csv(cases: Iterable[FigureCase]) -> str:
    """The tickets behind a figure as CSV."""
    listed = list(cases)
    keys = [key for key in NOTES if any(key in case.note for case in listed)]
    head = [_("unit"), _("ticket"), _("title"), _("category"), _("moment")]
    rows = [head + [_(NOTES[key]) for key in keys]]
    for case in listed:
        texts = [
            format_holder(case.unit),
            *map(redacted_line, (case.ticket, case.title)),
            label(Category, case.category),
            format_instant(case.at),
        ]
        texts += [format_note(case.note, key) for key in keys]
        rows.append([without_formula(text) for text in texts])
    return csv_text(rows)


def bulletin_workbook(file: IO[bytes], bulletin: Bulletin, tickets_of: TicketsOfFigure) -> None:
    """Write a workbook with units, trend, talks, and a sheet of tickets for each figure."""
    with xlsxwriter.Workbook(file, WORKBOOK_OPTIONS) as book:
        sheets = _Sheets(book)
        sheets.figures(_("Bulletin"), [_("rank"), _("unit")], _lines_with_heads(bulletin))
        trend = [((str(month),), total) for month, _lines, total in bulletin.trend]
        sheets.figures(_("Trend"), [_("month")], trend)
        sheets.talks(_("Talks (6.1)"), [*bulletin.proposals, *bulletin.conduct])
        for figure, title in LISTED_FIGURES.items():
            sheets.cases(_(title), tickets_of(figure))
        sheets.texts(_("The hotline's duties"), duty_heads(), map(format_duty, bulletin.hotline))
        corrections = map(format_correction, bulletin.corrections)
        sheets.texts(_("Corrections"), correction_heads(), corrections)
        topics, hot = topics_table(bulletin, whole=True), hot_table(bulletin)
        sheets.texts(_("Topics"), topics.heads, topics.rows)
        sheets.texts(_("Hot topics"), hot.heads, hot.rows)
        sheets.texts(_("Edition"), [_("Bulletin")], [[format_publication(bulletin)]])


_LineWithHead = tuple[tuple[Any, ...], BulletinLine]
"""A line with the cells before its figures."""


def _lines_with_heads(bulletin: Bulletin) -> list[_LineWithHead]:
    units: list[_LineWithHead] = [((line.rank, line.unit), line) for line in bulletin.lines]
    sums: list[_LineWithHead] = [((None, bodies_title(s)), s.line) for s in bulletin.bodies]
    # the total is the last line, which readers add up to
    return [*units, *sums, ((None, _("all units")), bulletin.total)]


class _Sheets:
    """Writes the sheets of a workbook, row by row."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._book = book
        self._head = book.add_format({"bold": True, "bottom": 1})
        self._rate = book.add_format({"num_format": "0.0%"})
        self._instant = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})

    def _sheet(self, title: str, heads: Sequence[str], widths: Sequence[int]) -> Worksheet:
        sheet = self._book.add_worksheet(title)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.freeze_panes(1, 0)
        for column, head in enumerate(heads):
            sheet.write_string(0, column, head, self._head)
        return sheet

    def figures(
        self,
        title: str,
        heads: Sequence[str],
        lines: Iterable[_LineWithHead],
    ) -> None:
        """Write a sheet of figures, a row for each unit or month."""
        all_heads = [*heads, *(_(name) for name in COLUMNS.values())]
        sheet = self._sheet(
            title, all_heads, [28 if head == _("unit") else 12 for head in all_heads]
        )
        for row, (cells, line) in enumerate(lines, 1):
            for column, cell in enumerate(cells):
                if isinstance(cell, int):
                    sheet.write_number(row, column, cell)
                elif cell:
                    sheet.write_string(row, column, without_formula(redacted_line(cell)))
            for column, name in enumerate(COLUMNS, len(cells)):
                if (figure := figure_value(line, name)) is not None:
                    form = self._rate if name in RATES else None
                    sheet.write_number(row, column, figure, form)

    def talks(self, title: str, entries: Iterable[TalkProposal]) -> None:
        """Write a sheet of talks: the unit, the clause and the reason."""
        heads = [_("unit"), _("clause"), _("why"), _("grave"), _("tickets")]
        sheet = self._sheet(title, heads, [28, 10, 40, 8, 60])
        for row, talk in enumerate(entries, 1):
            tickets = " ".join(talk.tickets)[:_MAX_CELL]
            texts = [talk.unit, talk.clause, render(talk.why), "✓" if talk.grave else "", tickets]
            for column, text in enumerate(texts):
                sheet.write_string(row, column, without_formula(redacted_line(text)))

    def texts(self, title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Write a sheet of texts; those that are whole numbers are numbers."""
        sheet = self._sheet(title, heads, [24] * len(heads))
        for row, cells in enumerate(rows, 1):
            for column, cell in enumerate(cells):
                if cell.isdecimal() and cell.isascii() and heads[column] != _("tickets"):
                    sheet.write_number(row, column, int(cell))
                else:
                    sheet.write_string(row, column, without_formula(cell)[:_MAX_CELL])

    def cases(self, title: str, cases: Iterable[FigureCase]) -> None:
        """Write a sheet of the tickets behind a figure, each as often as it is counted."""
        heads = [_("unit"), _("ticket"), _("title"), _("category"), _("moment")]
        heads += [_(name) for name in NOTES.values()]
        sheet = self._sheet(title, heads, [24, 18, 48, 10, *[16] * (len(NOTES) + 1)])
        for row, case in enumerate(cases, 1):
            if row == _MAX_ROWS:
                break
            texts = [
                format_holder(case.unit),
                redacted_line(case.ticket),
                redacted_line(case.title),
                label(Category, case.category),
            ]
            for column, text in enumerate(texts):
                sheet.write_string(row, column, without_formula(text))
            self._write_instant(sheet, row, len(texts), case.at)
            for column, key in enumerate(NOTES, len(texts) + 1):
                match case.note.get(key):
                    case None:
                        pass
                    case datetime() as at:
                        self._write_instant(sheet, row, column, at)
                    case _:
                        sheet.write_string(
                            row, column, without_formula(format_note(case.note, key))
                        )

    def _write_instant(self, sheet: Worksheet, row: int, column: int, at: datetime) -> None:
        local = at.astimezone(SHANGHAI).replace(tzinfo=None)
        sheet.write_datetime(row, column, local, self._instant)
