"""Write the list of tickets as it is shown into a file for spreadsheets."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from textual.content import Content

from models.database import Session
from models.errors import HotlineError
from models.i18n import N_, _, counted, render
from models.operations.access_log import record_access
from models.private_files import make_private_folder, write_private
from models.queries.saved_views import View
from models.queries.ticket_list import ListedTicket, list_tickets
from models.rules.calendar import SHANGHAI
from models.rules.vocabulary import AccessAct, Permission
from models.spreadsheets import csv_table, workbook_table
from monitor.background import in_background_thread
from monitor.filters import Filter, FilterError, read_filter
from monitor.formatting import OfficeCalendar, format_instant
from monitor.operator.operator import Operator
from monitor.screens.prompts import TextPrompt
from monitor.snapshot import Snapshot
from monitor.widgets.ticket_columns import (
    COLUMNS,
    RowContext,
    TicketColumn,
    due_of,
    shown_columns,
)

CSV, XLSX = "csv", "xlsx"
_PATH = ("path of an export",)

_INSTANTS: dict[str, Callable[[ListedTicket], datetime | None]] = {
    "due": due_of,
    "received": lambda ticket: ticket.received_at,
}
"""Columns of instants: in a file they have their year, by which a spreadsheet sorts and counts."""


class ExportNotWritten(HotlineError):
    """The file could not be written; the text says why."""


class ListExporter:
    """Exports lists into a folder of the home, or, at a terminal, wherever the operator says."""

    def __init__(self, operator: Operator, folder: Path) -> None:
        self._operator, self._folder = operator, folder

    async def export(self, view: View, kind: str, snapshot: Snapshot) -> None:
        """Write all tickets of the list, redacted as on the screen, and log who has them.

        Raises NotAllowed, ExportNotWritten.
        """
        operator = self._operator
        who = operator.who
        right = Permission.EXPORT if who.may(Permission.EXPORT) else Permission.ACT
        if not await operator.may(right):
            return
        path = self._folder / f"tickets-{operator.now().astimezone(SHANGHAI):%Y%m%d-%H%M%S}.{kind}"
        if not operator.app.is_web:
            # a browser's user has no say about the files of the server
            text = Content(_("The file is readable by you alone; texts stay redacted."))
            prompt = TextPrompt(_("Export the list"), text, _("The file to write"), str(path))
            if (answer := await operator.drafts.fill_in(_PATH, prompt)) is None:
                return
            path = Path(answer).expanduser().absolute()
        if path.exists():
            raise ExportNotWritten(_("{path} is there already").format(path=path))
        result = read_filter(view.filter)
        if isinstance(result, FilterError):
            raise ExportNotWritten(render(result.why))
        operator.app.notify(_("The list is being written .."), markup=False)
        rows = await operator.write(lambda session: self._rows(session, view, result, snapshot))
        columns = _columns(view)
        await in_background_thread(
            lambda: _write(path, kind, columns, rows, snapshot.at, snapshot.office)
        )
        operator.drafts.forget(_PATH)
        single, several = N_("{n} ticket lies in {path}"), N_("{n} tickets lie in {path}")
        if operator.app.is_web:
            single = N_(
                "{n} ticket lies on the server in {path}; whoever runs it can pass the file on"
            )
            several = N_(
                "{n} tickets lie on the server in {path}; whoever runs it can pass the file on"
            )
        summary = counted(len(rows), single, several, path=path)
        operator.app.notify(summary, timeout=20, markup=False)

    def _rows(
        self, session: Session, view: View, chosen: Filter, snapshot: Snapshot
    ) -> tuple[ListedTicket, ...]:
        """Return the tickets, and log it: titles are redacted by a program, which may miss some."""
        who, now = self._operator.who, self._operator.now()
        mine = tuple(n for n, claim in snapshot.claims.items() if claim.who == who.name)
        wanted = chosen.at(snapshot.at, snapshot.office, mine)
        rows = list_tickets(session, wanted, order=view.order).rows
        fields = [column.key for column in _columns(view)]
        record_access(session, who, AccessAct.LIST_EXPORTED, None, fields, now, amount=len(rows))
        return rows


def _columns(view: View) -> list[TicketColumn]:
    """List the columns of a view; beside what is left of a term stands when it ends."""
    keys = {column.key for column in shown_columns(view.columns, wide=True)}
    if "left" in keys:
        keys.add("due")
    return [column for column in COLUMNS if column.key in keys]


def _write(
    path: Path,
    kind: str,
    columns: Sequence[TicketColumn],
    tickets: Sequence[ListedTicket],
    now: datetime,
    office: OfficeCalendar,
) -> None:
    context = RowContext(now, office, {}, wide=True, brief=False)
    heads = [render(column.head) for column in columns]
    rows = ([_text(column, ticket, context) for column in columns] for ticket in tickets)
    table = csv_table(heads, rows) if kind == CSV else workbook_table(_("Tickets"), heads, rows)
    try:
        make_private_folder(path.parent)
        write_private(path, table)
    except OSError as error:
        text = _("{path} cannot be written: {why}")
        raise ExportNotWritten(text.format(path=path, why=error.strerror)) from error


def _text(column: TicketColumn, ticket: ListedTicket, context: RowContext) -> str:
    if (instant := _INSTANTS.get(column.key)) is not None:
        return format_instant(instant(ticket))
    cell = column.cell(ticket, context)
    return " ".join(text for text, _style in ((cell.text, ""), *cell.parts) if text)
