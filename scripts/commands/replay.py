"""`hotline replay`: any life of any ticket, in simulated time."""

from pathlib import Path
from typing import Annotated

import typer

from models.labels import _, readable
from models.settings import load_settings


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command(help=_("Play a file of messages in simulated time and print the log."))(replay)


def replay(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    until: Annotated[str, typer.Option(help=_("Play on to this time."))] = "",
    units: Annotated[Path | None, typer.Option(exists=True, help=_("Another units file."))] = None,
    calendar: Annotated[
        Path | None, typer.Option(exists=True, help=_("Declared days, as for calendar import."))
    ] = None,
    policy: Annotated[Path | None, typer.Option(exists=True, help=_("Another policy."))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_("For machines."))] = False,
) -> None:
    """Nothing of it touches the service's own store; notices go nowhere."""
    from models.rules.routing import load_units
    from scripts.commands.rulebook import declared_days, instant
    from scripts.edge import UNITS_FILE, policy_text, print_json, read_text, shipped
    from scripts.replaying import Scenery
    from scripts.replaying import replay as play

    named = (read_text(policy), str(policy)) if policy else policy_text(load_settings())
    words = read_text(units) if units else shipped(UNITS_FILE)
    scenery = Scenery(
        named,
        load_units(words, str(units or UNITS_FILE)),
        declared_days(calendar) if calendar else {},
    )
    played = play(file, scenery, instant(until) if until else None)
    for event in map(readable, played.events):
        if as_json:
            print_json(event)
        else:
            rest = {k: v for k, v in event.items() if k not in ("seq", "ticket", "at", "event")}
            told = "  ".join(f"{k}={v}" for k, v in rest.items())
            seq = "-" if event["seq"] is None else event["seq"]
            typer.echo(f"{event['at'][:19]}  {event['ticket']}  {seq:>4}  {event['event']}  {told}")
