"""Attackers: each may do one thing to a running service, and does the worst of it at random."""

import asyncio
import json
import os
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import aiohttp
import redis

from models.rules.limits import BELL_BYTES
from models.rules.queues import QUEUES
from workers.broker_keys import namespace_of


class Attacker(ABC):
    """Somebody with one way in; `attempts` counts what was tried, and errors of his own are his."""

    own_errors: tuple[type[Exception], ...] = (OSError,)

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.attempts = 0
        self.stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__)

    @abstractmethod
    def actions(self) -> tuple[Callable[[], object], ...]:
        """Return what this one can do."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Act no more."""
        self.stopped.set()
        self._thread.join()

    def _run(self) -> None:
        actions = self.actions()
        while not self.stopped.wait(self.rng.uniform(0, 0.02)):
            self.attempts += 1
            with suppress(*self.own_errors):
                self.rng.choice(actions)()


class FolderAttacker(Attacker):
    """Writes to the watched folder."""

    def __init__(self, seed: int, inbox: Path, home: Path, spared: str = "honest") -> None:
        super().__init__(seed)
        self.inbox, self.home, self.spared = inbox, home, spared

    def actions(self) -> tuple[Callable[[], object], ...]:
        """Links into the home, growth, swaps, names that are none."""
        return self.link, self.grow, self.swap, self.name, self.hard_link

    def some(self) -> Path:
        """A name in the folder, perhaps one that is there; never that of an honest file."""
        names = ["a.csv", "done", "failed", "hotline.db-journal"]
        names += [p.name for p in self.inbox.iterdir() if not p.name.startswith(self.spared)]
        return self.inbox / self.rng.choice(names)

    def link(self) -> None:
        path = self.some()
        path.unlink(missing_ok=True)
        path.symlink_to(self.home / self.rng.choice(("roles.toml", "hotline.db", "")))

    def grow(self) -> None:
        # another user could not write to what a link leads to
        handle = os.open(self.some(), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW)
        with os.fdopen(handle, "ab") as file:
            if os.fstat(handle).st_nlink == 1:
                file.write(b"x" * self.rng.randrange(1, 100))

    def swap(self) -> None:
        self.some().rename(self.some())

    def name(self) -> None:
        raw = self.rng.randbytes(self.rng.randrange(1, 250)).replace(b"\0", b"0")
        (self.inbox / os.fsdecode(raw.replace(b"/", b"_"))).write_bytes(b"bad")

    def hard_link(self) -> None:
        self.some().hardlink_to(self.home / "roles.toml")


class BrokerAttacker(Attacker):
    """Writes to the broker."""

    own_errors = (redis.RedisError,)

    def __init__(self, seed: int, url: str, store_id: str) -> None:
        super().__init__(seed)
        self.namespace = namespace_of(store_id)
        self.client = redis.Redis.from_url(url, socket_timeout=5)

    def actions(self) -> tuple[Callable[[], object], ...]:
        """Wrong types, rubbish, huge bells, bells that wait, a flush."""
        return self.wrong_type, self.rubbish, self.huge, self.waiting, self.flush

    def _key(self) -> str:
        ending = self.rng.choice(("", "", ".msgs", ".XQ", ".DQ", ".XQ.msgs"))
        queue = f"{self.namespace}:{self.rng.choice(QUEUES)}{ending}"
        return self.rng.choice((queue, queue, f"{self.namespace}:__heartbeats__"))

    def wrong_type(self) -> None:
        self.client.set(self._key(), "x")

    def _put(self, body: bytes) -> None:
        queue, name = self.rng.choice(QUEUES), str(self.rng.random())
        self.client.hset(f"{self.namespace}:{queue}.msgs", name, body)
        self.client.lpush(f"{self.namespace}:{queue}", name)

    def rubbish(self) -> None:
        bodies = (b"", b"\xff", b"null", b"[]", b"{}", b"1" * 5_000, self.rng.randbytes(50))
        self._put(self.rng.choice(bodies))

    def huge(self) -> None:
        self._put(b"x" * self.rng.randrange(BELL_BYTES, 20 * BELL_BYTES))

    def waiting(self) -> None:
        queue = self.rng.choice(QUEUES)
        ids = self.rng.choice(([1], [-1], ["1"], [2**80], [[1]], list(range(1, 2_000))))
        actor = self.rng.choice((f"answer_{queue}", "x\n" * 99))
        eta = self.rng.choice((10**13, "x", None))
        bell = {
            "queue_name": queue,
            "actor_name": actor,
            "args": [ids],
            "kwargs": {},
            "options": {"eta": eta, "redis_message_id": "1"},
            "message_id": "1",
            "message_timestamp": 0,
        }
        self._put(json.dumps(bell).encode())

    def flush(self) -> None:
        if self.rng.random() < 0.1:
            self.client.flushdb()


