"""`hotline replay`: play a file of messages in simulated time, and compare two rulebooks."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.i18n import _
from models.settings import load_settings
from scripts.arguments import AsJson, QuietBefore
from scripts.help import App

if TYPE_CHECKING:
    from scripts.replay.comparison import TicketSummary
    from scripts.replay.replay import ReplayResult, ReplaySetup

_FILE_NAMES = ("policy.toml", "units.toml", "calendar.csv")


def add_to(app: App) -> None:
    """Add this command."""
    app.command(help=_("Replay a file of messages in simulated time, and print the log."))(replay)


def replay(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    until: Annotated[str, typer.Option(help=_("Replay up to this time."))] = "",
    units: Annotated[Path | None, typer.Option(exists=True, help=_("Use this units file."))] = None,
    calendar: Annotated[
        Path | None,
        typer.Option(
            exists=True, help=_("A file of declared days, as for `hotline calendar import`.")
        ),
    ] = None,
    policy: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True, help=_("Use this policy file; with several, each from its valid_from on.")
        ),
    ] = None,
    quiet_before: QuietBefore = None,
    model: Annotated[
        Path | None,
        typer.Option(exists=True, help=_("A model that `hotline routing train --output` wrote.")),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help=_("Compare with a replay under a folder's policy.toml, units.toml, calendar.csv."),
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play the file in memory; the service's store is not touched."""
    from models.rules.routing.directory import load_units
    from scripts.arguments import parse_time
    from scripts.bootstrap import UNITS_FILE, policy_text, shipped_policy_file
    from scripts.replay.replay import ReplaySetup
    from scripts.replay.replay import replay as play

    own_units = load_units(shipped_policy_file(UNITS_FILE), UNITS_FILE)
    setup = ReplaySetup([policy_text(load_settings())], own_units)
    setup = _with_files(setup, policy or [], units, calendar)
    if model:
        setup = replace(setup, model=model.read_bytes())
    if quiet_before:
        setup = replace(setup, quiet_before=quiet_before.date())
    end = parse_time(until) if until else None
    result = play(file, setup, end)
    if against is None:
        _print_events(result, as_json=as_json)
        return
    paths = [against / name for name in _FILE_NAMES]
    policy_path, *more = [path if path.exists() else None for path in paths]
    other = _with_files(setup, [policy_path] if policy_path else [], *more)
    _print_comparison(result, play(file, other, end), as_json=as_json)


def _with_files(
    setup: "ReplaySetup", policies: list[Path], units: Path | None, calendar: Path | None
) -> "ReplaySetup":
    """The setup with the files that were named in place of its own."""
    from models.rules.routing.directory import load_units
    from models.text_files import read_text
    from scripts.rulebook.calendar_file import read_declared_days

    if policies:
        setup = replace(setup, policies=[(read_text(path), str(path)) for path in policies])
    if units:
        setup = replace(setup, units=load_units(read_text(units), str(units)))
    if calendar:
        setup = replace(setup, days=read_declared_days(calendar))
    return setup


def _print_events(result: "ReplayResult", *, as_json: bool) -> None:
    from scripts.output import event_fields, print_json

    for event in result:
        if as_json:
            print_json(event)
            continue
        seq = "-" if event["seq"] is None else event["seq"]
        head = f"{event['at'][:19]}  {event['ticket']}  {seq:>4}  {event['event']}"
        typer.echo(f"{head}  {event_fields(event)}")


def _print_comparison(was: "ReplayResult", would_be: "ReplayResult", *, as_json: bool) -> None:
    """Print the tickets that fare differently, and the red cards on both sides."""
    from scripts.output import print_json
    from scripts.replay.comparison import differences, summarize_tickets

    before, after = summarize_tickets(was), summarize_tickets(would_be)
    differing = list(differences(before, after))
    for difference in differing:
        if as_json:
            print_json(difference.as_dict())
        else:
            was_text, would_be_text = _line(difference.was), _line(difference.would_be)
            typer.echo(f"{difference.ticket}  {was_text}  ->  {would_be_text}")
    if not as_json:
        text = _("{n} of {all} tickets differ; red cards {was} -> {would_be}")
        reds = [sum(s.red for s in summaries.values()) for summaries in (before, after)]
        typer.echo(text.format(n=len(differing), all=len(before), was=reds[0], would_be=reds[1]))


def _line(summary: "TicketSummary") -> str:
    cards = f"{_('yellow')} {summary.yellow}  {_('red')} {summary.red}"
    return f"{(summary.due or '-')[:16]}  {cards}"
