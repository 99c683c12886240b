"""A browser that sends what no page of ours would: sizes and messages have limits."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import psutil
import pytest
from aiohttp import web

from models.rules.limits import (
    BROWSER_MESSAGE_BYTES,
    SCREEN_COLUMNS,
    SCREEN_ROWS,
    TAB_MEMORY_BYTES,
)
from monitor import serve
from monitor.serve import MonitorServer

_TAB = """\
import json, os, resource, struct, sys
out = sys.stdout.buffer
def send(data):
    payload = json.dumps(data).encode()
    out.write(b"D" + struct.pack(">I", len(payload)) + payload)
    out.flush()
out.write(b"__GANGLION__\\n")
send([os.environ["COLUMNS"], os.environ["ROWS"], resource.getrlimit(resource.RLIMIT_AS)[0]])
while head := sys.stdin.buffer.read(5):
    data = json.loads(sys.stdin.buffer.read(struct.unpack(">I", head[1:])[0]))
    send(data)
    if data["type"] == "quit":
        break
"""
"""A program with the protocol of a Textual app in a browser: it answers what it is told."""


@asynccontextmanager
async def served(tmp_path: Path, program: str = _TAB) -> AsyncIterator[str]:
    """The address of a server whose tabs run a program."""
    script = tmp_path / "tab.py"
    script.write_text(program)
    server = MonitorServer(f"{sys.executable} {script}", "127.0.0.1", 0, "t", "right", print)
    runner = web.AppRunner(await server._make_app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.public_url = f"http://{host}:{port}"
    try:
        yield server.public_url
    finally:
        await runner.cleanup()


@asynccontextmanager
async def tab(url: str, query: str = "") -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A tab of a browser that has the token."""
    cookies = {"hotline_monitor": "right"}
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        asyncio.timeout(30),
        aiohttp.ClientSession(cookies=cookies, cookie_jar=jar) as session,
        session.ws_connect(f"{url}/ws{query}") as socket,
    ):
        yield socket


async def _told(socket: aiohttp.ClientWebSocketResponse) -> object:
    return json.loads(await socket.receive_bytes())


async def test_a_huge_window_is_shown_a_part(tmp_path: Path) -> None:
    """30,000 by 30,000 cells took 7 GB, which stayed when the tab was closed."""
    async with served(tmp_path) as url, tab(url, "?width=30000&height=-3") as socket:
        assert await _told(socket) == [str(SCREEN_COLUMNS), "1", TAB_MEMORY_BYTES]
        await socket.send_json(["resize", {"width": 30_000, "height": 30_000}])
        assert await _told(socket) == {
            "type": "resize",
            "width": SCREEN_COLUMNS,
            "height": SCREEN_ROWS,
        }
        await socket.send_json(["resize", {"width": 90, "height": 30}])
        assert await _told(socket) == {"type": "resize", "width": 90, "height": 30}


@pytest.mark.parametrize(
    "message",
    ["[]", "{}", "x", '["resize", {"width": "a", "height": 1}]', '["stdin"]', '["resize", null]'],
)
async def test_a_message_that_is_none_closes_the_tab_alone(tmp_path: Path, message: str) -> None:
    async with served(tmp_path) as url:
        async with tab(url) as socket:
            await _told(socket)
            await socket.send_str(message)
            while not socket.closed:
                await socket.receive()
        async with tab(url) as another:
            assert await _told(another)


async def test_a_message_without_end_closes_the_tab(tmp_path: Path) -> None:
    async with served(tmp_path) as url, tab(url) as socket:
        await _told(socket)
        await socket.send_json(["stdin", "x" * BROWSER_MESSAGE_BYTES])
        while not socket.closed:
            await socket.receive()


_STUBBORN = """\
import json, os, signal, struct, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
payload = json.dumps(os.getpid()).encode()
sys.stdout.buffer.write(b"__GANGLION__\\nD" + struct.pack(">I", len(payload)) + payload)
sys.stdout.buffer.flush()
while True:
    time.sleep(1)
"""
"""A tab's process that does not do what it is told."""


async def test_a_process_that_does_not_end_is_killed_with_its_tab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time-out was swallowed: such processes stayed, and the server could not be stopped."""
    monkeypatch.setattr(serve, "_STOP_TIMEOUT", 0.3)
    async with served(tmp_path, _STUBBORN) as url:
        async with tab(url) as socket:
            pid = await _told(socket)
            assert isinstance(pid, int)
        async with asyncio.timeout(10):
            while psutil.pid_exists(pid):
                await asyncio.sleep(0.05)
