"""One monitor for several districts: a file names their homes, and each shows its own tickets."""

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from models.clock import system_clock
from scripts.service.districts import InvalidDistricts, read_districts
from tests.store.factories import advance_tickets, feed, letter, prepared_home, unlocked_store

_TIMEOUT = 30.0


def _home(folder: Path, name: str, broker_url: str) -> Path:
    """A district's home with one ticket, whose settings are in its `.env`."""
    home = prepared_home(folder / name)
    (home / ".env").write_text(f"HOTLINE_BROKER_URL={broker_url}\nHOTLINE_OPERATOR=林\n", "utf-8")
    (home / "monitor.json").write_text('{"introduced": true}')
    with unlocked_store(f"sqlite:///{home / 'hotline.db'}") as store:
        now = system_clock()
        feed(store, [letter(f"{name.upper()}001", "2026-11-02T09:00")], now)
        advance_tickets(store, [f"{name.upper()}001"], now)
    return home


class _Terminal:
    """A terminal with a program in it, whose output is kept."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self._handle, inner = pty.openpty()
        os.set_blocking(self._handle, False)
        self.process = subprocess.Popen(
            command, env=env, stdin=inner, stdout=inner, stderr=inner, start_new_session=True
        )
        os.close(inner)

    def write(self, keys: str) -> None:
        os.write(self._handle, keys.encode())

    def read_until(self, text: str) -> str:
        """What was printed up to this text; it must come."""
        printed, until = b"", time.monotonic() + _TIMEOUT
        while text.encode() not in printed:
            assert time.monotonic() < until, printed[-2000:]
            if select.select([self._handle], [], [], 0.1)[0]:
                printed += os.read(self._handle, 1 << 16)
        return printed.decode("utf-8", "replace")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._handle)


@pytest.mark.slow
def test_a_district_is_chosen_and_then_another(tmp_path: Path, broker_url: str) -> None:
    """Settings of this shell are another store's, and left out."""
    homes = {name: _home(tmp_path, name, broker_url) for name in ("east", "west")}
    file = tmp_path / "districts.toml"
    file.write_text("".join(f'"{name}区" = "{home}"\n' for name, home in homes.items()), "utf-8")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HOTLINE_")}
    env = kept | {"HOTLINE_LANG": "zh", "TERM": "xterm-256color", "LINES": "40", "COLUMNS": "120"}
    env |= {"HOTLINE_DATABASE_URL": "sqlite:////nowhere.db", "HOTLINE_HOME": str(tmp_path / "no")}
    command = [sys.executable, "-P", "-m", "scripts", "monitor", "--districts", str(file)]
    terminal = _Terminal(command, env)
    try:
        assert "west区" in terminal.read_until("空")
        terminal.write("7\n")
        terminal.read_until("空")
        terminal.write("1\n")
        terminal.read_until("EAST001")
        terminal.write("\x11")
        terminal.read_until("空")
        terminal.write("2\n")
        assert "EAST001" not in terminal.read_until("WEST001")
        terminal.write("\x11")
        terminal.read_until("空")
        terminal.write("\n")
        assert terminal.process.wait(_TIMEOUT) == 0
    finally:
        terminal.close()


@pytest.mark.parametrize(
    ("text", "why"),
    [("", "at least one"), ('"东区" = "/nowhere"', "no folder"), ("东区 = '/'", "quotes")],
)
def test_a_file_that_names_no_district_is_refused(text: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "districts.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(InvalidDistricts, match=why):
        read_districts(file)


def test_homes_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "districts.toml"
    file.write_text(f'"西区" = "{tmp_path}"\n"东区" = "/"\n', "utf-8")
    assert list(read_districts(file).items()) == [("西区", tmp_path), ("东区", Path("/"))]
