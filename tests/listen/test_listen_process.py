"""The endpoint as a process: killed in the middle, stopped, without a broker."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import func, select

from models.database import Store
from models.rules.vocabulary import UserRole
from models.tables.core import BELL, INBOX
from tests.listen.sending import LINES, Sender, as_lines, large_letters, stored
from tests.monitor.serving import issued
from tests.monitor.test_serve_process import free_port
from tests.workers.processes import environment


@contextmanager
def listener(store: Store, tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A process of the endpoint, with its address; there is no broker."""
    env = environment(tmp_path / "home", store.url, "redis://127.0.0.1:1/0", LANG="en")
    command = [sys.executable, "-P", "-m", "scripts", "listen", "--port", str(free_port())]
    with (tmp_path / "log").open("ab") as log:
        started = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=log)
    try:
        assert started.stdout is not None
        yield started.stdout.readline().decode().strip().rstrip("/"), started
    finally:
        started.kill()
        started.communicate(timeout=30)


async def test_killed_in_the_middle_and_the_same_again_loses_and_doubles_nothing(
    store: Store, tmp_path: Path
) -> None:
    """Each message is there once, with its bell, though there is no broker to ring it."""
    token = issued(store, "city", role=UserRole.FEEDER)
    many = large_letters("city", 40)
    content = as_lines(many)
    async with aiohttp.ClientSession() as session:
        with listener(store, tmp_path) as (url, process):

            async def pieces() -> AsyncIterator[bytes]:
                yield content[:-100_000]
                while not stored(store, "city"):
                    await asyncio.sleep(0.01)
                process.send_signal(signal.SIGKILL)
                yield content[-100_000:]

            with pytest.raises(aiohttp.ClientError):
                await Sender(url, session, "city", token).send(pieces(), LINES)
        before = len(stored(store, "city"))
        with listener(store, tmp_path) as (url, process):
            reply = await Sender(url, session, "city", token).send(content, LINES)
            assert (reply.status, reply.content["duplicate"]) == (200, before)
            assert b" 400 " in await _broken_chunk(url, token, as_lines(many[:1]))
            process.terminate()
            assert process.wait(30) == 0
    assert stored(store, "city") == [m["ticket"] for m in many]
    with store.reading() as session_:
        bells = select(func.count()).select_from(BELL.join(INBOX, BELL.c.row_id == INBOX.c.id))
        assert session_.scalar(bells.where(INBOX.c.source == "city")) == 40
    log = (tmp_path / "log").read_text()
    assert "outcome=done" in log
    letter = many[0]
    for private in (token, letter["title"], letter["claimant"]["phone"], letter["content"][:40]):
        assert private not in log


async def _broken_chunk(url: str, token: str, content: bytes) -> bytes:
    """The status of a request whose chunk is longer than it says, with letters in it."""
    host, _colon, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"POST /messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {LINES}\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n"
    )
    # at once: a chunk that breaks later ends with the time of a piece
    writer.write(head.encode() + content)
    try:
        return await asyncio.wait_for(reader.readline(), 20)
    finally:
        writer.close()
