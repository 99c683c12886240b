"""The monitor in a real browser: logging in, keys, sizes, and nothing from other hosts."""

import asyncio
import json
import os
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web
from multidict import CIMultiDict

from models.database import Store
from tests.monitor.browser import CHROMIUM, Browser, browser
from tests.monitor.scene import make_scene
from tests.monitor.serving import issued, served
from tests.monitor.test_serve_process import free_port, service

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
    pytest.mark.slow,
]


@contextmanager
def scene(tmp_path: Path, *more: str) -> Iterator[tuple[str, str]]:
    """A served monitor on the scene of the screenshots: its address, and a token."""
    store = make_scene(tmp_path)
    try:
        token = issued(store, "王小燕")
        with service(store, tmp_path, *more) as (url, _server):
            yield url, token
    finally:
        store.close()


async def log_in(page: Browser, url: str, token: str) -> None:
    """Open the page, and log in as a person does: by the keyboard alone."""
    await page.do("Page.navigate", url=url)
    await page.until("document.activeElement && document.activeElement.id === 'token'")
    await page.do("Input.insertText", text=token)
    await page.do(
        "Input.dispatchKeyEvent", type="keyDown", key="Enter", text="\r", windowsVirtualKeyCode=13
    )
    await page.until("document.body.classList.contains('-first-byte')")


async def test_the_served_monitor_in_a_browser(tmp_path: Path) -> None:
    """A token opens it, a key works at once, and nothing is loaded from another host."""
    with scene(tmp_path) as (url, token):
        async with browser() as page:
            await log_in(page, f"{url}/", token)
            before = await _settled(page)
            await page.key("5")
            after = await _settled(page, unlike=before)
            assert after != before
            folder = os.environ.get("HOTLINE_TEST_PICTURES")
            if folder:
                (Path(folder) / "browser.png").write_bytes(after)
            hosts = {asked.split("/")[2] for asked in page.requested if "://" in asked}
            assert hosts == {url.partition("//")[2]}
            assert not [asked for asked in page.requested if token in asked]
            history = await page.do("Page.getNavigationHistory")
            assert token not in str(history)
            assert page.problems == []
            # logging out leads back to the form
            await page.value("document.querySelector('.bar button').click()")
            await page.until("document.activeElement && document.activeElement.id === 'token'")
            await page.do("Page.navigate", url=f"{url}/")
            await page.until("document.querySelector('form[action=login]')")


_SIZES = ((1000, 600), (1280, 760), (800, 600), (1920, 1000), (1000, 600))


@pytest.mark.store(databases=["sqlite"])
async def test_the_monitor_has_the_size_of_the_window(store: Store, tmp_path: Path) -> None:
    """From the beginning, and after each change: a line too many hides the line of the keys."""
    async with served(store, tmp_path) as url, browser() as page:
        await log_in(page, f"{url}/", issued(store))
        await _fits(page)
        for width, height in _SIZES:
            await page.resize(width, height)
            await page.until(f"innerWidth === {width} && innerHeight === {height}")
            await _fits(page)


async def _fits(page: Browser) -> None:
    """Wait until the program has been told a size that fills the window and is no larger."""
    async with asyncio.timeout(20):
        while True:
            sizes = [size for kind, size in map(json.loads, page.sent) if kind == "resize"]
            window = await page.value(_SIZE.format("#terminal"))
            drawn = await page.value(_SIZE.format(".xterm-screen"))
            if sizes and _is_filled(sizes[-1], window, drawn):
                return
            await asyncio.sleep(0.05)


_SIZE = (
    "(({{clientWidth, clientHeight}}) => [clientWidth, clientHeight])(document.querySelector('{}'))"
)


def _is_filled(received: dict[str, int], window: list[int], drawn: list[int]) -> bool:
    counts = received["width"], received["height"]
    return all(
        # a cell of the face and size of the page's font is 9 or 10 by 21 pixels
        drawn[n] <= window[n] and drawn[n] // cell == counts[n] and window[n] - drawn[n] <= cell
        for n, cell in enumerate((9, 21))
    )


