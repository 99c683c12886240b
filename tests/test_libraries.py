"""Parts of libraries that no promise covers are still where the code expects them.

A failure here means that a new release has moved something. Look at the file that is named, adapt
it, and raise the upper bound in pyproject.toml.
"""

import inspect
import tomllib
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest
import requests
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
TYPER = {
    "typer._click.exceptions": (
        "BadOptionUsage", "MissingParameter", "NoArgsIsHelpError", "NoSuchOption", "UsageError",
    ),
    "typer._completion_classes": ("completion_init",),
    "typer._completion_shared": ("get_completion_script",),
    "typer._click": ("Command", "Context", "HelpFormatter", "Parameter"),
    "typer._click.globals": ("get_current_context",),
    "typer.core": ("TyperCommand", "TyperGroup", "TyperOption"),
    "typer.rich_utils": (
        "ARGUMENTS_PANEL_TITLE", "COMMANDS_PANEL_TITLE", "DEFAULT_STRING", "OPTIONS_PANEL_TITLE",
        "REQUIRED_LONG_STRING", "_make_rich_text",
    ),
}  # fmt: skip
ROBOTS = {
    "dingtalk": "NotifyDingTalk",
    "feishu": "NotifyFeishu",
    "lark": "NotifyLark",
    "wecombot": "NotifyWeComBot",
}


@pytest.mark.parametrize("module", TYPER)
def test_typer_has_the_names_that_help_is_translated_by(module: str) -> None:
    """Typer offers no public class for wrong usage and no public way to name help's panels."""
    missing = [name for name in TYPER[module] if not hasattr(import_module(module), name)]
    assert not missing, f"Typer {version('typer')} moved these of {module}; see scripts/help.py"


def test_help_is_rendered_with_what_is_replaced() -> None:
    """The titles and the maker of texts are looked up when help is written, not before."""
    rich_utils = import_module("typer.rich_utils")
    source = inspect.getsource(rich_utils)
    for name in TYPER["typer.rich_utils"]:
        used = source.count(name) - source.count(f"from {name}")
        assert used > 1, f"Typer {version('typer')} no longer uses {name}; see scripts/help.py"


@pytest.mark.parametrize("plugin", ROBOTS)
def test_robots_are_asked_by_requests_post(plugin: str) -> None:
    """Their answers are read by a stand-in for `requests` in the module of each plugin."""
    module = import_module(f"apprise.plugins.{plugin}")
    source = inspect.getsource(getattr(module, ROBOTS[plugin]).send)
    moved = f"Apprise {version('apprise')} sends otherwise; see workers/notices/apprise_services.py"
    used = vars(module).get("requests")
    assert getattr(used, "_requests", used) is requests, moved
    assert source.count("requests.post(") == 1, moved
    assert "status_code != requests.codes.ok" in source, moved


@pytest.mark.parametrize("library", ["apprise", "dramatiq", "typer"])
def test_a_release_that_was_not_looked_at_is_not_installed(library: str) -> None:
    """The upper bound admits the locked release and not the next minor one (Dramatiq: major)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (wanted,) = [r for r in map(Requirement, project["dependencies"]) if r.name == library]
    locked = Version(version(library))
    following = f"{locked.major}.{locked.minor + 1}" if library != "dramatiq" else "3.0"
    assert str(locked) in wanted.specifier
    assert following not in wanted.specifier
