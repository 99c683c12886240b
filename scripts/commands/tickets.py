"""`hotline show`, `log`, `queue`: what is known of tickets."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.labels import _
from models.rules.calendar import SHANGHAI
from models.settings import load_settings

if TYPE_CHECKING:
    from models.queries.listing import Row


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(help=_("A ticket: where it stands, and why it is due when it is."))(show)
    app.command(help=_("A ticket's log."))(log)
    app.command(help=_("The open tickets, emergencies first, then by what is due next."))(queue)


_JSON = typer.Option("--json", help=_("For machines."))
_TICKET = typer.Argument(help=_("The city's ticket number."))


def log(ticket: Annotated[str, _TICKET], as_json: Annotated[bool, _JSON] = False) -> None:
    """Every event of a ticket in order; what citizens wrote is masked."""
    from models.queries.log import ticket_log
    from scripts.edge import print_json, reading

    with reading(load_settings()) as session:
        for event in ticket_log(session, ticket):
            if as_json:
                print_json(event)
                continue
            rest = {k: v for k, v in event.items() if k not in ("seq", "ticket", "at", "event")}
            told = "  ".join(f"{k}={v}" for k, v in rest.items())
            typer.echo(f"{event['seq']:>4}  {event['at'][:19]}  {event['event']:<22}  {told}")


def show(ticket: Annotated[str, _TICKET], as_json: Annotated[bool, _JSON] = False) -> None:
    """State, clocks and the reasons of the deadline."""
    from scripts.edge import print_json, reading
    from scripts.shown import shown_ticket, told_ticket

    with reading(load_settings()) as session:
        if as_json:
            print_json(shown_ticket(session, ticket))
        else:
            for line in told_ticket(session, ticket):
                typer.echo(line)


def queue(
    level: Annotated[str, typer.Option(help=_("Only this level: prewarning, yellow, red."))] = "",
    unit: Annotated[str, typer.Option(help=_("Only this unit, by any of its names."))] = "",
    limit: Annotated[int, typer.Option(min=0, help=_("At most so many; 0 is all."))] = 0,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """The open tickets, from received to submitted."""

    from models.queries.listing import Wanted, listing
    from models.rules.policy import LEVELS
    from scripts.edge import print_json, reading

    if level and level not in LEVELS:
        raise typer.BadParameter(_("one of: {allowed}").format(allowed=", ".join(LEVELS)))
    with reading(load_settings()) as session:
        wanted = Wanted(levels=(level,) if level else (), units=(unit,) if unit else ())
        page = listing(session, wanted, limit=limit or None)
    if as_json:
        print_json([_line(row) for row in page.rows])
        return
    for row in map(_line, page.rows):
        level, status = row["level"], row["status"]
        badge, status = _(level) if level else "-", _(status)
        due = row["due"][:16] if row["due"] else "-"
        typer.echo(f"{badge}  {row['ticket']}  {status}  {row['unit'] or '-'}  {due}")
    typer.echo(_("{n} open tickets").format(n=page.total))


def _line(row: "Row") -> dict[str, Any]:
    due = row.due.astimezone(SHANGHAI).isoformat() if row.due else None
    fields = {"ticket": row.number, "status": row.status, "unit": row.unit, "level": row.level}
    return {**fields, "due": due}
