"""The service as several real processes on real servers, for faults to break and repair."""

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
from tests.chaos.known_feed import LENGTH, START, FeedLine, write_feed
from tests.chaos.proxy import Proxy
from tests.servers.key_value import KeyValueServer, installed_server
from tests.servers.postgres import NOT_DURABLE, PostgresServer, installed_programs
from tests.store.factories import prepared_store
from tests.workers.processes import environment

DISK = 96 * 1024 * 1024
"""The size of the store's file system in bytes, where one can be mounted."""

_BEGINS_IN = 2.0
_PATIENCE = 1.5
_AGAIN_AFTER = 0.3
_ENDS_WITHIN = 10.0
_ROOT = Path(__file__).parents[2]


@dataclass
class ServiceProcess:
    """A process of the service that is restarted whenever it ends."""

    name: str
    command: list[str]
    popen: subprocess.Popen[bytes] | None = None
    again_at: float = 0.0
    ended: list[int] = field(default_factory=list)
    clock: DemoClock | None = None
    once: list[str] = field(default_factory=list)
    """The start of the command line for the next start only."""

    @property
    def pid(self) -> int | None:
        """The process id, or None while it is not running."""
        return self.popen.pid if self.popen and self.popen.poll() is None else None


class Cluster:
    """Two workers, two timekeepers and a feeder on a demo clock; `kind` names the database."""

    def __init__(
        self, kind: str, lines: list[FeedLine], seconds: float, rng: random.Random
    ) -> None:
        self.kind = kind
        self.rng = rng
        # A socket's path has to be short.
        self.folder = Path(tempfile.mkdtemp(prefix="hotline-chaos-", dir="/tmp"))
        self.home = self.folder / "home"
        self.home.mkdir(mode=0o700)
        self.log = self.folder / "city.log"
        self.disk: Path | None = None
        if kind == "sqlite":
            self._mount(self.home)
        self.valkey = KeyValueServer(self.home / "valkey", installed_server())
        self.valkey.start()
        self.proxy = Proxy(self.folder / "proxy.sock", self.valkey.socket, rng)
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
        feed = str(write_feed(lines, self.folder / "feed.jsonl"))
        patience = ["--patience", str(_PATIENCE)]
        self.processes = [
            ServiceProcess("worker 1", ["scripts", "worker"]),
            ServiceProcess("worker 2", ["scripts", "worker"]),
            ServiceProcess("timekeeper 1", ["scripts", "timekeeper", *patience]),
            ServiceProcess("timekeeper 2", ["scripts", "timekeeper", *patience]),
            ServiceProcess("feeder", ["tests.chaos.feed_process", feed]),
        ]

    def process(self, role: str) -> ServiceProcess:
        """A random process with this role."""
        return self.rng.choice([m for m in self.processes if m.name.startswith(role)])

    def step(self) -> None:
        """Restart processes that have ended, and undo the faults whose time is over."""
        now = time.monotonic()
        for due in [entry for entry in self._later if entry[0] <= now]:
            self._later.remove(due)
            due[1]()
        for process in self.processes:
            if process.popen is not None and (code := process.popen.poll()) is not None:
                process.popen = None
                process.ended.append(code)
                done = process.name == "feeder" and code == 0
                process.again_at = float("inf") if done else now + _AGAIN_AFTER
            if process.popen is None and now >= process.again_at:
                self._start(process)

    def undo_later(self, seconds: float, undo: Callable[[], None]) -> None:
        """Undo a fault after this many seconds."""
        self._later.append((time.monotonic() + seconds, undo))

    @property
    def has_faults(self) -> bool:
        """Return whether a fault has not been undone yet."""
        return bool(self._later)

    @property
    def all_fed(self) -> bool:
        """Return whether the feeder has put in its last message."""
        return 0 in self.process("feeder").ended

    def undo_faults(self) -> None:
        """Undo all faults at once."""
        pending, self._later = self._later, []
        for _, undo in pending:
            undo()

    def end(self) -> list[str]:
        """Terminate all processes; returns the names of those that did not end in time."""
        running = [m for m in self.processes if m.pid]
        for process in running:
            assert process.popen is not None
            process.popen.terminate()
        until = time.monotonic() + _ENDS_WITHIN
        unresponsive = []
        for process in running:
            assert process.popen is not None
            try:
                process.popen.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                unresponsive.append(process.name)
        return unresponsive

    def close(self) -> None:
        """End all processes and servers, and remove the folder."""
        for process in self.processes:
            if process.pid and process.popen:
                process.popen.kill()
                process.popen.wait()
        self._prepared.__exit__(None, None, None)
        self.proxy.close()
        self.valkey.stop()
        if self.disk is not None:
            # Lazily: a server that is still ending holds its files open.
            subprocess.run(["umount", "--lazy", str(self.disk)], check=True)
        if self.postgres is not None:
            self.postgres.stop()
        shutil.rmtree(self.folder)

    def _start(self, process: ServiceProcess) -> None:
        clock = str(process.clock or self.clock)
        how = [*process.once, *process.command[1:]] if process.once else process.command
        process.once = []
        command = [sys.executable, "-m", *how]
        parent = ["--parent", str(os.getpid())]
        command += [clock] if process.name == "feeder" else ["--clock", clock, *parent]
        with self.log.open("ab") as log:
            process.popen = subprocess.Popen(
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
            tables = place / "tables"
            tables.mkdir()
            self.postgres.give(tables)
            with psycopg.connect(self.postgres.url(), autocommit=True) as connection:
                connection.execute(f"CREATE TABLESPACE small LOCATION '{tables}'")
                connection.execute(f"ALTER DATABASE {name} SET TABLESPACE small")
        return self.postgres.url(name, "postgresql+psycopg")

    def _mount(self, folder: Path) -> bool:
        """Mount a small file system here, for a fault to fill; False if that is not allowed."""
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=700", "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        )
        if made.returncode == 0:
            self.disk = folder
        return made.returncode == 0
