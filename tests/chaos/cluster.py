"""A city's service of real processes on real servers, to be broken and put together again."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psycopg

from models.clock import DemoClock, system_clock
from models.database import Store
from tests.chaos.known_feed import LENGTH, START, FeedLine, written
from tests.chaos.proxy import Proxy
from tests.servers.key_value import KeyValueServer, installed_server
from tests.servers.postgres import NOT_DURABLE, PostgresServer, installed_programs
from tests.store.factories import prepared_store
from tests.workers.processes import environment

DISK = 96 * 1024 * 1024
"""What a city's store may take up, where a file system of its own can be mounted."""

_BEGINS_IN = 2.0
_PATIENCE = 1.5
_AGAIN_AFTER = 0.3
_ENDS_WITHIN = 10.0
_ROOT = Path(__file__).parents[2]


@dataclass
class Member:
    """A process of the service, which is started again whenever it ends."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    again_at: float = 0.0
    ended: list[int] = field(default_factory=list)
    clock: DemoClock | None = None
    once: list[str] = field(default_factory=list)
    """How it is to be started the next time only."""

    @property
    def pid(self) -> int | None:
        """Its process id, while it runs."""
        return self.process.pid if self.process and self.process.poll() is None else None


class City:
    """Two workers, two timekeepers and a feeder on a demo clock; `kind` is of the database."""

    def __init__(
        self, kind: str, lines: list[FeedLine], seconds: float, dice: random.Random
    ) -> None:
        self.kind = kind
        self.dice = dice
        # a socket's path has to be short
        self.folder = Path(tempfile.mkdtemp(prefix="hotline-chaos-", dir="/tmp"))
        self.home = self.folder / "home"
        self.home.mkdir()
        self.log = self.folder / "city.log"
        self.disk: Path | None = None
        if kind == "sqlite":
            self._mount(self.home)
        self.valkey = KeyValueServer(self.home / "valkey", installed_server())
        self.valkey.start()
        self.proxy = Proxy(self.folder / "proxy.sock", self.valkey.socket, dice)
        self.postgres: PostgresServer | None = None
        url = f"sqlite:///{self.home / 'hotline.db'}"
        if kind == "postgresql":
            url = self._start_postgres()
        self._prepared = prepared_store(url)
        self.store: Store = self._prepared.__enter__()
        self._environment = environment(self.home, url, self.proxy.url)
        speed = LENGTH.total_seconds() / seconds
        self.clock = DemoClock(system_clock(), START - timedelta(seconds=speed * _BEGINS_IN), speed)
        self._later: list[tuple[float, Callable[[], None]]] = []
        feed = str(written(lines, self.folder / "feed.jsonl"))
        patience = ["--patience", str(_PATIENCE)]
        self.members = [
            Member("worker 1", ["scripts", "worker"]),
            Member("worker 2", ["scripts", "worker"]),
            Member("timekeeper 1", ["scripts", "timekeeper", *patience]),
            Member("timekeeper 2", ["scripts", "timekeeper", *patience]),
            Member("feeder", ["tests.chaos.feed_process", feed]),
        ]

    def member(self, role: str) -> Member:
        """One of those with this role."""
        return self.dice.choice([m for m in self.members if m.name.startswith(role)])

    def look(self) -> None:
        """Start what is not running; undo what was to be undone by now."""
        now = time.monotonic()
        for due in [one for one in self._later if one[0] <= now]:
            self._later.remove(due)
            due[1]()
        for member in self.members:
            if member.process is not None and (code := member.process.poll()) is not None:
                member.process = None
                member.ended.append(code)
                done = member.name == "feeder" and code == 0
                member.again_at = float("inf") if done else now + _AGAIN_AFTER
            if member.process is None and now >= member.again_at:
                self._start(member)

    def later(self, seconds: float, undo: Callable[[], None]) -> None:
        """Have something done in so many seconds."""
        self._later.append((time.monotonic() + seconds, undo))

    @property
    def broken(self) -> bool:
        """Whether something is still to be undone."""
        return bool(self._later)

    @property
    def all_fed(self) -> bool:
        """Whether the feeder has brought its last message."""
        return 0 in self.member("feeder").ended

    def put_together(self) -> None:
        """Undo at once all that is still broken."""
        pending, self._later = self._later, []
        for _, undo in pending:
            undo()

    def end(self) -> list[str]:
        """Tell all processes to stop; returns those that did not within their time."""
        running = [m for m in self.members if m.pid]
        for member in running:
            assert member.process is not None
            member.process.terminate()
        until = time.monotonic() + _ENDS_WITHIN
        stubborn = []
        for member in running:
            assert member.process is not None
            try:
                member.process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                stubborn.append(member.name)
        return stubborn

    def close(self) -> None:
        """End everything and remove it."""
        for member in self.members:
            if member.pid and member.process:
                member.process.kill()
                member.process.wait()
        self._prepared.__exit__(None, None, None)
        self.proxy.close()
        self.valkey.stop()
        if self.disk is not None:
            # lazily: a server that still ends holds its files open, and they go with it
            subprocess.run(["umount", "--lazy", str(self.disk)], check=True)
        if self.postgres is not None:
            self.postgres.stop()
        shutil.rmtree(self.folder)

    def _start(self, member: Member) -> None:
        clock = str(member.clock or self.clock)
        how = [*member.once, *member.command[1:]] if member.once else member.command
        member.once = []
        command = [sys.executable, "-m", *how]
        parent = ["--parent", str(os.getpid())]
        command += [clock] if member.name == "feeder" else ["--clock", clock, *parent]
        with self.log.open("ab") as log:
            member.process = subprocess.Popen(
                command,
                env=self._environment,
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _start_postgres(self) -> str:
        self.postgres = PostgresServer(NOT_DURABLE, installed_programs())
        self.postgres.start()
        name = self.postgres.create()
        place = self.postgres.empty_folder()
        if self._mount(place):
            self.postgres.give(place)
            place.chmod(0o700)
            own = place / "tables"
            own.mkdir()
            self.postgres.give(own)
            with psycopg.connect(self.postgres.url(), autocommit=True) as connection:
                connection.execute(f"CREATE TABLESPACE small LOCATION '{own}'")
                connection.execute(f"ALTER DATABASE {name} SET TABLESPACE small")
        return self.postgres.url(name, "postgresql+psycopg")

    def _mount(self, folder: Path) -> bool:
        """Put a small file system on this folder, for a fault to fill; False if not allowed."""
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        )
        if made.returncode == 0:
            self.disk = folder
        return made.returncode == 0
