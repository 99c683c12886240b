"""`hotline replay`: play a file of messages in simulated time, and compare two rulebooks."""

from dataclasses import replace
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
    QuietBefore,
    SheetFormat,
    ToFile,
)
from scripts.chosen_output import JSON, ChosenOutput, choose_output
from scripts.help import App

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.laboratory.replay_comparison import ReplayPair
    from scripts.replay.replay import ReplayResult, ReplaySetup

_FILE_NAMES = ("policy.toml", "units.toml", "calendar.csv", "topics.csv")


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
    topics: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help=_("A file of the classification, as for `hotline topics import`."),
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
            help=_(
                "Compare with a replay under a folder's policy.toml, units.toml, calendar.csv, "
                "topics.csv."
            ),
        ),
    ] = None,
    most: Annotated[
        int, typer.Option("--list", min=0, help=_("With --against: list at most so many tickets."))
    ] = 50,
    form: AsFormat = None,
    output: ToFile = None,
    overwrite: Overwrite = False,
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
    setup = _with_files(setup, policy or [], units, calendar, topics)
    if model:
        setup = replace(setup, model=model.read_bytes())
    if quiet_before:
        setup = replace(setup, quiet_before=quiet_before.date())
    end = parse_time(until) if until else None
    if against is None:
        if form is not None or output is not None:
            raise typer.BadParameter(_("--format and --output belong to --against"))
        _print_events(play(file, setup, end), as_json=as_json)
        return
    chosen = choose_output(
        output, form, SheetFormat, load_settings(), as_json=as_json, overwrite=overwrite
    )
    _compare(file, setup, against, end, most, chosen)


def _compare(
    file: Path,
    setup: "ReplaySetup",
    folder: Path,
    end: datetime | None,
    most: int,
    output: ChosenOutput,
) -> None:
    """Print how tickets fare under a folder's files: a sheet, or else each that differs as JSON."""
    from scripts.laboratory.replay_comparison import ReplayPair
    from scripts.laboratory.whatif import whatif_sheet
    from scripts.report.output import write_sheet, write_text

    pair = ReplayPair(file, setup, _under_folder(setup, folder), str(folder), end)
    if output.form == JSON:
        write_text("".join(_differences(pair)), output)
    else:
        write_sheet(whatif_sheet(pair.compare(most)), output, load_settings())


def _differences(pair: "ReplayPair") -> "Iterator[str]":
    """Yield each ticket that fares differently as a line of JSON."""
    from scripts.laboratory.comparison import compare
    from scripts.laboratory.differences import difference_as_dict
    from scripts.laboratory.whatif import refused_lines
    from scripts.output import json_line

    today, rules = pair.rules()
    refused, tickets = pair.outcomes()
    for note in refused_lines((today, rules), refused):
        typer.echo(note, err=True)
    for was, would_be in tickets:
        if (difference := compare(was, would_be, 1)) is not None:
            yield json_line(difference_as_dict(difference, rules, today))


def _under_folder(setup: "ReplaySetup", folder: Path) -> "ReplaySetup":
    """The setup with the files of a folder in place of its own; raises HotlineError without any."""
    from models.errors import HotlineError
    from models.rules.policy import PolicyFile
    from models.text_files import read_text

    paths = [folder / name for name in _FILE_NAMES]
    policy, *others = (path if path.exists() else None for path in paths)
    if not (policy or any(others)):
        text = _("{folder} has none of these files: {names}")
        raise HotlineError(text.format(folder=folder, names=", ".join(_FILE_NAMES)))
    other = _with_files(setup, [], *others)
    if policy is None:
        return other
    change = PolicyFile(read_text(policy), str(policy))
    if change.is_whole:
        return replace(other, policies=[(change.text, change.name)])
    return replace(other, changes=(change,))


def _with_files(
    setup: "ReplaySetup",
    policies: list[Path],
    units: Path | None,
    calendar: Path | None,
    topics: Path | None,
) -> "ReplaySetup":
    """The setup with the files that were named in place of its own."""
    from models.rules.routing.directory import load_units
    from models.rules.topic_lists import topics_of
    from models.rules.topics import TopicTree
    from models.text_files import read_text
    from scripts.rulebook.calendar_file import read_declared_days
    from scripts.rulebook.topic_files import read_topics

    if policies:
        setup = replace(setup, policies=[(read_text(path), str(path)) for path in policies])
    if units:
        setup = replace(setup, units=load_units(read_text(units), str(units)))
    if calendar:
        setup = replace(setup, days=read_declared_days(calendar))
    if topics:
        classification = TopicTree(topics_of(read_topics(topics), TopicTree()))
        setup = replace(setup, topics=classification)
    return setup


def _print_events(result: "ReplayResult", *, as_json: bool) -> None:
    from scripts.output import event_fields, print_json

    for event in result:
        if as_json:
            print_json(event)
            continue
        seq = "-" if event["seq"] is None else event["seq"]
        at = event["at"][:19].replace("T", " ")
        head = f"{at}  {event['ticket']}  {seq:>4}  {event['event']}"
        typer.echo(f"{head}  {event_fields(event)}")
