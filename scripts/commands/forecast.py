"""`hotline forecast`: the deadlines and levels that the coming working days bring."""

from typing import Annotated

import typer

from models.i18n import _
from models.settings import load_settings
from scripts.arguments import AsFormat, AsJson, Overwrite, SheetFormat, ToFile
from scripts.chosen_output import JSON, choose_output
from scripts.help import App


def add_to(app: App) -> None:
    """Add this command."""
    app.command(help=_("Show the deadlines and levels that the coming working days bring."))(
        forecast
    )


def forecast(
    days: Annotated[
        int,
        typer.Option(
            min=0, max=250, help=_("To the end of the working day that is so many after today.")
        ),
    ] = 5,
    unit: Annotated[str, typer.Option(help=_("Only this unit, by any of its names."))] = "",
    form: AsFormat = None,
    output: ToFile = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Count what the running clocks bring if nobody does anything."""
    from datetime import datetime

    from models.queries.coming_levels import coming_moments
    from models.queries.unit_names import asked_unit, load_unit_names
    from models.rulebook import load_rulebook
    from models.rules.calendar import SHANGHAI
    from models.shared_clock import service_clock
    from scripts.bootstrap import require_store, use_store
    from scripts.laboratory.forecast import forecast_as_dict, forecast_sheet
    from scripts.report.output import write_json, write_sheet

    settings = load_settings()
    require_store(settings)
    chosen = choose_output(
        output, form, SheetFormat, settings, as_json=as_json, overwrite=overwrite
    )
    with use_store(settings) as store, store.reading() as session:
        now = service_clock(store)()
        rulebook = load_rulebook(session)
        today = now.astimezone(SHANGHAI).date()
        last = rulebook.calendar.after(today, days) if days else today
        until = datetime.combine(last, datetime.max.time(), SHANGHAI)
        policies = {**rulebook.policies, **rulebook.withdrawn}
        contexts = {policy_id: rulebook.context_for(policy_id) for policy_id in policies}
        coming = coming_moments(session, now, until, contexts)
        if unit:
            names = load_unit_names(session)
            named = asked_unit(session, names, rulebook.directory, unit)
            coming = [moment for moment in coming if moment.holder == named]
    if chosen.form == JSON:
        write_json(forecast_as_dict(coming, now, until), chosen)
    else:
        write_sheet(forecast_sheet(coming, now, until), chosen, settings)
