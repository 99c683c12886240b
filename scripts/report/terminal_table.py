"""Print the bulletin in a terminal."""

from collections.abc import Iterable

from models.i18n import _, render
from models.queries.bulletin import Bulletin, BulletinLine
from models.queries.figure_cases import FigureCase
from models.rules.vocabulary import Category, label
from scripts.output import format_instant
from scripts.report.columns import (
    COLUMNS,
    NOTES,
    bodies_title,
    correction_heads,
    duty_heads,
    format_correction,
    format_duty,
    format_figure,
    format_holder,
    format_note,
    format_publication,
    redacted_line,
)
from scripts.report.topic_columns import hot_table, topics_table
from scripts.screen import Screen
from scripts.tables import BOLD, LEVEL_COLOURS, Cell, Coloured, Table

_TICKETS_SHOWN = 6


def bulletin_table(page: Screen, bulletin: Bulletin) -> None:
    """Print the units, the trend and the talks."""
    columns = list(map(_, COLUMNS.values()))
    rows: list[list[Cell]] = [
        [str(line.rank or "-"), redacted_line(line.unit), *_cells(line)] for line in bulletin.lines
    ]
    rows.append(["", _("all units"), *_cells(bulletin.total)])
    rows += [["", bodies_title(sums), *_cells(sums.line)] for sums in bulletin.bodies]
    numbers = range(2, 2 + len(columns))
    page.line(_("Bulletin {month}").format(month=bulletin.month), BOLD)
    page.line(format_publication(bulletin))
    page.table(Table([_("rank"), _("unit"), *columns], rows, numbers={0, *numbers}))
    duties = list(map(format_duty, bulletin.hotline))
    corrections = list(map(format_correction, bulletin.corrections))
    trend = [[str(month), *_cells(total)] for month, _lines, total in bulletin.trend]
    topics, hot = topics_table(bulletin, whole=False), hot_table(bulletin)
    heads = [_("month"), *columns]
    for table in (
        Table(duty_heads(), duties, _("The hotline's duties"), (2, 3)),
        Table(correction_heads(), corrections, _("Corrections of published months")),
        Table(topics.heads, topics.rows, topics.title, range(1, len(topics.heads))),
        Table(hot.heads, hot.rows, hot.title, (1, 2, 3)),
        Table(heads, trend, _("Trend"), range(1, len(heads))),
    ):
        if table.rows:
            page.line()
            page.table(table)
    for title, entries in (
        (_("Talks proposed (6.1)"), bulletin.proposals),
        (_("Conduct registered (6.1)"), bulletin.conduct),
    ):
        if entries:
            page.line()
            page.line(title, BOLD)
        for talk in entries:
            some = ", ".join(talk.tickets[:_TICKETS_SHOWN])
            more = " .." if len(talk.tickets) > _TICKETS_SHOWN else ""
            grave = f"  {_('grave')}" if talk.grave else ""
            unit, why = redacted_line(talk.unit), render(talk.why)
            page.line(f"  {unit}  {talk.clause}  {why}{grave}  {some}{more}")


def _cells(line: BulletinLine) -> list[Cell]:
    return [Coloured(format_figure(line, name), LEVEL_COLOURS.get(name, "")) for name in COLUMNS]


def case_table(page: Screen, title: str, cases: Iterable[FigureCase]) -> None:
    """Print the tickets behind a figure."""
    listed = list(cases)
    keys = [key for key in NOTES if any(key in case.note for case in listed)]
    heads = [_("unit"), _("ticket"), _("title"), _("category"), _("moment")]
    rows = [
        [
            format_holder(case.unit),
            redacted_line(case.ticket),
            redacted_line(case.title),
            label(Category, case.category),
            format_instant(case.at),
            *(format_note(case.note, key) for key in keys),
        ]
        for case in listed
    ]
    page.table(Table([*heads, *(_(NOTES[key]) for key in keys)], rows, title))
    page.line(_("{n} in all").format(n=len(listed)))
