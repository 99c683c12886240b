"""A service to be measured: a home, a store, and real processes of the `hotline` command."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Any, ClassVar, Self

import psycopg
from sqlalchemy import func, make_url, select

from models.child_environment import environment_for_child
from models.clock import DemoClock, Now, monotonic, system_clock
from models.database import Store
from models.errors import HotlineError
from models.operations.inbox import add_messages
from models.operations.notices.record import record_outcomes
from models.rules.queues import DELIVERY, QUEUES
from models.settings import Settings
from models.tables.core import NOTICE, PROCESS
from scripts.bootstrap import make_store
from tests.store.factories import advance_step_by_step

_START_WITHIN = 60.0

DECIDING = tuple(q for q in QUEUES if q != DELIVERY)
"""All queues but delivery: peers and limits stop at the commit of a ticket and its notices."""


class BenchFailed(HotlineError):
    """A measurement is invalid because the service did not do what it should."""


class Testbed:
    """A service on a new store; `stop` ends its processes."""

    __test__: ClassVar[bool] = False
    """Not a test, whatever pytest makes of its name."""
    start_seconds: ClassVar[float] = 4.0
    """Seconds that the processes took to start the last time."""

    def __init__(self, settings: Settings, *, profile: Path | None = None) -> None:
        self.settings = settings
        self.store: Store = make_store(settings)
        self._profile = profile
        self._processes: list[subprocess.Popen[bytes]] = []
        self._connection: psycopg.Connection[Any] | None = None
        self._role = "origin"

    @property
    def url(self) -> str:
        """The store's URL, for psycopg."""
        url = make_url(self.settings.store_url).set(drivername="postgresql")
        return url.render_as_string(hide_password=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_wrong: object) -> None:
        self.stop()
        self.store.close()
        if self._connection is not None:
            self._connection.close()

    def start(self, queues: Sequence[str] = QUEUES, *, workers: int = 2, clock: str = "") -> None:
        """Start workers and a timekeeper, and wait until each has reported."""
        more = ["--clock", clock] if clock else []
        roles = [["worker", "--queues", ",".join(queues), *more]] * workers + [
            ["timekeeper", *more]
        ]
        with self.store.writing() as session:
            session.execute(PROCESS.delete())
        began = monotonic()
        self._processes = [self._spawn(role) for role in roles]
        self.until(self._all_there, _START_WITHIN, "the workers and the timekeeper are there")
        Testbed.start_seconds = monotonic() - began
        if self._profile:
            for role, process in zip(roles, self._processes, strict=True):
                self._watch(process, self._profile / f"{self.settings.home.name}-{role[0]}")

    def start_before(self, moment: datetime, queues: Sequence[str] = QUEUES) -> DemoClock:
        """Start the processes so that all are running when their clock reaches this moment."""
        lead = timedelta(seconds=1 + 1.5 * Testbed.start_seconds)
        now = DemoClock(system_clock(), moment - lead, 1.0)
        self.start(queues, clock=str(now))
        if now() >= moment:
            raise BenchFailed(f"the processes took longer than {lead} to start")
        return now

    def stop(self) -> None:
        """End the processes in order."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def memory(self) -> float:
        """The memory of the processes, in MB."""
        import psutil

        held = [psutil.Process(p.pid).memory_info().rss for p in self._processes]
        return sum(held) / 1e6

    def _spawn(self, role: Sequence[str]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "scripts", *role]
        with (self.settings.home / "service.log").open("ab") as log:
            return subprocess.Popen(
                [*command, "--parent", str(os.getpid())],
                env=environment_for_child(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _watch(self, process: subprocess.Popen[bytes], name: Path) -> None:
        """Have py-spy sample a process until it ends, as stacks with their counts."""
        spy = Path(sys.executable).with_name("py-spy")
        if not spy.exists():
            raise BenchFailed("--profile needs py-spy: pip install 'hotline[bench]'")
        name.parent.mkdir(parents=True, exist_ok=True)
        file = f"{name}-{process.pid}.txt"
        with (self.settings.home / "service.log").open("ab") as log:
            subprocess.Popen(
                [str(spy), "record", "--format", "raw", "--rate", "100", "--threads",
                 "--output", file, "--pid", str(process.pid)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def _all_there(self) -> bool:
        with self.store.reading() as session:
            there = session.scalar(select(func.count()).select_from(PROCESS)) or 0
        return there == len(self._processes)

    def until(self, what: Callable[[], bool], seconds: float, why: str) -> None:
        """Wait for something to become true; raises BenchFailed when it does not in time."""
        end = monotonic() + seconds
        while not what():
            if any(p.poll() is not None for p in self._processes) or monotonic() > end:
                log = self.settings.home / "service.log"
                log_end = log.read_text()[-2000:] if log.exists() else ""
                raise BenchFailed(f"not within {seconds:.0f} s: {why}\n{log_end}")
            sleep(0.02)

    def sql(
        self, statement: str, parameters: Sequence[Any] = (), *, triggers: bool = True
    ) -> list[Any]:
        """Run one statement by itself and return its rows, if it has any.

        Without `triggers`, foreign keys are not checked row by row: for copies of what was.
        """
        if self._connection is None:
            self._connection = psycopg.connect(self.url, autocommit=True)
        role = "origin" if triggers else "replica"
        if role != self._role:
            self._connection.execute(f"SET session_replication_role = {role}".encode())
            self._role = role
        cursor = self._connection.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []

    def settle(self) -> None:
        """Leave the store as after a quiet hour: notices sent, statistics fresh, vacuumed."""
        self.sql("UPDATE notice SET state = 'sent', sent_at = queued_at WHERE state = 'queued'")
        self.sql("VACUUM (ANALYZE)")
        self.sql("CHECKPOINT")

    def play(self, messages: Sequence[dict[str, Any]], now: Now) -> None:
        """Process the tickets' messages up to `now` as the service does, and send the notices."""
        with self.store.writing() as session:
            add_messages(session, "bench", messages, now())
        numbers = sorted({m["ticket"] for m in messages})
        with self.store.writing() as session:
            advance_step_by_step(session, numbers, now())
        self.send_notices(now())

    def send_notices(self, now: datetime) -> None:
        """Record that a channel has taken the notices that wait."""
        with self.store.writing() as session:
            queued = list(session.scalars(select(NOTICE.c.id).where(NOTICE.c.state == "queued")))
            record_outcomes(session, dict.fromkeys(queued), "bench", now)

    def tickets(self, **columns: Any) -> int:
        """The number of tickets with these values."""
        where = " AND ".join(f"{name} = %s" for name in columns) or "true"
        rows = self.sql(f"SELECT count(*) FROM ticket WHERE {where}", list(columns.values()))
        return int(rows[0][0])

    @property
    def log(self) -> Path:
        """The log of the processes."""
        return self.settings.home / "service.log"
