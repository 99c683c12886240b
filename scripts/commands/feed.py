"""`hotline feed`: feed tickets and messages into the inbox."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from models.i18n import _
from models.settings import load_settings
from scripts.arguments import AsJson, QuietBefore
from scripts.help import App


def add_to(app: App) -> None:
    """Add this command."""
    app.command(help=_("Feed tickets and messages from a city's files into the inbox."))(feed)


# Long by its options, which typer reads from the signature: the body only chooses who takes them.
def feed(
    paths: Annotated[
        list[str],
        typer.Argument(
            help=_("Files, - for standard input, a folder with --watch, or an Open311 address."),
            metavar="PATH...",
        ),
    ],
    mapping: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help=_("The mapping file: which column is what, how dates are written, their zone."),
        ),
    ] = None,
    source: Annotated[
        str, typer.Option(help=_("The source's name, if it is not the mapping's."))
    ] = "",
    form: Annotated[
        str, typer.Option("--format", help=_("The format, if it is not recognised."))
    ] = "",
    unit: Annotated[
        str, typer.Option(help=_("Dispatch tickets that name no unit to this one."))
    ] = "",
    rebase: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help=_("Play the feed as if it had begun on this day.")),
    ] = None,
    quiet_before: QuietBefore = None,
    refused: Annotated[Path | None, typer.Option(help=_("The file for refused rows."))] = None,
    suggest: Annotated[
        bool,
        typer.Option(
            "--suggest",
            help=_("Print a first mapping for a file, # ? where it is unsure; feed nothing."),
        ),
    ] = False,
    watch: Annotated[
        bool,
        typer.Option("--watch", help=_("Watch a folder, and feed the files that are put into it.")),
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help=_("With --watch: feed what is there now, and end."))
    ] = False,
    every: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help=_("Seconds between two polls; an address is then polled until interrupted."),
        ),
    ] = None,
    calm: Annotated[
        float,
        typer.Option(min=0, help=_("With --watch: seconds that a file must not change before.")),
    ] = 15.0,
    keep: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help=_("With --watch: the folder for the files that were fed; by default in the home."),
        ),
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help=_("Allow an address in a private network."))
    ] = False,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes", help=_("Take letters again that are in under another number of theirs.")
        ),
    ] = False,
    new: Annotated[
        bool, typer.Option("--new", help=_("Make the store where there is none."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Feed files, folders or an endpoint into the inbox; refused rows are kept with the reason."""
    from scripts.ingest.feed_reader import FeedOptions
    from scripts.ingest.feed_runner import FeedRunner

    options = FeedOptions(
        format=form or None,
        mapping=mapping,
        source=source or None,
        unit=unit or None,
        start=rebase.date() if rebase else None,
        quiet_before=quiet_before.date() if quiet_before else None,
    )
    addresses = [p for p in paths if p.startswith(("http://", "https://"))]
    if (addresses or watch or suggest) and len(paths) > 1:
        raise typer.BadParameter(_("one address, folder or file at a time"))
    if suggest:
        from scripts.ingest.mapping_suggestion import suggest_mapping

        typer.echo(suggest_mapping(Path(paths[0]), options), nl=False)
        return
    runner = FeedRunner(load_settings(), options, refused, doubling=yes, new=new)
    if addresses:
        code = runner.poll(paths[0], every=every, private=allow_private, as_json=as_json)
    elif watch:
        if not Path(paths[0]).is_dir():
            raise typer.BadParameter(_("{path} is no folder").format(path=paths[0]))
        code = runner.watch(
            Path(paths[0]), keep, every=every or 2.0, calm=calm, once=once, as_json=as_json
        )
    else:
        code = runner.run(paths, as_json=as_json)
    raise typer.Exit(code)
