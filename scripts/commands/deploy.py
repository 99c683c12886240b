"""`hotline deploy`: files for systemd, Prometheus, Grafana, logrotate, and an example of roles."""

from pathlib import Path
from typing import Annotated

import typer

from models.i18n import _
from scripts.completion import values
from scripts.help import App
from scripts.service.deploy_files import KINDS, deploy_files, write_files


def add_to(app: App) -> None:
    """Add this command."""
    app.command(help=_("Write files for what runs and watches the service, or print them."))(deploy)


def deploy(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help=", ".join(KINDS),
            autocompletion=values("KINDS", "scripts.service.deploy_files"),
        ),
    ],
    folder: Annotated[
        Path | None, typer.Argument(help=_("The folder to write to; without it they are printed."))
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help=_("Replace files that are there and differ."))
    ] = False,
) -> None:
    """Print files that come with the program, or write them to a folder."""
    files = deploy_files(kind)
    if folder is not None:
        for path in write_files(files, folder, replace=replace):
            typer.echo(path)
        return
    for name, text in files.items():
        if len(files) > 1:
            typer.echo(f"# ==> {name} <==")
        typer.echo(text, nl=False)
