"""`hotline similar`: list tickets of several claimants about the same thing."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from models.clock import system_clock
from models.i18n import _
from models.settings import load_settings
from scripts.arguments import AsJson
from scripts.bootstrap import use_store
from scripts.help import App
from scripts.output import print_json

if TYPE_CHECKING:
    from models.queries.similar import SimilarTickets


def add_to(app: App) -> None:
    """Add this command."""
    app.command(help=_("Tickets of several claimants that seem to be about the same thing."))(
        similar
    )


def similar(
    days: Annotated[int, typer.Option(min=1, help=_("Letters of the last so many days."))] = 30,
    closed: Annotated[
        bool, typer.Option("--closed", help=_("Also groups whose tickets are all closed."))
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help=_("At most so many groups."))] = 50,
    as_json: AsJson = False,
) -> None:
    """Propose groups of similar tickets: nothing is merged, each ticket keeps its deadlines."""
    from dataclasses import asdict

    from models.operations.similar import add_all_bands
    from models.queries.similar import similar_tickets as find_similar

    since = system_clock() - timedelta(days)
    with use_store(load_settings()) as store:
        add_all_bands(store, since)
        with store.reading() as session:
            groups = find_similar(session, since, closed=closed)[:limit]
    if as_json:
        print_json([asdict(group) for group in groups])
        return
    for group in groups:
        _print(group)
    if not groups:
        typer.echo(_("No letters of several claimants are alike."))


def _print(group: "SimilarTickets") -> None:
    from models.rules.calendar import SHANGHAI

    text = _("{n} tickets of {claimants} claimants, {units}")
    units = "、".join(group.units) or _("no unit")
    typer.echo(text.format(n=len(group.tickets), claimants=group.claimants, units=units))
    for ticket in group.tickets:
        at = f"{ticket.received_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
        share = f"{ticket.in_common:>4.0%}"
        typer.echo(f"  {ticket.ticket}  {at}  {share}  {ticket.unit or '-'}  {ticket.title}")
