"""The documents build without the network, ask nobody for anything, and name real commands."""

import configparser
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from models.security.identity import load_roles
from scripts.cli import build

ROOT = Path(__file__).parents[1]
TEXTS = [ROOT / "README.md", ROOT / "README.zh.md", *sorted((ROOT / "docs").rglob("*.md"))]
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
FOREIGN = re.compile(
    r"""<(?:script|img|link|iframe|source|object|form)\b[^>]*(?:src|href|data|action)=["']?(?:https?:)?//"""
)
"""What a page would fetch; a link that a reader may follow is his own affair."""
CALLED = re.compile(r"hotline((?: [a-z][a-z-]*| --?[a-z-]+)+)")


def test_the_site_builds_and_asks_nobody(tmp_path: Path) -> None:
    """Strictly: a broken link fails; no page loads anything from another host."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir"]
    subprocess.run(
        [*command, str(tmp_path)], cwd=ROOT, check=True, capture_output=True,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) >= 7
    assert [p.name for p in pages if FOREIGN.search(p.read_text("utf-8"))] == []
    styles = [
        p for p in tmp_path.rglob("*.css") if re.search(r"@import|url\(https?:", p.read_text())
    ]
    assert styles == []


def _commands() -> dict[str, object]:
    return dict(getattr(typer.main.get_command(build()), "commands", {}))


def _words(text: str) -> Iterator[list[str]]:
    """Commands in code: between back quotes, or in a block."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.S) + re.findall(r"`(hotline [^`\n]+)`", text)
    for block in blocks:
        for line in block.splitlines():
            for call in CALLED.finditer(line.split("#")[0]):
                yield call[1].split()


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.name)
def test_every_command_that_is_named_is_there(path: Path) -> None:
    """With its options."""
    commands = _commands()
    for words in _words(path.read_text("utf-8")):
        _check(commands, words)


def _check(commands: dict[str, object], words: list[str]) -> None:
    if words[0].startswith("-") or words[0].isupper():
        return
    assert words[0] in commands, words
    command = commands[words[0]]
    if inner := getattr(command, "commands", None):
        assert len(words) > 1, words
        assert words[1] in inner, words
        command = inner[words[1]]
    known = {o for p in getattr(command, "params", []) for o in p.opts} | {"--help"}
    assert {w for w in words if w.startswith("--")} <= known, words


@pytest.mark.parametrize("path", UNITS, ids=lambda p: p.name)
def test_units_start_commands_that_are_there(path: Path) -> None:
    """As the service's own user, in its own folder, with nothing that it does not need."""
    unit = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(path)
    service = unit["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert program == "/opt/hotline/bin/hotline"
    _check(_commands(), words)
    assert service["User"] == "hotline"
    assert service["UMask"] == "0077"
    assert service["NoNewPrivileges"] == "yes"


def test_the_roles_file_that_comes_with_it_can_be_used(tmp_path: Path) -> None:
    """Copied as it is."""
    (tmp_path / "roles.toml").write_text((ROOT / "deploy" / "roles.toml").read_text("utf-8"))
    roles = load_roles(tmp_path)
    assert roles is not None
    assert roles.actor_for_user("wang").role == "operator"
