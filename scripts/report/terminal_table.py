"""The bulletin in a terminal."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from models.i18n import _, render
from models.queries.bulletin import Bulletin, BulletinLine
from models.queries.figure_counts import FigureCase
from scripts.report.columns import COLUMNS, NOTES, format_figure, moment, note, one_line

_COLOURS = {"yellow": "yellow", "red": "bold red"}
_SHOWN_OF_TICKETS = 6


def bulletin_table(console: Console, value: Bulletin) -> None:
    """Print units, trend, and who is to be talked to."""
    table = Table(title=_("Bulletin {month}").format(month=value.month), title_justify="left")
    table.add_column(_("rank"), justify="right")
    table.add_column(_("unit"))
    for title in COLUMNS.values():
        table.add_column(_(title), justify="right")
    for line in value.lines:
        table.add_row(str(line.rank or "-"), Text(one_line(line.unit)), *_cells(line))
    table.add_section()
    table.add_row("", _("all units"), *_cells(value.total))
    console.print(table)
    trend = Table(title=_("Trend"), title_justify="left")
    trend.add_column(_("month"))
    for title in COLUMNS.values():
        trend.add_column(_(title), justify="right")
    for month, _lines, total in value.trend:
        trend.add_row(str(month), *_cells(total))
    console.print(trend)
    for title, entries in (
        (_("Talks proposed (6.1)"), value.proposals),
        (_("Conduct registered (6.1)"), value.conduct),
    ):
        if entries:
            console.print(Text(title, style="bold"))
        for one in entries:
            some = ", ".join(one.tickets[:_SHOWN_OF_TICKETS])
            more = " …" if len(one.tickets) > _SHOWN_OF_TICKETS else ""
            grave = f"  {_('grave')}" if one.grave else ""
            text = f"  {one_line(one.unit)}  {one.clause}  {render(one.why)}{grave}  {some}{more}"
            console.print(Text(text))


def _cells(line: BulletinLine) -> list[Text]:
    return [
        Text(format_figure(line, name), style=_COLOURS.get(name, "") if line.count(name) else "")
        for name in COLUMNS
    ]


def case_table(console: Console, title: str, found: Iterable[FigureCase]) -> None:
    """Print the tickets behind a figure."""
    listed = list(found)
    keys = [key for key in NOTES if any(key in case.note for case in listed)]
    table = Table(title=title, title_justify="left", show_lines=False)
    for name in (_("unit"), _("ticket"), _("title"), _("category"), _("moment")):
        table.add_column(name)
    for key in keys:
        table.add_column(_(NOTES[key]))
    for case in listed:
        own = [one_line(case.unit), one_line(case.ticket), one_line(case.title), _(case.category)]
        rest = [note(case.note, key) for key in keys]
        table.add_row(*(Text(t) for t in (*own, moment(case.at), *rest)))
    console.print(table)
    console.print(_("{n} in all").format(n=len(listed)))
