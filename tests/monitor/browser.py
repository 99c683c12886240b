"""Drive a headless Chromium over its debugging socket."""

import asyncio
import base64
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
_READY = "DevTools listening on "


class Browser:
    """One page of a browser.

    `requested` are the addresses that it loaded anything from, `problems` what it complained of:
    exceptions of scripts, and what a page's policy kept from it. `sent` is what it sent to sockets.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count(1)
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.requested: list[str] = []
        self.problems: list[str] = []
        self.sent: list[str] = []

    async def listen(self) -> None:
        """Read the messages of the browser until it closes the socket."""
        async for message in self._socket:
            event = message.json()
            if event.get("method") == "Network.requestWillBeSent":
                self.requested.append(event["params"]["request"]["url"])
            elif event.get("method") == "Network.webSocketCreated":
                self.requested.append(event["params"]["url"])
            elif event.get("method") == "Network.webSocketFrameSent":
                self.sent.append(str(event["params"]["response"]["payloadData"]))
            elif event.get("method") == "Log.entryAdded":
                entry = event["params"]["entry"]
                if entry["level"] in ("warning", "error") and "WebGL" not in entry["text"]:
                    self.problems.append(f"{entry['text']} {entry.get('url')}")
            elif event.get("method") == "Runtime.exceptionThrown":
                self.problems.append(str(event["params"]["exceptionDetails"]))
            if (reply := self._replies.pop(event.get("id", 0), None)) is not None:
                reply.set_result(event)

    async def do(self, method: str, **more: Any) -> dict[str, Any]:
        """Send a command of the protocol, and return its result."""
        number = next(self._numbers)
        reply = self._replies[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": more})
        result: dict[str, Any] = (await asyncio.wait_for(reply, 30)).get("result", {})
        return result

    async def value(self, script: str) -> Any:
        """Evaluate JavaScript, and return its value."""
        result = await self.do("Runtime.evaluate", expression=script, returnByValue=True)
        return result.get("result", {}).get("value")

    async def until(self, script: str) -> None:
        """Wait until JavaScript says that this is so."""
        async with asyncio.timeout(60):
            while not await self.value(f"Boolean({script})"):
                await asyncio.sleep(0.1)

    async def resize(self, width: int, height: int) -> None:
        """Give the page another size, in pixels."""
        await self.do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    async def key(self, key: str) -> None:
        """Press a key that types a character."""
        await self.do("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
        await self.do("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def screenshot(self) -> bytes:
        """Return a picture of the page, as PNG."""
        result = await self.do("Page.captureScreenshot")
        return base64.b64decode(result["data"])


@asynccontextmanager
async def browser(width: int = 1280, height: int = 800) -> AsyncIterator[Browser]:
    """Start a browser with one empty page, and end it afterwards."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        options = ["--headless=new", "--disable-gpu", "--remote-debugging-port=0"]
        options.append("--ignore-certificate-errors")
        options += [f"--user-data-dir={home}", f"--window-size={width},{height}"]
        if os.geteuid() == 0:
            options.append("--no-sandbox")
        log = Path(home) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen([CHROMIUM, *options, "about:blank"], stderr=output)
        try:
            address = await _debugger(log)
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://{address}/json/list") as reply:
                    pages = await reply.json()
                page = next(p for p in pages if p["type"] == "page")
                async with session.ws_connect(
                    page["webSocketDebuggerUrl"], max_msg_size=0
                ) as socket:
                    page_driver = Browser(socket)
                    listening = asyncio.create_task(page_driver.listen())
                    await page_driver.do("Network.enable")
                    await page_driver.do("Page.enable")
                    await page_driver.do("Log.enable")
                    await page_driver.do("Runtime.enable")
                    yield page_driver
                    listening.cancel()
        finally:
            process.terminate()
            process.wait(20)


async def _debugger(log: Path) -> str:
    """Return the address of the debugging socket, once the browser has written it."""
    async with asyncio.timeout(60):
        while True:
            text = log.read_text("utf-8", "replace")
            if _READY in text:
                return text.split(_READY, 1)[1].split("/")[2]
            await asyncio.sleep(0.1)
