"""`hotline completion`: let a shell complete commands, options and choices."""

from enum import StrEnum
from typing import Annotated

import typer

from models.i18n import _
from scripts.completion import completion_script
from scripts.help import App


class Shell(StrEnum):
    """The shells that can complete."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def add_to(app: App) -> None:
    """Add this command."""
    app.command(help=_("Print the script by which a shell completes commands and options."))(
        completion
    )


def completion(
    shell: Annotated[Shell, typer.Argument(help=_("The shell; it loads the script at its start."))],
) -> None:
    """Print the script; what it completes is asked of `hotline`, which opens no store for that."""
    typer.echo(completion_script(shell))
