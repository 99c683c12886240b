"""`hotline up` outlives what its parts do not."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.store.staging import letter
from tests.workers.running import environment, until


def _servers(service: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    children = psutil.Process(service.pid).children()
    # one that was killed is there, without a command line, until the service looks after it
    living = (child for child in children if child.status() != psutil.STATUS_ZOMBIE)
    return [child for child in living if "valkey-server" in " ".join(child.cmdline())]


def test_a_server_that_does_not_start_ends_nobody(tmp_path: Path) -> None:
    """The key-value server's data are spoilt and it is killed: the service goes on, says so, tries
    again, and works on as soon as it can."""
    home = tmp_path / "home"
    env = environment(home, "", "")
    log = home / "service.log"
    with (tmp_path / "out").open("wb") as out:
        service = subprocess.Popen(
            [sys.executable, "-P", "-m", "scripts", "up", "--headless", "--workers", "1"],
            env=env,
            stdout=out,
            stderr=out,
        )
    try:
        data = home / "valkey" / "appendonlydir"
        until(lambda: len(psutil.Process(service.pid).children()) == 3, 60, "the service starts")
        aside = home / "aside"
        shutil.move(data, aside)
        data.write_text("no folder")
        os.kill(_servers(service)[0].pid, signal.SIGKILL)
        until(
            lambda: log.exists() and log.read_text().count("valkey") >= 2,
            60,
            f"it says why\n{(tmp_path / 'out').read_text()}",
        )
        assert service.poll() is None
        data.unlink()
        shutil.move(aside, data)
        until(lambda: bool(_servers(service)), 60, "the server starts again")
        one = json.dumps(letter("T1", "2026-03-02T09:00:00+08:00"), ensure_ascii=False)
        feed = [sys.executable, "-P", "-m", "scripts", "feed", "-"]
        subprocess.run(feed, env=env, input=one.encode(), check=True, stdout=subprocess.DEVNULL)
        show = [sys.executable, "-P", "-m", "scripts", "log", "T1", "--json"]

        def dispatched() -> bool:
            told = subprocess.run(show, env=env, capture_output=True, text=True, check=False)
            return "ticket.dispatched" in told.stdout

        until(dispatched, 60, log.read_text())
        service.terminate()
        assert service.wait(30) == 0
    finally:
        service.kill()
        service.wait()
