"""`hotline events`: the logs of all tickets as one feed for other systems."""

from typing import Annotated

import typer

from models.errors import HotlineError
from models.i18n import _
from models.settings import load_settings
from scripts.arguments import REASON, asked_reason
from scripts.help import App


def add_to(app: App) -> None:
    """Add this command."""
    app.command(help=_("Print the events of all tickets as they are committed, for programs."))(
        events
    )


def events(
    since: Annotated[
        str,
        typer.Option(metavar="CURSOR", help=_("Begin after the event with this cursor.")),
    ] = "",
    follow: Annotated[
        bool, typer.Option("--follow", help=_("Go on with what comes, until stopped."))
    ] = False,
    unit: Annotated[
        str, typer.Option(help=_("Only events of this unit's tickets, or that name it."))
    ] = "",
    names: Annotated[
        list[str] | None,
        typer.Option("--type", help=_("Only events of this name; may be given several times.")),
    ] = None,
    reveal: Annotated[
        bool, typer.Option("--reveal", help=_("Print what people wrote in clear; this is logged."))
    ] = False,
    reason: Annotated[str, REASON] = "",
) -> None:
    """Print JSON Lines in the order of commit, redacted; each has its cursor and its id."""
    from contextlib import ExitStack

    from models.queries.event_feed import Cursor, EventFilter
    from models.rulebook import load_rulebook
    from models.rules.vocabulary import EventName, Permission
    from models.shared_clock import store_clock
    from scripts.bootstrap import acting, use_store
    from scripts.tickets.event_feed import Reveal, print_events
    from workers.shutdown import stop_on_signals

    if unknown := set(names or ()) - set(EventName):
        raise HotlineError(_("there is no event {name}").format(name=min(unknown)))
    cursor = Cursor.parse(since) if since else Cursor()
    why = asked_reason(reason) if reveal else ""
    settings = load_settings()
    with use_store(settings) as store, ExitStack() as stack:
        units: list[str] = []
        if unit:
            with store.reading() as session:
                directory = load_rulebook(session).directory
            if directory.resolve(unit) is None:
                raise HotlineError(_("there is no unit {name}").format(name=unit))
            units = directory.all_names(unit)
        to_whom = None
        if reveal:
            actor = stack.enter_context(acting(store, settings, Permission.REVEAL))
            to_whom = Reveal(actor, why, store_clock(store))
        stop = stop_on_signals(None) if follow else None
        print_events(store, cursor, EventFilter(units, tuple(names or ())), stop, to_whom)
