"""`hotline up` outlives what its parts do not."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.store.factories import letter
from tests.workers.processes import environment, wait_until

pytestmark = pytest.mark.usefixtures("starts_servers")

_UP = (sys.executable, "-P", "-m", "scripts", "up", "--headless")


_FAMILY = ["hotline supervisor", "hotline timekeeper", "hotline worker 1"]


def _family(process: psutil.Process) -> list[str]:
    """Return the names of its descendants but the server; at first it is their parent's name."""
    titles = []
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            titles.append(" ".join(child.cmdline()).strip())
    return sorted(title for title in titles if "valkey-server" not in title)


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
            [*_UP, "--workers", "1"],
            env=env,
            stdout=out,
            stderr=out,
        )
    try:
        data = home / "valkey" / "appendonlydir"
        wait_until(
            lambda: len(psutil.Process(service.pid).children(recursive=True)) == 4,
            60,
            "the service starts",
        )
        moved = home / "aside"
        shutil.move(data, moved)
        data.write_text("no folder")
        os.kill(_servers(service)[0].pid, signal.SIGKILL)
        wait_until(
            lambda: log.exists() and log.read_text().count("valkey") >= 2,
            60,
            f"it says why\n{(tmp_path / 'out').read_text()}",
        )
        assert service.poll() is None
        data.unlink()
        shutil.move(moved, data)
        wait_until(lambda: bool(_servers(service)), 60, "the server starts again")
        line = json.dumps(letter("T1", "2026-03-02T09:00:00+08:00"), ensure_ascii=False)
        feed = [sys.executable, "-P", "-m", "scripts", "feed", "-"]
        subprocess.run(feed, env=env, input=line.encode(), check=True, stdout=subprocess.DEVNULL)
        show = [sys.executable, "-P", "-m", "scripts", "log", "T1", "--json"]

        def dispatched() -> bool:
            completed = subprocess.run(show, env=env, capture_output=True, text=True, check=False)
            return "ticket.dispatched" in completed.stdout

        wait_until(dispatched, 60, log.read_text())
        service.terminate()
        assert service.wait(30) == 0
    finally:
        service.kill()
        service.wait()


@pytest.mark.parametrize("killed", ["up", "supervisor"])
def test_nobody_is_left_where_one_who_watches_is_killed(tmp_path: Path, killed: str) -> None:
    """The service ends and says so without its supervisor, and the other way round."""
    env = environment(tmp_path / "home", "", "")
    out = tmp_path / "out"
    with out.open("wb") as file:
        service = subprocess.Popen([*_UP, "--workers", "1"], env=env, stdout=file, stderr=file)
    try:
        whole = psutil.Process(service.pid)
        wait_until(lambda: _family(whole) == _FAMILY, 60, "the service starts")
        family = whole.children(recursive=True)
        supervisor = next(p for p in family if p.cmdline()[0] == _FAMILY[0])
        os.kill(supervisor.pid if killed == "supervisor" else service.pid, signal.SIGKILL)
        code = service.wait(30)
        _gone, alive = psutil.wait_procs(family, timeout=15)
    finally:
        service.kill()
        service.wait()
    assert not alive
    printed = out.read_text().replace(str(tmp_path), "")
    assert (code, "-9" in printed) == ((1, True) if killed == "supervisor" else (-9, False))
