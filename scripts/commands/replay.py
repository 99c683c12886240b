"""`hotline replay`: any life of any ticket, in simulated time."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.i18n import _
from models.settings import load_settings
from scripts.help import App

if TYPE_CHECKING:
    from models.rules.routing.directory import UnitsFile
    from scripts.replay.replay import ReplayResult, ReplaySetup


def add_to(app: App) -> None:
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
    model: Annotated[
        Path | None, typer.Option(exists=True, help=_("A model as `hotline routing train` writes."))
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help=_("Compare with a folder's policy.toml, units.toml, calendar.csv."),
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_("For machines."))] = False,
) -> None:
    """Nothing of it touches the service's own store; notices go nowhere."""
    from scripts.bootstrap import UNITS_FILE, policy_text, shipped_policy_file
    from scripts.commands.deadlines import instant
    from scripts.replay.replay import ReplaySetup
    from scripts.replay.replay import replay as play

    scenery = ReplaySetup(
        policy_text(load_settings()), _units(shipped_policy_file(UNITS_FILE), UNITS_FILE)
    )
    scenery = _changed(scenery, policy, units, calendar)
    if model:
        scenery = replace(scenery, model=model.read_bytes())
    end = instant(until) if until else None
    played = play(file, scenery, end)
    if against is None:
        _print(played, as_json=as_json)
        return
    other = _changed(scenery, *(_there(against, n) for n in _NAMES))
    _compare(played, play(file, other, end), as_json=as_json)


_NAMES = ("policy.toml", "units.toml", "calendar.csv")


def _there(folder: Path, name: str) -> Path | None:
    return folder / name if (folder / name).exists() else None


def _units(text: str, name: str) -> "UnitsFile":
    from models.rules.routing.directory import load_units

    return load_units(text, name)


def _changed(
    scenery: "ReplaySetup", policy: Path | None, units: Path | None, calendar: Path | None
) -> "ReplaySetup":
    from scripts.bootstrap import read_text
    from scripts.commands.deadlines import declared_days

    if policy:
        scenery = replace(scenery, policy=(read_text(policy), str(policy)))
    if units:
        scenery = replace(scenery, units=_units(read_text(units), str(units)))
    if calendar:
        scenery = replace(scenery, days=declared_days(calendar))
    return scenery


def _print(played: "ReplayResult", *, as_json: bool) -> None:
    from scripts.bootstrap import print_json

    for event in played.events:
        if as_json:
            print_json(event)
        else:
            rest = {k: v for k, v in event.items() if k not in ("seq", "ticket", "at", "event")}
            told = "  ".join(f"{k}={v}" for k, v in rest.items())
            seq = "-" if event["seq"] is None else event["seq"]
            typer.echo(f"{event['at'][:19]}  {event['ticket']}  {seq:>4}  {event['event']}  {told}")


def _compare(was: "ReplayResult", would_be: "ReplayResult", *, as_json: bool) -> None:
    from scripts.bootstrap import print_json
    from scripts.replay.comparison import TicketSummary, differences, summarize_tickets

    def told(fate: TicketSummary) -> str:
        cards = f"{_('yellow')} {fate.yellow}  {_('red')} {fate.red}"
        return f"{(fate.due or '-')[:16]}  {cards}"

    before, after = summarize_tickets(was.events), summarize_tickets(would_be.events)
    found = list(differences(before, after))
    for one in found:
        if as_json:
            print_json(one.as_dict())
        else:
            typer.echo(f"{one.ticket}  {told(one.was)}  ->  {told(one.would_be)}")
    if not as_json:
        text = _("{n} of {all} tickets differ; red cards {was} -> {would_be}")
        reds = [sum(f.red for f in fates_.values()) for fates_ in (before, after)]
        typer.echo(text.format(n=len(found), all=len(before), was=reds[0], would_be=reds[1]))
