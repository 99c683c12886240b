"""The monitor in a terminal of which a stream goes elsewhere."""

import os
import subprocess
import sys
from pathlib import Path

from tests.scripts.terminal import Terminal, home_with_a_ticket


def test_the_monitor_is_drawn_though_its_errors_go_elsewhere(
    tmp_path: Path, broker_url: str
) -> None:
    """`hotline monitor 2>errors.log` shows tickets, and writes no screen to the file."""
    home = home_with_a_ticket(tmp_path, "east", broker_url)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HOTLINE_")}
    env = kept | {"HOTLINE_HOME": str(home), "TERM": "xterm-256color"}
    errors = tmp_path / "errors.log"
    with errors.open("wb") as file:
        command = [sys.executable, "-P", "-m", "scripts", "monitor"]
        terminal = Terminal(command, env | {"LINES": "40", "COLUMNS": "120"}, file.fileno())
    try:
        terminal.write("2")
        terminal.read_until("EAST001")
        terminal.write("\x11")
        assert terminal.wait() == 0
    except subprocess.TimeoutExpired:
        raise AssertionError(errors.read_text("utf-8")) from None
    finally:
        terminal.close()
    assert errors.read_text("utf-8") == ""
