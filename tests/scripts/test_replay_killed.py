"""A replay that is killed leaves no process that goes on, and no file that others could read."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.scripts.hotline_process import HotlineProcess
from tests.store.factories import letter
from tests.workers.processes import wait_until


def test_a_killed_replay_leaves_nothing(tmp_path: Path) -> None:
    """Its processes waited for ever, and held all letters open."""
    hotline = HotlineProcess(tmp_path / "home", tmp_path)
    feed, temporary = tmp_path / "feed.jsonl", tmp_path / "tmp"
    temporary.mkdir()
    with feed.open("w", encoding="utf-8") as file:
        for number in range(40_000):
            file.write(json.dumps(letter(f"T{number}", "2026-11-02T09:00")) + "\n")
    replay = subprocess.Popen(
        [sys.executable, "-P", "-m", "scripts", "replay", str(feed), "--json"],
        env=hotline.environment | {"TMPDIR": str(temporary)},
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    try:
        parent = psutil.Process(replay.pid)
        wait_until(lambda: bool(parent.children()), 60, "the replay has processes")
        children = parent.children()
        assert list(temporary.iterdir()) == []
        replay.send_signal(signal.SIGKILL)
        replay.wait()
        wait_until(lambda: not any(c.is_running() for c in children), 20, "all have ended")
    finally:
        replay.kill()
        replay.wait()
    assert list(temporary.iterdir()) == []
