"""The manuals build without the network, load nothing from other hosts, and name what exists."""

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
from mkdocs.utils.yaml import yaml_load

from models.security.identity import load_home_roles
from scripts.cli import build
from scripts.service.deploy_files import deploy_files

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
TEXTS = [*sorted(ROOT.glob("*.md")), *PAGES]
UNITS = sorted((ROOT / "scripts" / "deploy" / "systemd").glob("*.service"))
FOREIGN = re.compile(
    r"""<(?:script|img|link|iframe|source|object|form)\b[^>]*(?:src|href|data|action)=["']?(?:https?:)?//"""
)
"""Matches the resources that a page would load; links to follow are allowed."""
LINK = re.compile(r"\]\(([^)\s#]+)")
CALLED = re.compile(r"hotline((?: [a-z][a-z-]*| --?[a-z-]+)+)")


def _named(tree: object) -> Iterator[str]:
    """The pages in the site's navigation."""
    match tree:
        case str(page):
            yield page
        case list(entries):
            for entry in entries:
                yield from _named(entry)
        case dict(sections):
            for section in sections.values():
                yield from _named(section)


def test_every_page_is_in_the_navigation() -> None:
    """Each once, and nothing else."""
    site = yaml_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    named = sorted(_named(site["nav"]))
    assert named == sorted(str(page.relative_to(ROOT / "docs")) for page in PAGES)


def test_every_page_is_in_the_index() -> None:
    """docs/index.md links all other pages."""
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    linked = {link for link in LINK.findall(index) if link.endswith(".md")}
    assert linked == {str(page.relative_to(ROOT / "docs")) for page in PAGES} - {"index.md"}


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.name)
def test_links_lead_to_files(path: Path) -> None:
    """Links within the repository; the site's own build checks only those below docs/."""
    links = [link for link in LINK.findall(path.read_text("utf-8")) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_site_builds_and_loads_nothing_from_outside(tmp_path: Path) -> None:
    """A broken link fails, also one to a heading; no page loads anything from another host."""
    # with --quiet nothing would be strict: the warnings that it counts are not made then
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir"]
    subprocess.run(
        [*command, str(tmp_path)], cwd=ROOT, check=True, capture_output=True,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) >= 7
    assert [p.name for p in pages if FOREIGN.search(p.read_text("utf-8"))] == []
    # where the pages are opened as files, a worker and a fetched index would be refused
    assert (tmp_path / "search" / "search_index.js").exists()
    assert 'src="assets/iframe-worker.js"' in (tmp_path / "index.html").read_text("utf-8")
    assert [p.name for p in tmp_path.rglob("*.js") if FOREIGN.search(p.read_text("utf-8"))] == []
    styles = [
        p for p in tmp_path.rglob("*.css") if re.search(r"@import|url\(https?:", p.read_text())
    ]
    assert styles == []


def test_chinese_is_searched_by_its_characters() -> None:
    """A word in the middle of a sentence is found, as no blanks stand around it."""
    site = yaml_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    search = next(p["search"] for p in site["plugins"] if "search" in p)
    words = re.split(search["separator"], "每月备份与恢复HOTLINE_HOME，见 up。")
    assert [w for w in words if w] == [*"每月备份与恢复", "HOTLINE_HOME", "见", "up"]


@pytest.mark.parametrize("name", ["servers", "containers"])
def test_both_languages_have_the_same_blocks(name: str) -> None:
    """Lines for servers and for Docker, which are tested from the English page."""
    folder = ROOT / "docs" / "administrators"
    english, chinese = (
        re.findall(r"^```.*?^```", (folder / f"{name}{end}.md").read_text("utf-8"), re.M | re.S)
        for end in ("", ".zh")
    )
    assert english == chinese


def _commands() -> dict[str, object]:
    return dict(getattr(typer.main.get_command(build()), "commands", {}))


def _words(text: str) -> Iterator[list[str]]:
    """Commands between back quotes; those in blocks are run or parsed (tests/manuals)."""
    for code in re.findall(r"`(hotline [^`\n]+)`", text):
        for call in CALLED.finditer(code):
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
    # what is killed or crashes leaves no key behind, and one process does not take the machine
    assert service["LimitCORE"] == "0"
    assert int(service["LimitNOFILE"]) >= 4096
    assert re.fullmatch(r"[1-9]\d*[MG]", service["MemoryMax"])


def test_the_roles_file_that_comes_with_it_can_be_used(tmp_path: Path) -> None:
    """Copied as it is."""
    (tmp_path / "roles.toml").write_text(deploy_files("roles")["roles.toml"])
    roles = load_home_roles(tmp_path)
    assert roles is not None
    assert roles.users["wang"] == "operator"
