"""Answer a shell that asks what a command line can go on with.

Typer has no public way to print its scripts without two options of its own in the help of every
command: pyproject.toml bounds the release, tests/test_libraries.py checks the names.
"""

import os
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scripts.help import App

_ASKED = "_HOTLINE_COMPLETE"
"""The variable that a shell asks by; it is no setting."""


def completion_script(shell: str) -> str:
    """Return the script that a shell has to load."""
    from typer._completion_shared import get_completion_script

    script: str = get_completion_script(prog_name="hotline", complete_var=_ASKED, shell=shell)
    return script


def is_completing() -> bool:
    """Return whether a shell asks what goes on, and nothing is to be run."""
    return _ASKED in os.environ  # noqa: TID251  (the shell's word, no setting)


def complete(build: "Callable[[], App]") -> int:
    """Print what goes on, one a line; prints nothing where that cannot be said."""
    from typer._completion_classes import completion_init

    completion_init()
    try:
        build()(prog_name="hotline", complete_var=_ASKED)
    except SystemExit as ended:
        return int(ended.code or 0)
    except Exception:
        # an error here would stand in the middle of what somebody types
        return 1
    return 0


def values(closed_list: str, module: str = "models.rules.vocabulary") -> Callable[[str], list[str]]:
    """Return what completes a value by a closed list of a module, which is loaded then."""

    def complete_value(incomplete: str) -> list[str]:
        known = getattr(import_module(module), closed_list)
        return [code for code in known if code.startswith(incomplete)]

    return complete_value
