"""`hotline show`, `log`, `find`, `access`, `queue`: look at tickets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.i18n import N_, _, counted
from models.settings import load_settings
from scripts.arguments import OVERWRITE, REASON, AsJson, asked_reason
from scripts.completion import values
from scripts.help import App

if TYPE_CHECKING:
    from models.queries.duties import NextDuty
    from models.queries.ticket_list import ListedTicket


def add_to(app: App) -> None:
    """Add these commands."""
    app.command(help=_("Show a ticket: its state, and why it is due when it is."))(show)
    app.command(help=_("Show the log of a ticket, or verify the logs."))(log)
    app.command(help=_("Find the tickets of a person, by a number or a name."))(find)
    app.command(help=_("Show who saw personal data in clear, and when."))(access)
    app.command(help=_("List the open tickets, emergencies first, then by due time."))(queue)


_TICKET = typer.Argument(help=_("The city's ticket number."))


def log(
    ticket: Annotated[str, typer.Argument(help=_("The city's ticket number."))] = "",
    verify: Annotated[
        bool, typer.Option("--verify", help=_("Verify the hash chain of one log or of all."))
    ] = False,
    note: Annotated[
        Path | None,
        typer.Option(
            "--note",
            dir_okay=False,
            help=_("With --verify: write where each log ends to this file."),
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help=OVERWRITE)] = False,
    against: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help=_("With --verify: compare with a file that --note wrote."),
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the events of a ticket in order; what citizens wrote is redacted."""
    from models.queries.log import ticket_log
    from scripts.bootstrap import read_store
    from scripts.output import event_fields, print_json
    from scripts.screen import screen
    from scripts.tables import Table

    if verify:
        from scripts.tickets.chain_verification import verify_logs

        raise typer.Exit(
            verify_logs(ticket or None, note, against, overwrite=overwrite, as_json=as_json)
        )
    if not ticket:
        raise typer.BadParameter(_("name a ticket, or ask to --verify all logs"))
    settings = load_settings()
    with read_store(settings) as session:
        events = ticket_log(session, ticket)
        if as_json:
            for event in events:
                print_json(event)
            return
        rows = [
            (str(e["seq"]), e["at"][:19].replace("T", " "), e["event"], event_fields(e))
            for e in events
        ]
    with screen(settings) as page:
        heads = (_("line"), _("moment"), _("event"), _("fields"))
        page.table(Table(heads, rows, numbers=(0,), whole=(3,)))


def show(
    ticket: Annotated[str, _TICKET],
    reveal: Annotated[
        bool, typer.Option("--reveal", help=_("Show personal data in clear; this is logged."))
    ] = False,
    field: Annotated[
        list[str] | None, typer.Option(help=_("With --reveal: only this field; may be repeated."))
    ] = None,
    reason: Annotated[str, REASON] = "",
    as_json: AsJson = False,
) -> None:
    """Print the state and the clocks of a ticket, and the reasons of its deadline."""
    from models.queries.detail import has_ticket
    from models.shared_clock import service_clock
    from scripts.bootstrap import use_store
    from scripts.output import print_json
    from scripts.screen import screen
    from scripts.tickets.presentation import print_ticket, ticket_as_dict
    from scripts.tickets.refusals import print_refused_ticket, refused_ticket_as_dict

    if reveal:
        from scripts.tickets.personal_data import show_personal_data

        show_personal_data(ticket, field or [], asked_reason(reason), as_json=as_json)
        return
    settings = load_settings()
    with use_store(settings) as store, store.reading() as session:
        known = has_ticket(session, ticket)
        if as_json:
            as_dict = ticket_as_dict if known else refused_ticket_as_dict
            print_json(as_dict(session, ticket))
            return
        with screen(settings) as page:
            if known:
                print_ticket(page, session, ticket, service_clock(store)())
            else:
                print_refused_ticket(page, session, ticket)


