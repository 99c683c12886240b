"""`hotline why-late`: where the time of a unit's late tickets went."""

from typing import Annotated

import typer

from models.i18n import _
from models.settings import load_settings
from scripts.arguments import AsFormat, AsJson, Overwrite, SheetFormat, ToFile, parse_month
from scripts.chosen_output import JSON, choose_output
from scripts.help import App


def add_to(app: App) -> None:
    """Add this command."""
    app.command(
        "why-late", help=_("Show where the time of late tickets went, by step and holder.")
    )(why_late)


def why_late(
    month: Annotated[str, typer.Option(help=_("The month, as 2026-10."))],
    unit: Annotated[
        str, typer.Option(help=_("Only this unit, by any of its names; else all units."))
    ] = "",
    form: AsFormat = None,
    output: ToFile = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Add up the time from the receipt of each late ticket to its result, by step."""
    from models.queries.late_tickets import late_tickets
    from models.queries.unit_names import asked_unit, load_unit_names
    from models.rulebook import load_rulebook
    from scripts.bootstrap import read_store, require_store
    from scripts.laboratory.late_time import late_time_as_dict, late_time_sheet, timed_ticket
    from scripts.report.output import write_json, write_sheet

    parsed = parse_month(month)
    settings = load_settings()
    require_store(settings)
    chosen = choose_output(
        output, form, SheetFormat, settings, as_json=as_json, overwrite=overwrite
    )
    with read_store(settings) as session:
        names, rulebook = load_unit_names(session), load_rulebook(session)
        named = asked_unit(session, names, rulebook.directory, unit) if unit else None
        tickets = [
            timed_ticket(ticket, rulebook.context_for(ticket.policy_id))
            for ticket in late_tickets(session, parsed, named, names)
        ]
    if chosen.form == JSON:
        write_json(late_time_as_dict(named or "", str(parsed), tickets), chosen)
    else:
        write_sheet(
            late_time_sheet(named or _("all units"), str(parsed), tickets), chosen, settings
        )
