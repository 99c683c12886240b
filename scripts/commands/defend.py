"""`hotline defend`: why a ticket got a card, who owed what, and what would have averted it."""

from typing import Annotated

import typer

from models.i18n import _
from models.settings import load_settings
from scripts.arguments import AsFormat, AsJson, Overwrite, SheetFormat, ToFile
from scripts.chosen_output import JSON, choose_output
from scripts.completion import values
from scripts.help import App


def add_to(app: App) -> None:
    """Add this command."""
    app.command(help=_("Show why a ticket got a card, and what would have averted it."))(defend)


def defend(
    ticket: Annotated[str, typer.Argument(help=_("The city's ticket number."))],
    card: Annotated[
        str,
        typer.Option(
            help=_("The level: prewarning, yellow, red; by default the last card."),
            autocompletion=values("Level"),
        ),
    ] = "",
    form: AsFormat = None,
    output: ToFile = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Put together a statement on a card from the ticket's log and the rules."""
    from models.rulebook import load_rulebook
    from models.rules.vocabulary import Level
    from scripts.bootstrap import read_store, require_store
    from scripts.laboratory.defence import defence
    from scripts.laboratory.defence_sheet import defence_as_dict, defence_sheet
    from scripts.report.output import write_json, write_sheet

    if card and card not in tuple(Level):
        raise typer.BadParameter(_("one of: {allowed}").format(allowed=", ".join(Level)))
    settings = load_settings()
    require_store(settings)
    chosen = choose_output(
        output, form, SheetFormat, settings, as_json=as_json, overwrite=overwrite
    )
    with read_store(settings) as session:
        case = defence(session, load_rulebook(session), ticket, Level(card) if card else None)
    if chosen.form == JSON:
        write_json(defence_as_dict(case), chosen)
    else:
        write_sheet(defence_sheet(case), chosen, settings)
