"""The bulletin for spreadsheets: CSV and a workbook; what citizens wrote is never a formula."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import IO, Any

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from models.i18n import _, render
from models.queries.bulletin import Bulletin, BulletinLine, TalkProposal
from models.queries.figure_counts import FigureCase
from models.queries.figures import RATES
from models.rules.calendar import SHANGHAI
from scripts.report.columns import (
    COLUMNS,
    LISTED_FIGURES,
    NOTES,
    format_figure,
    moment,
    note,
    one_line,
    value,
    without_formula,
)

TicketsOfFigure = Callable[[str], Iterable[FigureCase]]
"""Gives the tickets behind a figure."""

_LONGEST = 1_048_576
_CELL = 32_000


def bulletin_csv(found: Bulletin) -> str:
    """Units and all of them together, as CSV with a mark by which Excel knows UTF-8."""
    rows = [[_("rank"), _("unit"), *(_(title) for title in COLUMNS.values())]]
    for line in (*found.lines, found.total):
        unit = without_formula(one_line(line.unit)) if line.unit else _("all units")
        rows.append([str(line.rank or ""), unit, *(format_figure(line, name) for name in COLUMNS)])
    return _csv(rows)


def cases_csv(found: Iterable[FigureCase]) -> str:
    """The tickets behind a figure as CSV."""
    listed = list(found)
    keys = [key for key in NOTES if any(key in case.note for case in listed)]
    head = [_("unit"), _("ticket"), _("title"), _("category"), _("moment")]
    rows = [head + [_(NOTES[key]) for key in keys]]
    for case in listed:
        own = [case.unit, case.ticket, case.title]
        texts = [*map(one_line, own), _(case.category), moment(case.at)]
        rows.append([without_formula(t) for t in (*texts, *(note(case.note, k) for k in keys))])
    return _csv(rows)


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return "\ufeff" + text.getvalue()


def bulletin_workbook(file: IO[bytes], found: Bulletin, behind: TicketsOfFigure) -> None:
    """Units, trend, talks, and a sheet of tickets for each figure."""
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(file, options) as book:
        sheets = _Sheets(book)
        sheets.figures(_("Bulletin"), [_("rank"), _("unit")], _lines(found))
        trend = [((str(month),), total) for month, _own, total in found.trend]
        sheets.figures(_("Trend"), [_("month")], trend)
        sheets.talks(_("Talks (6.1)"), [*found.proposals, *found.conduct])
        for figure, title in LISTED_FIGURES.items():
            sheets.cases(_(title), behind(figure))


def _lines(found: Bulletin) -> list[tuple[tuple[Any, ...], BulletinLine]]:
    own: list[tuple[tuple[Any, ...], BulletinLine]] = [((x.rank, x.unit), x) for x in found.lines]
    return [*own, ((None, _("all units")), found.total)]


class _Sheets:
    """Writes sheets of a workbook, row by row."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._book = book
        self._head = book.add_format({"bold": True, "bottom": 1})
        self._rate = book.add_format({"num_format": "0.0%"})
        self._moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})

    def _sheet(self, title: str, heads: Sequence[str], widths: Sequence[int]) -> Worksheet:
        sheet = self._book.add_worksheet(title)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        sheet.freeze_panes(1, 0)
        for place, head in enumerate(heads):
            sheet.write_string(0, place, head, self._head)
        return sheet

    def figures(
        self,
        title: str,
        heads: Sequence[str],
        lines: Iterable[tuple[tuple[Any, ...], BulletinLine]],
    ) -> None:
        """A line for each unit or month."""
        every = [*heads, *(_(name) for name in COLUMNS.values())]
        sheet = self._sheet(title, every, [28 if head == _("unit") else 12 for head in every])
        for row, (first, line) in enumerate(lines, 1):
            for place, head in enumerate(first):
                if isinstance(head, int):
                    sheet.write_number(row, place, head)
                elif head:
                    sheet.write_string(row, place, without_formula(one_line(head)))
            for place, name in enumerate(COLUMNS, len(first)):
                if (figure := value(line, name)) is not None:
                    form = self._rate if name in RATES else None
                    sheet.write_number(row, place, figure, form)

    def talks(self, title: str, entries: Iterable[TalkProposal]) -> None:
        """Who is to be talked to, and why."""
        heads = [_("unit"), _("clause"), _("why"), _("grave"), _("tickets")]
        sheet = self._sheet(title, heads, [28, 10, 40, 8, 60])
        for row, one in enumerate(entries, 1):
            tickets = " ".join(one.tickets)[:_CELL]
            texts = [one.unit, one.clause, render(one.why), "✓" if one.grave else "", tickets]
            for place, text in enumerate(texts):
                sheet.write_string(row, place, without_formula(one_line(text)))

    def cases(self, title: str, found: Iterable[FigureCase]) -> None:
        """The tickets behind a figure, each as often as it is counted."""
        heads = [_("unit"), _("ticket"), _("title"), _("category"), _("moment")]
        heads += [_(name) for name in NOTES.values()]
        sheet = self._sheet(title, heads, [24, 18, 48, 10, *[16] * (len(NOTES) + 1)])
        for row, case in enumerate(found, 1):
            if row == _LONGEST:
                break
            texts = [
                one_line(case.unit),
                one_line(case.ticket),
                one_line(case.title),
                _(case.category),
            ]
            for place, text in enumerate(texts):
                sheet.write_string(row, place, without_formula(text))
            self._at(sheet, row, len(texts), case.at)
            for place, key in enumerate(NOTES, len(texts) + 1):
                match case.note.get(key):
                    case None:
                        pass
                    case datetime() as at:
                        self._at(sheet, row, place, at)
                    case _:
                        sheet.write_string(row, place, without_formula(note(case.note, key)))

    def _at(self, sheet: Worksheet, row: int, place: int, at: datetime) -> None:
        sheet.write_datetime(row, place, at.astimezone(SHANGHAI).replace(tzinfo=None), self._moment)
