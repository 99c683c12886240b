"""Browsers that send what no page of ours would, or too much: sizes, tabs, connections, time."""

import asyncio
import json
import socket as sockets
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from models.database import Store
from models.rules.limits import (
    BROWSER_MESSAGE_BYTES,
    CONNECTIONS_OF_ADDRESS,
    LOG_IN_BYTES,
    SCREEN_COLUMNS,
    SCREEN_ROWS,
    TAB_MEMORY_BYTES,
    TABS_OF_PERSON,
)
from models.serving import connections
from models.serving.log_limit import LINES_A_MINUTE
from monitor.serve import server
from monitor.serve import tab as tab_module
from tests.monitor.serving import closed, issued, log_in, logged_in, received, served, tab, visitor

pytestmark = pytest.mark.store(databases=["sqlite"])


async def test_a_huge_window_is_shown_a_part(store: Store, tmp_path: Path) -> None:
    """30,000 by 30,000 cells took 7 GB, which stayed when the tab was closed."""
    async with (
        served(store, tmp_path) as url,
        logged_in(url, issued(store)) as browser,
        tab(browser, url, "?width=30000&height=-3") as socket,
    ):
        first = await received(socket)
        assert first["size"] == [str(SCREEN_COLUMNS), "1", TAB_MEMORY_BYTES]
        await socket.send_json(["resize", {"width": 30_000, "height": 30_000}])
        wanted = {"type": "resize", "width": SCREEN_COLUMNS, "height": SCREEN_ROWS}
        assert await received(socket) == wanted
        await socket.send_json(["resize", {"width": 90, "height": 30}])
        assert await received(socket) == {"type": "resize", "width": 90, "height": 30}


@pytest.mark.parametrize(
    "message",
    [
        "[]",
        "{}",
        "x",
        '["resize", {"width": "a", "height": 1}]',
        '["stdin"]',
        '["stdin", "\\ud800"]',
        '["resize", null]',
        "[" * 50_000,
        '["resize", {"width": ' + "9" * 5_000 + ', "height": 1}]',
        json.dumps(["stdin", "x" * BROWSER_MESSAGE_BYTES]),
    ],
    ids=range(10),
)
async def test_a_message_that_is_none_closes_the_tab_alone(
    store: Store, tmp_path: Path, message: str
) -> None:
    async with served(store, tmp_path) as url, logged_in(url, issued(store)) as browser:
        async with tab(browser, url) as socket:
            await received(socket)
            await socket.send_str(message)
            await closed(socket)
        async with tab(browser, url) as another:
            assert await received(another)
            await another.send_json(["ping", "1"])
            await another.send_json(["stdin", "键"])
            assert await received(another) == "键"


_STUBBORN = """\
import json, os, signal, struct, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
payload = json.dumps(os.getpid()).encode()
sys.stdout.buffer.write(b"__GANGLION__\\nD" + struct.pack(">I", len(payload)) + payload)
sys.stdout.buffer.flush()
while True:
    time.sleep(1)
"""
"""A tab's process that does not do what it is received."""


