"""`hotline matters`: letters of several claimants about one matter."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from models.clock import system_clock
from models.i18n import _
from models.settings import load_settings
from scripts.bootstrap import open_store, print_json
from scripts.help import App

if TYPE_CHECKING:
    from models.database import Store
    from models.operations.similar import BandRow

_AT_ONCE = 500


def add_to(app: App) -> None:
    """Add this command."""
    app.command(help=_("Letters of several claimants that seem to be one matter."))(matters)


def matters(
    days: Annotated[int, typer.Option(min=1, help=_("Letters of so many days."))] = 30,
    closed: Annotated[bool, typer.Option("--closed", help=_("Closed matters too."))] = False,
    limit: Annotated[int, typer.Option(min=1, help=_("At most so many."))] = 50,
    as_json: Annotated[bool, typer.Option("--json", help=_("For machines."))] = False,
) -> None:
    """A proposal to look at: nothing is merged, and every ticket keeps its own deadlines."""
    from dataclasses import asdict

    from models.operations.similar import add_bands
    from models.queries.similar import matters as find
    from models.rules.calendar import SHANGHAI

    store = open_store(load_settings())
    since = system_clock() - timedelta(days)
    while bands := _new(store, since):
        with store.writing() as session:
            add_bands(session, bands)
    with store.reading() as session:
        found = find(session, since, closed=closed)[:limit]
    if as_json:
        print_json([asdict(matter) for matter in found])
        return
    for matter in found:
        text = _("{n} tickets of {claimants} claimants, {units}")
        units = "、".join(matter.units) or _("no unit")
        typer.echo(text.format(n=len(matter.tickets), claimants=matter.claimants, units=units))
        for one in matter.tickets:
            at = f"{one.received_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
            typer.echo(
                f"  {one.ticket}  {at}  {one.in_common:>4.0%}  {one.unit or '-'}  {one.title}"
            )
    if not found:
        typer.echo(_("No letters of several claimants are alike."))


def _new(store: "Store", since: datetime) -> "list[BandRow]":
    from models.operations.similar import new_bands

    with store.reading() as session:
        return new_bands(session, since, _AT_ONCE)
