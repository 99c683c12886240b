"""`hotline erase`: erase what people wrote, on request or by law."""

from typing import Annotated

import typer

from models.errors import HotlineError
from models.i18n import _
from models.settings import load_settings
from scripts.arguments import DryRun
from scripts.completion import values
from scripts.help import App


def add_to(app: App) -> None:
    """Add this command."""
    app.command(help=_("Erase what people wrote of tickets, for good; the logs stay verifiable."))(
        erase
    )


def erase(
    tickets: Annotated[
        list[str] | None, typer.Argument(metavar="[TICKET]...", help=_("The city's numbers."))
    ] = None,
    claimant: Annotated[
        str,
        typer.Option(
            metavar="VALUE", help=_("All tickets of a person, by what --by says; - asks for it.")
        ),
    ] = "",
    by: Annotated[str, typer.Option(help=_("phone, identity or name."))] = "phone",
    ground: Annotated[
        str,
        typer.Option(
            help=_("Why, as the law says; --dry-run lists the grounds."),
            autocompletion=values("ErasureGround"),
        ),
    ] = "",
    asked_by: Annotated[
        str, typer.Option("--asked-by", help=_("Who asked for it, and how; kept encrypted."))
    ] = "",
    dry_run: DryRun = False,
) -> None:
    """Erase the texts of archived tickets; exit 1 where a law or the policy holds some back."""
    from models.rules.vocabulary import ErasureGround
    from scripts.tickets.erasing import Erasing

    if bool(tickets) == bool(claimant):
        raise typer.BadParameter(_("name tickets, or a person with --claimant"))
    if not dry_run and ground not in set(ErasureGround):
        allowed = ", ".join(ErasureGround)
        raise typer.BadParameter(_("one of: {allowed}").format(allowed=allowed))
    value = typer.prompt(_(by)) if claimant == "-" else claimant
    with Erasing.open(load_settings()) as erasing:
        numbers = tickets or erasing.tickets_of(by, value)
        if not numbers:
            raise HotlineError(_("there is no such ticket"))
        extents = (
            erasing.look(numbers)
            if dry_run
            else (erasing.erase(number, ErasureGround(ground), asked_by) for number in numbers)
        )
        held = 0
        for extent in extents:
            held += extent.held is not None
            typer.echo(erasing.line_of(extent, dry_run=dry_run))
    if dry_run:
        typer.echo("--ground: " + ", ".join(f"{g} ({_(g.label)})" for g in ErasureGround))
    else:
        text = _("Copies lie in backups and exports until they are removed, and in what was sent.")
        typer.echo(text)
    typer.echo(_("A note of a shift is reached where it names the ticket by its number."))
    raise typer.Exit(1 if held else 0)
