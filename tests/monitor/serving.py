"""A served monitor inside the test, and visitors to it."""

import asyncio
import atexit
import json
import socket as sockets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp

from models.clock import monotonic, system_clock
from models.database import Store
from models.operations.tokens import issue_token
from models.queries.access_log import access_log
from models.rules.vocabulary import UserRole
from models.security.roles import Actor
from models.security.tokens import Token
from monitor.serve import MonitorServer

HEAD = Actor("zhao", UserRole.SUPERVISOR)

TAB = """\
import json, os, resource, struct, sys
out = sys.stdout.buffer
def send(data):
    payload = json.dumps(data).encode()
    out.write(b"D" + struct.pack(">I", len(payload)) + payload)
    out.flush()
out.write(b"__GANGLION__\\n")
with open(os.environ["HOTLINE_TOKEN_FILE"]) as file:
    token = file.read()
size = [os.environ["COLUMNS"], os.environ["ROWS"], resource.getrlimit(resource.RLIMIT_AS)[0]]
files = sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1]
send({"pid": os.getpid(), "size": size, "token": token, "files": files})
while head := sys.stdin.buffer.read(5):
    data = sys.stdin.buffer.read(struct.unpack(">I", head[1:])[0])
    data = data.decode() if head[:1] == b"D" else json.loads(data)
    send(data)
    if not isinstance(data, str) and data["type"] == "quit":
        break
"""
"""A program with the protocol of a Textual app in a browser: it answers what it is received."""


class Clock:
    """A clock that goes on by itself, and can be put forward."""

    def __init__(self) -> None:
        self.forward = 0.0

    def __call__(self) -> float:
        """The seconds that have passed."""
        return monotonic() + self.forward


def issued(
    store: Store, name: str = "wang", days: int = 1, role: UserRole = UserRole.OPERATOR
) -> str:
    """A token that a supervisor has issued."""
    now = system_clock()
    wanted = Token(name, role, (), None, now, now + timedelta(days=days))
    with store.writing() as session:
        return issue_token(session, HEAD, wanted, now)


@asynccontextmanager
async def served(
    store: Store, tmp_path: Path, program: str = TAB, **options: Any
) -> AsyncIterator[str]:
    """The address of a server whose tabs run a program."""
    script = tmp_path / "tab.py"
    script.write_text(program)
    chosen: dict[str, Any] = {"title": "t", "language": "zh"} | options
    asked, asks = sockets.socketpair(sockets.AF_UNIX, sockets.SOCK_SEQPACKET)
    with asks:
        with asked:
            sockets.send_fds(_tab_parents(), [str(script).encode()], [asked.fileno()])
        server = MonitorServer(store, system_clock, asks, **chosen)
        async with server.listening("127.0.0.1", 0) as address:
            yield address.rstrip("/")


@cache
def _tab_parents() -> sockets.socket:
    """A socket to a process that forks a parent of tabs for each request.

    Whoever forks has no threads, and loading takes longer than most tests.
    """
    its, ours = sockets.socketpair(sockets.AF_UNIX, sockets.SOCK_SEQPACKET)
    with its:
        command = [sys.executable, "-m", "tests.monitor.tab_parents"]
        process = subprocess.Popen(command, stdin=its.fileno())

    def stop() -> None:
        ours.close()
        process.wait()

    atexit.register(stop)
    return ours


@asynccontextmanager
async def visitor(**headers: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser without cookies."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, headers=headers) as session:
        yield session


async def log_in(
    session: aiohttp.ClientSession, url: str, token: str, **headers: str
) -> aiohttp.ClientResponse:
    """The answer to a log-in; the session keeps its cookie."""
    async with session.post(
        f"{url}/login", data={"token": token}, headers=headers, allow_redirects=False
    ) as reply:
        await reply.read()
        return reply


@asynccontextmanager
async def logged_in(url: str, token: str, **headers: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser that has logged in."""
    async with visitor(**headers) as session:
        assert (await log_in(session, url, token)).status == 303
        yield session


@asynccontextmanager
async def tab(
    session: aiohttp.ClientSession, url: str, query: str = ""
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A tab of a browser."""
    async with asyncio.timeout(60), session.ws_connect(f"{url}/ws{query}") as socket:
        yield socket


async def received(socket: aiohttp.ClientWebSocketResponse) -> Any:
    """The next thing that the program of a tab sends."""
    return json.loads(await socket.receive_bytes(timeout=30))


async def closed(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Wait until a tab is closed."""
    async with asyncio.timeout(30):
        while not socket.closed:
            await socket.receive()


def logged(store: Store) -> list[tuple[str, str, tuple[str, ...]]]:
    """The access log: who, what, and its fields, or how many were denied."""
    with store.reading() as session:
        return [
            (line.who, line.act, tuple(line.fields) or (str(line.amount),))
            for line in access_log(session)
        ]
