"""Prints the help of every command, as JSON: what was typed, and what was said."""

import json
import sys
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

from models.i18n import activate
from models.settings import language_setting


def main() -> None:
    """In the language that the environment asks for; texts are read when commands are imported."""
    activate(language_setting())
    from scripts.cli import build

    app = build()
    runner = CliRunner()
    paths: list[list[str]] = [[]]
    commands: dict[str, Any] = vars(get_command(app))["commands"]
    for name, command in commands.items():
        more = getattr(command, "commands", {})
        paths += [[name], *([name, subcommand] for subcommand in more)]
    output = {" ".join(p): runner.invoke(app, [*p, "--help"]).output for p in paths}
    json.dump(output, sys.stdout)


if __name__ == "__main__":
    main()
