"""What people read at a terminal goes through a pager where it is long; scripts get it as it is."""

import os
import pty
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path

import pytest

from models.child_environment import environment_for_pager
from models.settings import Settings, load_settings
from scripts.output import TerminalStream
from scripts.screen import screen
from scripts.tables import RED, Coloured, Table

SETTINGS = Settings(Path("/nowhere"), pager="sed s/^/paged:/")
TABLE = Table(("level", "ticket"), [(Coloured("red", RED), f"T{n}") for n in range(5)])


@contextmanager
def _terminal() -> Iterator[list[str]]:
    """Make a terminal of 40 by 10 cells standard output; the list gets what it was sent."""
    reading, writing = pty.openpty()
    termios.tcsetwinsize(writing, (10, 40))
    sent: list[str] = []
    with (
        TextIOWrapper(os.fdopen(writing, "wb"), "utf-8", write_through=True) as stream,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "stdout", TerminalStream(stream))
        yield sent
        stream.write("$")
        stream.flush()
        while not sent or not sent[-1].endswith("$"):
            sent.append(os.read(reading, 65536).decode().replace("\r\n", "\n"))
    os.close(reading)
    sent[:] = ["".join(sent).removesuffix("$")]


def _print(settings: Settings, rows: int) -> None:
    with screen(settings) as page:
        page.table(replace(TABLE, rows=TABLE.rows[:rows]))
        page.line("路灯\x1b]0;title\x07")


def test_a_short_result_is_shown_at_once() -> None:
    with _terminal() as sent:
        _print(SETTINGS, 1)
    assert sent[0] == ("\x1b[1mlevel  ticket\x1b[0m\n\x1b[1;31mred\x1b[0m    T0\n路灯\n")


def test_a_long_one_goes_through_the_pager() -> None:
    """It obeys nothing that somebody wrote, either."""
    with _terminal() as sent, screen(SETTINGS) as page:
        page.line("x" * 400 + "\x1b]0;title\x07")
    assert sent[0] == f"paged:{'x' * 400}\n"


@pytest.mark.parametrize("pager", ["", "cat", "/nowhere/less"])
def test_without_a_pager_all_is_shown(pager: str) -> None:
    with _terminal() as sent, screen(replace(SETTINGS, pager=pager)) as page:
        page.line("x" * 400)
    assert sent[0] == f"{'x' * 400}\n"


def test_no_colours_where_none_are_wanted() -> None:
    with _terminal() as sent:
        _print(replace(SETTINGS, in_colour=False), 1)
    assert "\x1b" not in sent[0]


def test_a_script_gets_all_of_it_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """No pager, no colours, nothing cut, whatever is set."""
    with screen(SETTINGS) as page:
        for _again in range(10):
            page.table(Table(("a", "b"), [(Coloured("很长" * 200, RED), "1")]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1::2] == ["很长" * 200 + "  1"] * 10


def test_a_command_that_fails_shows_what_it_had(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), screen(SETTINGS) as page:
        page.line("so far")
        _ = 1 // 0
    assert capsys.readouterr().out == "so far\n"


def test_the_pager_is_a_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    for name in ("HOTLINE_PAGER", "PAGER", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert (load_settings().pager, load_settings().in_colour) == ("less", True)
    monkeypatch.setenv("PAGER", "more")
    assert load_settings().pager == "more"
    monkeypatch.setenv("HOTLINE_PAGER", "")
    monkeypatch.setenv("NO_COLOR", "1")
    assert (load_settings().pager, load_settings().in_colour) == ("", False)


def test_a_pager_gets_no_keys_and_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may run as the service's user, whom `!sh` would give away."""
    monkeypatch.setenv("HOTLINE_KEY", "secret")
    monkeypatch.setenv("LESSSECURE", "0")
    environment = environment_for_pager("utf-8")
    assert environment["LESSSECURE"] == "1"
    assert environment["LESSCHARSET"] == "utf-8"
    assert not [name for name in environment if name.startswith("HOTLINE_")]
