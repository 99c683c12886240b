"""The served monitor as a service: real processes, and what others of the host see of them."""

import asyncio
import os
import resource
import socket as sockets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import psutil
import pytest

from models.database import Store
from tests.manuals.home_page import unnamed_files
from tests.monitor.serving import closed, issued, logged, logged_in, tab
from tests.store.factories import advance_tickets, at, feed, letter
from tests.workers.processes import environment

_NOBODY = 65534


def free_port() -> int:
    """A port that nothing listens on."""
    with sockets.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def service(
    store: Store, tmp_path: Path, *more: str, token: str = ""
) -> Iterator[tuple[str, psutil.Process]]:
    """A served monitor, by its address and its process; somebody has set another name for it."""
    home = tmp_path / "home"
    named = {"OPERATOR": "别人", "TOKEN": token, "LANG": "zh"}
    env = environment(home, store.url, "redis://127.0.0.1:1/0", **named)
    (home / "monitor.json").write_text('{"introduced": true}')
    serve = ("monitor", "--serve", "--port", str(free_port()), *more)
    command = [sys.executable, "-P", "-m", "scripts", *serve]
    with (tmp_path / "log").open("wb") as log:
        started = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=log)
    try:
        assert started.stdout is not None
        yield started.stdout.readline().decode().strip().rstrip("/"), psutil.Process(started.pid)
    finally:
        ends_itself = started.poll() is not None
        started.terminate()
        started.communicate(timeout=30)
        assert ends_itself or started.returncode == 0


@asynccontextmanager
async def monitor_of(url: str, token: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A tab with the monitor, whose first screen is there."""
    async with (
        logged_in(url, token) as browser,
        tab(browser, url, "?width=120&height=40") as socket,
    ):
        await seen(socket, "总览")
        yield socket


async def seen(socket: aiohttp.ClientWebSocketResponse, text: str) -> None:
    """Wait until a text is drawn."""
    drawn = b""
    async with asyncio.timeout(60):
        while text.encode() not in drawn:
            drawn += await socket.receive_bytes()


async def typed(socket: aiohttp.ClientWebSocketResponse, keys: str) -> None:
    """Press keys."""
    await socket.send_json(["stdin", keys])


async def test_who_did_it_is_who_logged_in(store: Store, tmp_path: Path) -> None:
    """Whatever name the server was started under; and the token is in no list of processes."""
    now = at("2026-11-20T09:00")
    feed(store, [letter("R1", "2026-11-20T08:30", claimant={"phone": "13912345678"})], now)
    advance_tickets(store, ["R1"], now)
    token = issued(store, "王小燕")
    with service(store, tmp_path, token=issued(store, "别人")) as (url, server):
        async with monitor_of(url, token) as socket:
            _nothing_shows(token, [server, *server.children(recursive=True)])
            # who forks tabs has input, output, log, requests, two for signals, and one for a tab
            assert (server.num_threads(), server.num_fds()) == (1, 7)
            await typed(socket, "2")
            await seen(socket, "R1")
            await typed(socket, "\x1bOQ")
            await seen(socket, "查看诉求人信息")
            # above claiming, and what selects tickets
            await typed(socket, "\x1b[F" + "\x1b[A" * 4 + "\r")
            await seen(socket, "访问日志")
            # to the first of the reasons, of which none is chosen, and past the line for another
            await typed(socket, "\x1b[C" + "\r\r\r")
            await seen(socket, "13912345678")
    assert [line for line in logged(store) if line[1] == "reveal"] == [
        ("王小燕", "reveal", ("name", "phone", "address"))
    ]
    assert token not in (tmp_path / "log").read_text()
    assert unnamed_files(tmp_path / "home") == []


def _nothing_shows(token: str, processes: list[psutil.Process]) -> None:
    assert len(processes) > 1
    for process in processes:
        assert token not in " ".join(process.cmdline())
        variables = process.environ()
        assert token not in " ".join(variables.values())
        if process is not processes[0]:
            assert {variables.get(f"HOTLINE_{n}", "") for n in ("OPERATOR", "TOKEN")} == {""}
    if os.geteuid() == 0:
        files = [f"/proc/{p.pid}/{name}" for p in processes for name in ("environ", "fd", "mem")]
        look = 'for f in "$@"; do [ -r "$f" ] && head -c 1 "$f" 2>/dev/null && echo "$f"; done; :'
        seen = subprocess.run(
            ["/bin/sh", "-c", look, "sh", *files], user=_NOBODY, group=_NOBODY, extra_groups=[],
            capture_output=True, check=True, cwd="/", env={},
        )  # fmt: skip
        assert seen.stdout == b""


@pytest.mark.store(databases=["sqlite"])
@pytest.mark.parametrize("killed", ["the first process", "its web server"])
async def test_a_tab_dies_alone_and_does_not_outlive_a_server_that_was_killed(
    store: Store, tmp_path: Path, killed: str
) -> None:
    token = issued(store)
    with service(store, tmp_path) as (url, first):
        server = _web_server(first)
        async with monitor_of(url, token) as socket:
            (tab,) = set(first.children()) - {server}
            async with monitor_of(url, token) as another:
                (dying,) = set(first.children()) - {server, tab}
                dying.kill()
                await closed(another)
            await typed(socket, "2")
            await seen(socket, "工单号")
            memory = tab.memory_full_info()
            # the rest is what it shares with those that were forked like it
            assert memory.uss < 0.7 * memory.rss
            (first if killed == "the first process" else server).kill()
            await closed(socket)
            _gone, alive = await asyncio.to_thread(psutil.wait_procs, [first, server, tab], 30)
            for process in alive:
                process.kill()
            assert alive == []
        assert first.wait() != 0


def _web_server(first: psutil.Process) -> psutil.Process:
    """The process that listens; the first one forks it, and the tabs."""
    (server,) = (child for child in first.children() if child.net_connections())
    return server


@pytest.mark.store(databases=["sqlite"])
async def test_without_file_descriptors_it_neither_spins_nor_fills_the_log(
    store: Store, tmp_path: Path
) -> None:
    """asyncio's own server writes a traceback each second; nobody is served until there are."""
    token = issued(store)
    with service(store, tmp_path) as (url, first):
        server = _web_server(first)
        host, _colon, port = url.removeprefix("http://").partition(":")
        async with logged_in(url, token):
            pass
        limits = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (server.num_fds() + 4, limits[1]))
        before = server.cpu_times().user
        waiting = [await asyncio.open_connection(host, int(port)) for _n in range(50)]
        await _written(tmp_path / "log", "no connection can be accepted")
        # so long it would have written several tracebacks
        await asyncio.sleep(4)
        assert server.cpu_times().user - before < 1
        assert len((tmp_path / "log").read_text().splitlines()) < 20
        for _reader, writer in waiting:
            writer.close()
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, limits)
        async with asyncio.timeout(30), logged_in(url, token):
            pass


async def _written(log: Path, text: str) -> None:
    async with asyncio.timeout(30):
        while text not in log.read_text():
            await asyncio.sleep(0.05)


@pytest.mark.store(databases=["sqlite"])
async def test_the_address_is_printed_without_anything_secret(store: Store, tmp_path: Path) -> None:
    """And that nobody can log in yet is said, where it is so."""
    with service(store, tmp_path, "--public", "https://H.example/desk") as (url, _server):
        assert url == "https://H.example/desk"
    assert "hotline tokens issue" in (tmp_path / "log").read_text()
