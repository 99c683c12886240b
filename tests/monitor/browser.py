"""A headless Chromium, driven over its debugging socket."""

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
    """One page of a browser; `asked` are the addresses that it asked for anything."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count(1)
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.asked: list[str] = []

    async def listen(self) -> None:
        """Take what the browser says until it is gone."""
        async for message in self._socket:
            told = message.json()
            if told.get("method") == "Network.requestWillBeSent":
                self.asked.append(told["params"]["request"]["url"])
            elif told.get("method") == "Network.webSocketCreated":
                self.asked.append(told["params"]["url"])
            if (reply := self._replies.pop(told.get("id", 0), None)) is not None:
                reply.set_result(told)

    async def do(self, method: str, **more: Any) -> dict[str, Any]:
        """One command of the protocol, and its answer."""
        number = next(self._numbers)
        reply = self._replies[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": more})
        found: dict[str, Any] = (await asyncio.wait_for(reply, 30)).get("result", {})
        return found

    async def value(self, script: str) -> Any:
        """What a line of JavaScript comes to."""
        found = await self.do("Runtime.evaluate", expression=script, returnByValue=True)
        return found.get("result", {}).get("value")

    async def key(self, key: str) -> None:
        """Press a key that types a character."""
        await self.do("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
        await self.do("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def picture(self, path: Path) -> None:
        """Save what is to be seen as a PNG."""
        found = await self.do("Page.captureScreenshot")
        path.write_bytes(base64.b64decode(found["data"]))


@asynccontextmanager
async def browser(width: int = 1280, height: int = 800) -> AsyncIterator[Browser]:
    """A browser with one empty page; ended at the end."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        options = ["--headless=new", "--disable-gpu", "--remote-debugging-port=0"]
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
                    made = Browser(socket)
                    listening = asyncio.create_task(made.listen())
                    await made.do("Network.enable")
                    await made.do("Page.enable")
                    yield made
                    listening.cancel()
        finally:
            process.terminate()
            process.wait(20)


async def _debugger(log: Path) -> str:
    """Where the debugging socket is."""
    async with asyncio.timeout(60):
        while True:
            text = log.read_text("utf-8", "replace")
            if _READY in text:
                return text.split(_READY, 1)[1].split("/")[2]
            await asyncio.sleep(0.1)
