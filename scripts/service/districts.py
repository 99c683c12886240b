"""Choose of which district the monitor is shown: a file names the home of each."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import typer

from models.child_environment import environment_for_home
from models.errors import HotlineError
from models.i18n import _
from models.rules.toml_files import load_toml
from models.settings import Settings
from models.text_files import read_text


class InvalidDistricts(HotlineError):
    """The file of the districts cannot be used; the message says why."""


def read_districts(path: Path) -> dict[str, Path]:
    """Read the homes of the districts by their names, in the file's order.

    Raises InvalidDistricts, also where a home is no folder that this user can enter.
    """
    homes = load_toml(read_text(path), str(path), dict[str, Path], InvalidDistricts)
    homes = {name: home.expanduser() for name, home in homes.items()}
    if not homes:
        raise InvalidDistricts(_("{path}: name at least one district").format(path=path))
    for name, home in homes.items():
        if not home.is_dir():
            text = _("{path}: {name}: there is no folder {home}, or this user cannot enter it")
            raise InvalidDistricts(text.format(path=path, name=name, home=home))
    return homes


def watch_districts(homes: Mapping[str, Path], settings: Settings, *, wallboard: bool) -> None:
    """Show the monitor of the district that is chosen, and ask again when it is closed.

    Each is a process of its own, with the settings of that home alone.
    """
    command = [sys.executable, "-P", "-m", "scripts", "monitor", *["--board"] * wallboard]
    while True:
        for number, name in enumerate(homes, 1):
            typer.echo(f"{number:>3}  {name}")
        chosen = typer.prompt(_("Number of the district, empty to end"), "", show_default=False)
        if not chosen:
            return
        if not chosen.isdecimal() or not 0 < int(chosen) <= len(homes):
            typer.echo(_("There is no district {number}.").format(number=chosen))
            continue
        home = list(homes.values())[int(chosen) - 1]
        subprocess.run(command, env=environment_for_home(settings, home), check=False)
