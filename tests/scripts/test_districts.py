"""One monitor for several districts: a file names their homes, and each shows its own tickets."""

import os
import sys
from pathlib import Path

import pytest

from scripts.service.districts import InvalidDistricts, read_districts
from tests.scripts.terminal import Terminal, home_with_a_ticket


@pytest.mark.slow
def test_a_district_is_chosen_and_then_another(tmp_path: Path, broker_url: str) -> None:
    """Settings of this shell are another store's, and left out."""
    homes = {name: home_with_a_ticket(tmp_path, name, broker_url) for name in ("east", "west")}
    file = tmp_path / "districts.toml"
    file.write_text("".join(f'"{name}区" = "{home}"\n' for name, home in homes.items()), "utf-8")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HOTLINE_")}
    env = kept | {"HOTLINE_LANG": "zh", "TERM": "xterm-256color", "LINES": "40", "COLUMNS": "120"}
    env |= {"HOTLINE_DATABASE_URL": "sqlite:////nowhere.db", "HOTLINE_HOME": str(tmp_path / "no")}
    command = [sys.executable, "-P", "-m", "scripts", "monitor", "--districts", str(file)]
    terminal = Terminal(command, env)
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
        assert terminal.wait() == 0
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
