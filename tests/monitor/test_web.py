"""The monitor in a real browser: it needs the token, and loads nothing from other hosts."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.monitor.browser import CHROMIUM, Browser, browser
from tests.monitor.scene import make_scene
from tests.workers.processes import environment

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
async def test_the_served_monitor_in_a_browser(tmp_path: Path) -> None:
    """The page opens with the token, reacts to a key, and loads nothing from another host."""
    make_scene(tmp_path).close()
    env = environment(
        tmp_path / "home", f"sqlite:///{tmp_path / 'scene.db'}", "redis://127.0.0.1:1/0"
    ) | {"HOTLINE_OPERATOR": "林小燕"}
    (tmp_path / "home" / "hotline.key").unlink()
    (tmp_path / "home" / "monitor.json").write_text('{"introduced": true}')
    env["HOTLINE_KEY"] = _KEY
    port = _free_port()
    command = [sys.executable, "-P", "-m", "scripts", "monitor", "--serve", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        served = subprocess.Popen(
            [*command, "--token", "let-me-in"], env=env, stdout=subprocess.PIPE, stderr=log
        )
    try:
        assert served.stdout is not None
        address = (await asyncio.to_thread(served.stdout.readline)).decode().strip()
        assert address == f"http://127.0.0.1:{port}/?token=let-me-in"
        async with aiohttp.ClientSession() as session:
            for path in ("/", "/ws", "/static/js/textual.js", "/?token=wrong"):
                async with session.get(f"http://127.0.0.1:{port}{path}") as reply:
                    assert reply.status == 403
        async with browser() as page:
            await page.do("Page.navigate", url=address)
            async with asyncio.timeout(60):
                while "-first-byte" not in str(await page.value("document.body.className")):
                    await asyncio.sleep(0.2)
            before = await _settled(page)
            await page.value("document.querySelector('.xterm-helper-textarea').focus()")
            await page.key("5")
            after = await _settled(page, unlike=before)
            assert after != before
            folder = os.environ.get("HOTLINE_TEST_PICTURES")
            if folder:
                (Path(folder) / "browser.png").write_bytes(after)
            hosts = {url.split("/")[2] for url in page.requested if "://" in url}
            assert hosts == {f"127.0.0.1:{port}"}
            assert "let-me-in" not in str(await page.value("location.href"))
    finally:
        served.terminate()
        served.communicate(timeout=20)


_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


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