@pytest.mark.store(databases=["sqlite"])
@pytest.mark.parametrize("keeps", [True, False], ids=["path and host kept", "both replaced"])
async def test_behind_a_proxy_with_tls_and_a_path(
    store: Store, tmp_path: Path, keeps: bool
) -> None:
    """The page logs in, its socket is let through, and its cookie goes over TLS alone."""
    port = free_port()
    public = f"https://localhost:{port}/desk"
    async with (
        served(store, tmp_path, public=public) as url,
        _proxy(url, port, tmp_path, keeps=keeps),
        browser() as page,
    ):
        await log_in(page, f"{public}/", issued(store))
        (cookie,) = (await page.do("Network.getCookies"))["cookies"]
        facts = {name: cookie.get(name) for name in ("secure", "httpOnly", "sameSite", "path")}
        assert facts == {"secure": True, "httpOnly": True, "sameSite": "Strict", "path": "/desk"}
        assert page.problems == []


@pytest.mark.store(databases=["sqlite"])
async def test_through_a_tunnel_past_the_proxy(store: Store, tmp_path: Path) -> None:
    """As `ssh -L 9000:127.0.0.1:8012` gives it: another port, and no TLS."""
    async with (
        served(store, tmp_path, public="https://h.example/desk") as url,
        _tunnel(url) as tunnel,
        browser() as page,
    ):
        await log_in(page, f"{tunnel}/", issued(store))
        (cookie,) = (await page.do("Network.getCookies"))["cookies"]
        assert (cookie["secure"], cookie["httpOnly"]) == (False, True)


@asynccontextmanager
async def _tunnel(url: str) -> AsyncIterator[str]:
    host, _colon, port = url.removeprefix("http://").partition(":")

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, to_back = await asyncio.open_connection(host, int(port))
        both = (copy(reader, to_back), copy(back, writer))
        await asyncio.gather(*both, return_exceptions=True)

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    async with server:
        yield f"http://localhost:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def _proxy(url: str, port: int, folder: Path, *, keeps: bool) -> AsyncIterator[None]:
    """A proxy that ends TLS, and keeps or replaces the path and the Host header."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    async with aiohttp.ClientSession(auto_decompress=False) as client:

        async def forward(request: web.Request) -> web.StreamResponse:
            path = request.path_qs if keeps else request.path_qs.removeprefix("/desk")
            headers = {k: v for k, v in request.headers.items() if k not in _OF_ONE_CONNECTION}
            if not keeps:
                del headers["Host"]
            headers["X-Forwarded-For"] = request.remote or ""
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await _forward_socket(request, client, f"{url}{path}", headers)
            async with client.request(
                request.method,
                url + path,
                headers=headers,
                data=await request.read(),
                allow_redirects=False,
            ) as reply:
                kept = [(k, v) for k, v in reply.headers.items() if k not in _OF_ONE_CONNECTION]
                return web.Response(
                    status=reply.status, headers=CIMultiDict(kept), body=await reply.read()
                )

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(application, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
        try:
            yield
        finally:
            await runner.cleanup()


_OF_ONE_CONNECTION = (
    "Connection", "Upgrade", "Content-Length", "Transfer-Encoding", "Sec-WebSocket-Key",
    "Sec-WebSocket-Version", "Sec-WebSocket-Extensions", "Date", "Server",
)  # fmt: skip


async def _forward_socket(
    request: web.Request, client: aiohttp.ClientSession, url: str, headers: dict[str, str]
) -> web.StreamResponse:
    front = web.WebSocketResponse()
    async with client.ws_connect(url, headers=headers) as back:
        await front.prepare(request)

        async def copy(source: Any, target: Any) -> None:
            async for message in source:
                send = target.send_str if isinstance(message.data, str) else target.send_bytes
                await send(message.data)
            await target.close()

        await asyncio.gather(copy(front, back), copy(back, front))
    return front


async def _settled(page: Browser, unlike: bytes = b"") -> bytes:
    """Wait until the page no longer changes and differs from `unlike`; return its picture."""
    last = b""
    async with asyncio.timeout(60):
        while True:
            await asyncio.sleep(0.8)
            now = await page.screenshot()
            if now == last and now != unlike:
                return now
            last = now
