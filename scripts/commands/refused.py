"""`hotline refused`: list what was refused or given up. `hotline resend`: send it again."""

from pathlib import Path
from typing import Annotated

import typer

from models.i18n import _
from models.settings import load_settings
from scripts.arguments import REASON, AsJson, asked_reason
from scripts.help import App


def add_to(app: App) -> None:
    """Add these commands."""
    app.command(
        help=_("List refused rows of feeds, refused messages and given-up notices, and why.")
    )(refused)
    app.command(help=_("Send refused messages or given-up notices again."))(resend)


def refused(
    file: Annotated[
        Path | None,
        typer.Argument(exists=True, dir_okay=False, help=_("Only the rows of this file.")),
    ] = None,
    reveal: Annotated[
        bool, typer.Option("--reveal", help=_("Show what was sent in clear; this is logged."))
    ] = False,
    reason: Annotated[str, REASON] = "",
    as_json: AsJson = False,
) -> None:
    """List the rows in `refused.jsonl`, then what workers refused or no channel took.

    Ends with 1 where a row is damaged: it is named, and all others are listed.
    """
    from scripts.ingest.refused_listing import show_refused
    from scripts.screen import screen
    from scripts.tickets.refusals import show_failures

    why = asked_reason(reason) if reveal else None
    settings = load_settings()
    with screen(settings) as page:
        is_whole = show_refused(page, settings, file, why, as_json=as_json)
        if file is None:
            show_failures(page, settings, why, as_json=as_json)
    raise typer.Exit(0 if is_whole else 1)


def resend(
    names: Annotated[
        list[str],
        typer.Argument(help=_("Names as `hotline refused` lists them."), metavar="NAME..."),
    ],
    file: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            allow_dash=True,
            help=_("Send the message as this file has it; - for standard input."),
        ),
    ] = None,
    to_mend: Annotated[
        bool,
        typer.Option("--print", help=_("Only print the message, redacted; this is logged.")),
    ] = False,
) -> None:
    """Send each again under its id: a message as it was or mended, a notice by its channel."""
    from scripts.tickets.refusals import print_to_mend, send_again

    if (file or to_mend) and (len(names) > 1 or names[0].startswith("n")):
        raise typer.BadParameter(_("--file and --print take one message"))
    if to_mend:
        print_to_mend(names[0])
    else:
        send_again(names, file)