async def test_a_process_that_does_not_end_is_killed_with_its_tab(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time-out was swallowed: such processes stayed, and the server could not be stopped."""
    monkeypatch.setattr(tab_module, "_STOP_TIMEOUT", 0.3)
    async with served(store, tmp_path, _STUBBORN) as url:
        async with logged_in(url, issued(store)) as browser, tab(browser, url) as socket:
            pid = await received(socket)
        await _gone(pid)


async def test_a_server_that_stops_takes_its_tabs_with_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tab_module, "_STOP_TIMEOUT", 0.3)
    token = issued(store)
    async with visitor() as browser:
        async with served(store, tmp_path, _STUBBORN) as url:
            await log_in(browser, url, token)
            socket = await browser.ws_connect(f"{url}/ws")
            pid = await received(socket)
        assert not psutil.pid_exists(pid)
        await socket.close()


async def _gone(pid: int) -> None:
    async with asyncio.timeout(20):
        while psutil.pid_exists(pid):
            await asyncio.sleep(0.05)


_FLOOD = """\
import json, os, struct, sys
out = sys.stdout.buffer
payload = json.dumps(os.getpid()).encode()
out.write(b"__GANGLION__\\nD" + struct.pack(">I", len(payload)) + payload)
while True:
    out.write(b"D" + struct.pack(">I", 60_000) + b"x" * 60_000)
"""
"""A program that draws as fast as somebody reads."""


async def test_a_browser_that_reads_nothing_loses_its_tab(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the server holds little of what it does not read."""
    monkeypatch.setattr(tab_module, "_HEARTBEAT", 0.5)
    before = psutil.Process().memory_info().rss
    async with served(store, tmp_path, _FLOOD) as url, logged_in(url, issued(store)) as browser:
        host, _colon, port = url.removeprefix("http://").partition(":")
        cookie = next(iter(browser.cookie_jar))
        reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 10)
        writer.write(
            f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"Cookie: {cookie.key}={cookie.value}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in head
        frame = await reader.readexactly(2)
        pid = json.loads(await reader.readexactly(frame[1]))
        # nothing more is read: the kernel's buffers fill, then the server's, then the program waits
        await _gone(pid)
        assert psutil.Process().memory_info().rss - before < 64 << 20
        writer.close()


async def test_a_person_has_a_few_tabs_of_which_the_oldest_goes(
    store: Store, tmp_path: Path
) -> None:
    """A page that is loaded again still has its former tab: so the new one is never refused."""
    async with (
        served(store, tmp_path) as url,
        logged_in(url, issued(store)) as browser,
        logged_in(url, issued(store, "li")) as other,
        tab(other, url) as untouched,
    ):
        await received(untouched)
        open_tabs = [await browser.ws_connect(f"{url}/ws") for _tab in range(TABS_OF_PERSON)]
        began = [await received(socket) for socket in open_tabs]
        # its screen and keys, the log, and its token: nothing of its neighbours
        assert [process["files"] for process in began] == [[0, 1, 2, 3]] * TABS_OF_PERSON
        pids = [process["pid"] for process in began]
        for n in (0, 1):
            async with browser.get(f"{url}/") as reply:
                assert reply.status == 200
            open_tabs.append(await browser.ws_connect(f"{url}/ws"))
            pids.append((await received(open_tabs[-1]))["pid"])
            await closed(open_tabs[n])
            assert [psutil.pid_exists(pid) for pid in pids] == (
                [False] * (n + 1) + [True] * TABS_OF_PERSON
            )
        await untouched.send_json(["stdin", "a"])
        assert await received(untouched) == "a"
        for socket in open_tabs:
            await socket.close()


async def test_no_more_tabs_than_the_host_can_bear(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has none yet is told so; whoever has one can load it again."""
    monkeypatch.setattr(server, "TABS", 2)
    async with (
        served(store, tmp_path) as url,
        logged_in(url, issued(store)) as browser,
        logged_in(url, issued(store, "li")) as other,
        tab(browser, url) as first,
        tab(browser, url) as second,
    ):
        await received(first)
        await received(second)
        for path in ("/", "/ws"):
            headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
            headers |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "A" * 22 + "=="}
            async with other.get(url + path, headers=headers) as reply:
                assert reply.status == 429
                assert "标签页" in await reply.text()
        async with tab(browser, url) as third:
            assert await received(third)
            await closed(first)


async def test_a_socket_that_is_none_is_no_tab(store: Store, tmp_path: Path) -> None:
    async with (
        served(store, tmp_path) as url,
        logged_in(url, issued(store)) as browser,
        browser.get(f"{url}/ws") as reply,
    ):
        assert reply.status == 400


async def test_200_connections_that_say_nothing_keep_nobody_out(
    store: Store, tmp_path: Path
) -> None:
    """They end by themselves; beyond the limit of an address they are refused at once."""
    async with served(store, tmp_path) as url:
        host, _colon, port = url.removeprefix("http://").partition(":")
        silent = [await asyncio.open_connection(host, int(port)) for _n in range(200)]
        for _reader, writer in silent[:100]:
            writer.write(b"GET / HTTP/1.1\r\nHost: ")
        async with logged_in(url, issued(store)) as browser, tab(browser, url) as socket:
            assert await received(socket)
            more = [
                await asyncio.open_connection(host, int(port))
                for _n in range(CONNECTIONS_OF_ADDRESS - 190)
            ]
            assert await asyncio.wait_for(more[-1][0].read(), 10) == b""
            # another address is served meanwhile
            elsewhere = await asyncio.open_connection(host, int(port), local_addr=("127.0.0.2", 0))
            elsewhere[1].write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b" 200 " in await asyncio.wait_for(elsewhere[0].readline(), 10)
            for _reader, writer in [*silent, *more, elsewhere]:
                writer.close()


async def test_a_connection_that_drips_ends(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A head, and a body, may take so long in all, however steadily they drip; a tab may last."""
    monkeypatch.setattr(connections, "CONNECTION_TIME", timedelta(seconds=1))
    async with (
        served(store, tmp_path) as url,
        logged_in(url, issued(store)) as browser,
        tab(browser, url) as socket,
    ):
        await received(socket)
        host, _colon, port = url.removeprefix("http://").partition(":")
        for begin in (
            b"GET / HTTP/1.1\r\nX: ",
            b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(begin)
            dripping = asyncio.create_task(_drip(writer))
            async with asyncio.timeout(10):
                with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                    await reader.readexactly(1)
            dripping.cancel()
            writer.close()
        await socket.send_json(["stdin", "a"])
        assert await received(socket) == "a"


async def _drip(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x")
        await asyncio.sleep(0.1)


async def test_a_log_in_of_megabytes_is_not_read(store: Store, tmp_path: Path) -> None:
    async with served(store, tmp_path) as url, visitor() as browser:
        reply = await log_in(browser, url, "x" * LOG_IN_BYTES)
        assert reply.status == 413


async def test_rubbish_fills_no_log(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is sent, an address causes a few lines a minute."""
    async with served(store, tmp_path) as url:
        host, _colon, port = url.removeprefix("http://").partition(":")
        for rubbish in (
            b"\x16\x03\x01\x02\x00\x01",
            b"GET\r\n\r\n",
            b"x" * 20_000,
            b"\r\n" * 9_999,
        ):
            for _n in range(30):
                with sockets.create_connection((host, int(port))) as client:
                    client.sendall(rubbish)
                await asyncio.sleep(0)
        async with visitor() as browser, browser.get(f"{url}/") as reply:
            assert reply.status == 200
    # four kinds at most, in two minutes where one ends meanwhile
    assert len(caplog.records) <= 4 * 2 * LINES_A_MINUTE
