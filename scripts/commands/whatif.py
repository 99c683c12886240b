"""`hotline whatif`: how the store's tickets would have fared under other rules."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.i18n import _
from models.settings import load_settings
from scripts.arguments import (
    AsFormat,
    AsJson,
    Overwrite,
    SheetFormat,
    ToFile,
    parse_month,
    parse_time,
)
from scripts.chosen_output import JSON, choose_output
from scripts.help import App

if TYPE_CHECKING:
    from models.queries.ticket_lives import TicketChoice
    from scripts.laboratory.variants import Variant

_Changes = list[str] | None


def add_to(app: App) -> None:
    """Add this command."""
    app.command(help=_("Show how tickets would have fared under other terms, days or policies."))(
        whatif
    )


def whatif(
    month: Annotated[str, typer.Option(help=_("Tickets received in this month, as 2026-10."))] = "",
    begin: Annotated[
        str, typer.Option("--from", help=_("Tickets received from this time on."))
    ] = "",
    end: Annotated[str, typer.Option("--to", help=_("Tickets received before this time."))] = "",
    only_open: Annotated[bool, typer.Option("--open", help=_("Only open tickets."))] = False,
    values: Annotated[
        _Changes,
        typer.Option("--set", help=_('A value of the policy, as terms.complaint="5 workdays".')),
    ] = None,
    off: Annotated[_Changes, typer.Option(help=_("A day that is off, as 2026-10-10."))] = None,
    working: Annotated[_Changes, typer.Option(help=_("A day that is a working day."))] = None,
    policy: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help=_("A policy file, or a fragment of one.")),
    ] = None,
    calendar: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help=_("A file of declared days, as for `hotline calendar import`."),
        ),
    ] = None,
    variant: Annotated[
        _Changes,
        typer.Option(
            help=_("A variant of its own beside the others: changes with ; between them.")
        ),
    ] = None,
    most: Annotated[
        int, typer.Option("--list", min=0, help=_("List at most so many tickets of a variant."))
    ] = 50,
    form: AsFormat = None,
    output: ToFile = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Fold the messages of the store's tickets again under changed rules; nothing is written."""
    from models.shared_clock import service_clock
    from scripts.bootstrap import use_store
    from scripts.laboratory.store_comparison import compare_store
    from scripts.laboratory.variants import parse_variant, read_variant
    from scripts.laboratory.whatif import whatif_as_dict, whatif_sheet
    from scripts.report.output import write_json, write_sheet

    choice = _choice(month, begin, end, only_open)
    variants: list[Variant] = []
    changes = [
        *(("policy", str(path)) for path in policy or ()),
        *(("calendar", str(path)) for path in calendar or ()),
        *(("set", value) for value in values or ()),
        *(("off", day) for day in off or ()),
        *(("working", day) for day in working or ()),
    ]
    if changes:
        variants.append(read_variant(changes))
    variants += map(parse_variant, variant or ())
    if not variants:
        names = "--set, --off, --working, --policy, --calendar, --variant"
        raise typer.BadParameter(_("say what is to be changed: {options}").format(options=names))
    settings = load_settings()
    chosen = choose_output(
        output, form, SheetFormat, settings, as_json=as_json, overwrite=overwrite
    )
    with use_store(settings) as store:
        compared = compare_store(store, choice, variants, service_clock(store)(), most)
    if chosen.form == JSON:
        write_json(whatif_as_dict(compared), chosen)
    else:
        write_sheet(whatif_sheet(compared), chosen, settings)


def _choice(month: str, begin: str, end: str, only_open: bool) -> "TicketChoice":
    from models.queries.ticket_lives import TicketChoice

    if month and (begin or end):
        raise typer.BadParameter(_("give --month, or --from and --to"))
    if month:
        parsed = parse_month(month)
        return TicketChoice(parsed.begins_at, parsed.plus(1).begins_at, only_open)
    first, last = _time(begin), _time(end)
    if first and last and first >= last:
        raise typer.BadParameter(_("--to must be later than --from"))
    return TicketChoice(first, last, only_open)


def _time(text: str) -> datetime | None:
    return parse_time(text) if text else None