class PageAttacker(Attacker):
    """Opens the served monitor with its token, and sends what no page would."""

    own_errors = (OSError, aiohttp.ClientError, TimeoutError)

    def __init__(self, seed: int, url: str, token: str) -> None:
        super().__init__(seed)
        self.url, self.token = url, token
        self.cookie = ""

    def actions(self) -> tuple[Callable[[], object], ...]:
        """A tab with messages at random, one without a session, a guess, and silence."""
        return (
            lambda: asyncio.run(self.tab()),
            lambda: asyncio.run(self.tab()),
            lambda: asyncio.run(self.guess()),
            lambda: asyncio.run(self.say_nothing()),
        )

    async def tab(self) -> None:
        """Open a tab, send a few messages, and leave without a word."""
        if not self.cookie:
            self.cookie = await self.log_in(self.token)
        cookie = self.rng.choice((self.cookie, self.cookie, "planted"))
        size = self.rng.choice(("80", "30000", "-1", "x"))
        async with (
            asyncio.timeout(20),
            aiohttp.ClientSession(headers={"Cookie": f"hotline_session={cookie}"}) as session,
            session.ws_connect(f"{self.url}/ws?width={size}&height={size}") as socket,
        ):
            for _message in range(self.rng.randrange(1, 8)):
                await socket.send_str(self.message())
                await asyncio.sleep(0.1)

    async def guess(self) -> None:
        """Log in with a token that is none, from a page of another site or from none."""
        headers = self.rng.choice(({}, {"Origin": "https://evil.example"}))
        assert not await self.log_in(self.rng.randbytes(9).hex(), **headers)

    async def log_in(self, token: str, **headers: str) -> str:
        """Log in; returns the cookie, empty where that failed."""
        async with (
            asyncio.timeout(20),
            aiohttp.ClientSession(headers=headers) as session,
            session.post(
                f"{self.url}/login", data={"token": token}, allow_redirects=False
            ) as reply,
        ):
            cookie = reply.cookies.get("hotline_session")
            return cookie.value if cookie is not None else ""

    async def say_nothing(self) -> None:
        """Open connections that say nothing, or no HTTP."""
        host, _colon, port = self.url.removeprefix("http://").partition(":")
        async with asyncio.timeout(20):
            for _n in range(20):
                _reader, writer = await asyncio.open_connection(host, int(port))
                writer.write(self.rng.randbytes(self.rng.randrange(100)))
                writer.close()

    def message(self) -> str:
        """A message that a page may send, or one that none would."""
        huge = {"width": self.rng.choice((1, 30_000, 10**18, "x")), "height": 30_000}
        keys = "".join(self.rng.choice("123456q/\x1b\t\r") for _n in range(20))
        messages: tuple[object, ...] = (
            ["resize", huge],
            ["stdin", keys],
            ["stdin", "x" * 70_000],
            [],
            {},
            ["blur"],
        )
        return json.dumps(self.rng.choice(messages))


class ShellAttacker(Attacker):
    """Another user of the host, who tries to read and write what is in the home."""

    own_errors = (subprocess.SubprocessError,)

    def __init__(self, seed: int, home: Path, uid: int) -> None:
        super().__init__(seed)
        self.home, self.uid = home, uid
        self.reached: list[str] = []

    def actions(self) -> tuple[Callable[[], object], ...]:
        """Look through the home once."""
        return (self.look,)

    def look(self) -> None:
        """Try to open everything that root sees in the home, and to put something there."""
        paths = [os.fsencode(path) for path in (self.home, *self.home.rglob("*"))]
        lines = b"".join(path + b"\n" for path in paths if b"\n" not in path)
        done = subprocess.run(
            ["/bin/sh", "-c", _LOOK], input=lines, capture_output=True,
            user=self.uid, group=self.uid, extra_groups=[], check=True, timeout=20, cwd="/",
            env={},
        )  # fmt: skip
        self.reached += done.stdout.decode("utf-8", "replace").splitlines()
        self.stopped.wait(1)


_LOOK = """\
while IFS= read -r path; do
    if [ -r "$path" ] || [ -w "$path" ]; then printf '%s\\n' "$path"; fi
done
"""