def find(
    phone: Annotated[
        str, typer.Option(help=_("A phone number: the claimant's, or one in the text."))
    ] = "",
    identity: Annotated[str, typer.Option(help=_("An identity number."))] = "",
    name: Annotated[str, typer.Option(help=_("The claimant's name."))] = "",
    as_json: AsJson = False,
) -> None:
    """Find the tickets of a person, which is logged. With - it asks for the number."""
    from scripts.tickets.personal_data import find_tickets

    options = {"phone": phone, "identity": identity, "name": name}
    criteria = [(kind, value) for kind, value in options.items() if value]
    if len(criteria) != 1:
        raise typer.BadParameter(
            _("one of: {allowed}").format(allowed="--phone, --identity, --name")
        )
    kind, value = criteria[0]
    # - keeps the number out of the shell's history and the list of processes
    find_tickets(kind, typer.prompt(_(kind)) if value == "-" else value, as_json=as_json)


def access(
    ticket: Annotated[str, typer.Argument(help=_("The city's ticket number."))] = "",
    as_json: AsJson = False,
) -> None:
    """Print who saw personal data or searched by it, when, and which fields."""
    from scripts.tickets.personal_data import show_accesses

    show_accesses(ticket or None, as_json=as_json)


def queue(
    level: Annotated[
        str,
        typer.Option(
            help=_("Only this level: prewarning, yellow, red."), autocompletion=values("Level")
        ),
    ] = "",
    unit: Annotated[str, typer.Option(help=_("Only this unit, by any of its names."))] = "",
    topic: Annotated[
        str,
        typer.Option(help=_("Only this topic and all below it: a code, label or path; ? unknown.")),
    ] = "",
    limit: Annotated[int, typer.Option(min=0, help=_("At most so many; 0 is all."))] = 0,
    as_json: AsJson = False,
) -> None:
    """List the open tickets, from received to submitted."""
    from models.queries.ticket_filter import TicketFilter
    from models.queries.ticket_list import list_tickets
    from models.queries.topics import load_topics
    from models.rules.vocabulary import Level, Status, label
    from scripts.bootstrap import read_store
    from scripts.output import print_json
    from scripts.screen import screen
    from scripts.tables import LEVEL_COLOURS, Coloured, Table

    if level and level not in tuple(Level):
        raise typer.BadParameter(_("one of: {allowed}").format(allowed=", ".join(Level)))
    settings = load_settings()
    with read_store(settings) as session:
        if topic and not load_topics(session).matching(topic):
            raise typer.BadParameter(
                _("no topic is {topic}; `hotline topics export` lists them").format(topic=topic)
            )
        wanted = TicketFilter(
            levels=(level,) if level else (),
            units=(unit,) if unit else (),
            topics=(topic,) if topic else (),
        )
        listed = list_tickets(session, wanted, limit=limit or None)
    if as_json:
        print_json([_line(row) for row in listed.rows])
        return
    rows = [
        (
            Coloured(label(Level, row.level) or "-", LEVEL_COLOURS.get(row.level or "", "")),
            row.number,
            label(Status, row.status),
            row.unit or "-",
            *_duty(row.next_duty or row.overdue_answer, is_overdue=row.next_duty is None),
        )
        for row in listed.rows
    ]
    heads = (_("level"), _("ticket"), _("status"), _("unit"), _("duty"), _("due"))
    with screen(settings) as page:
        page.table(Table(heads, rows))
        page.line(counted(listed.total, N_("{n} open ticket"), N_("{n} open tickets")))


def _duty(duty: "NextDuty | None", *, is_overdue: bool) -> tuple[str, str]:
    """Say what is owed next and until when; an answer whose term has expired is overdue."""
    from models.rules.vocabulary import ClockName, label
    from scripts.output import format_instant

    if duty is None:
        return "-", "-"
    due = format_instant(duty.due)
    return label(ClockName, duty.clock), _("{at}, overdue").format(at=due) if is_overdue else due


def _line(row: "ListedTicket") -> dict[str, Any]:
    from models.rules.calendar import SHANGHAI

    due = row.due.astimezone(SHANGHAI).isoformat() if row.due else None
    duty = row.next_duty
    upcoming = duty and {
        "clock": duty.clock,
        "holder": duty.holder,
        "due": duty.due.astimezone(SHANGHAI).isoformat(),
    }
    fields = {"ticket": row.number, "status": row.status, "unit": row.unit, "level": row.level}
    return {**fields, "topic": row.topic, "due": due, "next": upcoming}
