"""The commands of all manuals, run in order, page by page, by somebody with a home and a folder.

Libraries that collect the blocks of pages (pytest-codeblocks, Sybil) make a test of each block,
which runs in random order and in another process; a page's commands need those before them.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.manuals.blocks import PAGES, ROOT, Block, blocks_of
from tests.manuals.command_server import command_server
from tests.manuals.home_page import unnamed_files
from tests.manuals.parsing import hotline_calls, hotline_fault, make_targets, shell_fault
from tests.manuals.readers import read_block
from tests.manuals.shell import Shell
from tests.manuals.world import copy_world, world_template

WITH_COMMANDS = [page for page in PAGES if any(b.is_shell for b in blocks_of(page))]
POSTED = re.compile(r"-d '(\{.*\})'")
"""Matches a message that curl sends."""

TARGETS = {*re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)}


TRANSLATED = [page for page in PAGES if page.with_suffix(".zh.md") in PAGES]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home and a folder as all pages begin with."""
    return world_template(tmp_path_factory.mktemp("manuals"))


@pytest.fixture(scope="module")
def program() -> Iterator[str]:
    """The text of the `hotline` that shells call."""
    with command_server() as text:
        yield text


@pytest.fixture
def shell(template: Path, program: str, tmp_path: Path) -> Shell:
    """A shell in a copy of them."""
    return copy_world(template, tmp_path, program)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_what_is_written_can_be_parsed(page: Path, tmp_path: Path) -> None:
    """Commands by the shell and by hotline, whether they are run or not; files by their readers."""
    faults = []
    for block in blocks_of(page):
        if not block.is_shell:
            read_block(block, tmp_path)
            continue
        for body in POSTED.findall(block.commands):
            read_block(Block("json", body, block.line, {"reader": "messages"}), tmp_path)
        reasons = [shell_fault(block.commands)]
        reasons += [hotline_fault(words) for words in hotline_calls(block.commands)]
        reasons += [f"no target {t}" for t in make_targets(block.commands) if t not in TARGETS]
        faults += [f"line {block.line}: {fault}" for fault in reasons if fault]
    assert faults == []


@pytest.mark.parametrize("page", TRANSLATED, ids=_name)
def test_both_languages_show_the_same_procedure(page: Path) -> None:
    """To back up, restore and upgrade, where both pages show it; comments are in the language."""
    english, chinese = (_procedures(p) for p in (page, page.with_suffix(".zh.md")))
    for verb in english.keys() & chinese.keys():
        assert chinese[verb] == english[verb], verb


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=_name)
def test_commands_do_what_the_page_says(page: Path, shell: Shell) -> None:
    """Each block after the other; what it prints is compared where the page shows it."""
    for block in blocks_of(page):
        if (name := block.marks.get("file")) is not None:
            (shell.folder / name).write_text(block.text, "utf-8")
        if block.is_shell and "not run" not in block.marks:
            _run(shell, block)
    assert unnamed_files(shell.home) == []


def test_what_is_wrong_in_a_page_is_found(tmp_path: Path) -> None:
    """Commands, options and values that are none, a quotation mark too few, a mark that is none."""
    script = (
        "cd x && sudo -u hotline HOTLINE_HOME=/x /opt/bin/hotline queue --limit 3 > y; hotline x"
    )
    assert [*hotline_calls(script)] == [["queue", "--limit", "3"], ["x"]]
    assert hotline_fault(["queue", "--limit", "3"]) == ""
    for words in (["queues"], ["queue", "--colour"], ["queue", "--limit", "x"], ["policy", "x"]):
        assert hotline_fault(words) != ""
    assert shell_fault("echo 'x") != ""
    page = tmp_path / "page.md"
    page.write_text("<!-- not run: because -->\n```sh\nhotline up\n```\n")
    with pytest.raises(ValueError, match="is no mark"):
        list(blocks_of(page))


def _run(shell: Shell, block: Block) -> None:
    printed = shell.run(block)
    if block.output is not None:
        assert printed == block.output, f"line {block.line}"


def _procedures(page: Path) -> dict[str, list[list[str]]]:
    """Return the words of the commands that back up, restore and upgrade, block by block."""
    blocks: dict[str, list[list[str]]] = {}
    for block in blocks_of(page):
        if block.is_shell and block.marks.get("not run") in ("root", "Docker"):
            words = shlex.split(block.commands, comments=True)
            for verb in {"backup", "restore", "upgrade"} & set(words):
                blocks.setdefault(verb, []).append(words)
    return blocks
