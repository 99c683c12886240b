"""Print the bulletin in a terminal."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from models.i18n import _, render
from models.queries.bulletin import Bulletin, BulletinLine
from models.queries.figure_cases import FigureCase
from models.rules.vocabulary import Category, label
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
    format_instant,
    format_note,
    format_publication,
    redacted_line,
)
from scripts.report.topic_columns import hot_table, topics_table

_COLOURS = {"yellow": "yellow", "red": "bold red"}
_TICKETS_SHOWN = 6


def bulletin_table(console: Console, bulletin: Bulletin) -> None:
    """Print the units, the trend and the talks."""
    table = Table(title=_("Bulletin {month}").format(month=bulletin.month), title_justify="left")
    table.add_column(_("rank"), justify="right")
    table.add_column(_("unit"))
    for title in COLUMNS.values():
        table.add_column(_(title), justify="right")
    for line in bulletin.lines:
        table.add_row(str(line.rank or "-"), Text(redacted_line(line.unit)), *_cells(line))
    table.add_section()
    table.add_row("", _("all units"), *_cells(bulletin.total))
    for sums in bulletin.bodies:
        table.add_row("", Text(bodies_title(sums)), *_cells(sums.line))
    console.print(Text(format_publication(bulletin)))
    console.print(table)
    if bulletin.hotline:
        duties = map(format_duty, bulletin.hotline)
        console.print(_text_table(_("The hotline's duties"), duty_heads(), duties))
    if bulletin.corrections:
        corrections = map(format_correction, bulletin.corrections)
        title = _("Corrections of published months")
        console.print(_text_table(title, correction_heads(), corrections))
    for table_of_topics in (topics_table(bulletin, whole=False), hot_table(bulletin)):
        if table_of_topics.rows:
            console.print(_text_table(*table_of_topics))
    trend = Table(title=_("Trend"), title_justify="left")
    trend.add_column(_("month"))
    for title in COLUMNS.values():
        trend.add_column(_(title), justify="right")
    for month, _lines, total in bulletin.trend:
        trend.add_row(str(month), *_cells(total))
    console.print(trend)
    for title, entries in (
        (_("Talks proposed (6.1)"), bulletin.proposals),
        (_("Conduct registered (6.1)"), bulletin.conduct),
    ):
        if entries:
            console.print(Text(title, style="bold"))
        for talk in entries:
            some = ", ".join(talk.tickets[:_TICKETS_SHOWN])
            more = " .." if len(talk.tickets) > _TICKETS_SHOWN else ""
            grave = f"  {_('grave')}" if talk.grave else ""
            unit, why = redacted_line(talk.unit), render(talk.why)
            text = f"  {unit}  {talk.clause}  {why}{grave}  {some}{more}"
            console.print(Text(text))


def _text_table(title: str, heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    table = Table(*heads, title=title, title_justify="left")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _cells(line: BulletinLine) -> list[Text]:
    return [
        Text(format_figure(line, name), style=_COLOURS.get(name, "") if line.count(name) else "")
        for name in COLUMNS
    ]


def case_table(console: Console, title: str, cases: Iterable[FigureCase]) -> None:
    """Print the tickets behind a figure."""
    listed = list(cases)
    keys = [key for key in NOTES if any(key in case.note for case in listed)]
    table = Table(title=title, title_justify="left", show_lines=False)
    for name in (_("unit"), _("ticket"), _("title"), _("category"), _("moment")):
        table.add_column(name)
    for key in keys:
        table.add_column(_(NOTES[key]))
    for case in listed:
        texts = [
            format_holder(case.unit),
            redacted_line(case.ticket),
            redacted_line(case.title),
            label(Category, case.category),
        ]
        notes = [format_note(case.note, key) for key in keys]
        table.add_row(*(Text(t) for t in (*texts, format_instant(case.at), *notes)))
    console.print(table)
    console.print(_("{n} in all").format(n=len(listed)))
