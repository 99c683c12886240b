"""The processes of a peer: its workers as its documentation starts them, and one producer."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from models.child_environment import environment_for_child
from models.i18n import N_
from scripts.bench.testbed import BenchFailed, Testbed

_BIN = Path(sys.executable).parent
_PEERS = "scripts.bench.peers"


@dataclass(frozen=True)
class Peer:
    """A peer: the package it needs, its producer, and the commands of its two workers."""

    name: str
    needs: str
    module: str
    workers: Sequence[Sequence[str]]
    later: str = ""
    """Its name for a job at a later time."""

    @property
    def installed(self) -> bool:
        """Return whether it can be measured."""
        return find_spec(self.needs) is not None


_PYTHON = (sys.executable, "-P", "-m")

PEERS = (
    Peer("plain Dramatiq, one SQLModel transaction a ticket", "dramatiq", "plain",
         [[str(_BIN / "dramatiq"), f"{_PEERS}.plain", "--processes", "2", "--threads", "8"]],
         "delay="),
    Peer("Celery", "celery", "celery_",
         [[str(_BIN / "celery"), "-A", f"{_PEERS}.celery_", "worker", "--concurrency", "2",
           "--loglevel", "WARNING"]]),
    Peer("procrastinate", "procrastinate", "procrastinate_",
         [[str(_BIN / "procrastinate"), f"--app={_PEERS}.procrastinate_.app", "worker",
           "--concurrency", "4", "--fetch-job-polling-interval", "0.1"]] * 2, "schedule_at"),
    Peer("DBOS", "dbos", "dbos_", [[*_PYTHON, f"{_PEERS}.dbos_", name] for name in ("a", "b")],
         "durable sleep"),
)  # fmt: skip
PLAIN = PEERS[0]
SWEEP = Peer(
    "a sweep with one transaction a ticket, as Zammad and GLPI do", "sqlmodel", "sweep", []
)


def select_peers(peers: Sequence[Peer], *, quick: bool) -> tuple[list[Peer], dict[str, str]]:
    """The peers that can be measured now, and the names of the others with the reason."""
    if quick:
        return [], {p.name: N_("left out by --quick") for p in peers}
    missing = {p.name: N_("not installed: make bench") for p in peers if not p.installed}
    return [p for p in peers if p.installed], missing


@dataclass
class PeerProcesses:
    """A running peer on a testbed's store; a context manager that ends its processes."""

    peer: Peer
    testbed: Testbed
    _processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        module = [*_PYTHON, f"{_PEERS}.{self.peer.module}"]
        self._producer = self._spawn(module, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            # It creates the tables that the workers need.
            self._hear("ready")
            for command in self.peer.workers:
                self._spawn(command)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_wrong: object) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def enqueue_file(self, kind: str, file: Path) -> None:
        """Enqueue a job for each line of a file, and wait until all are enqueued."""
        assert self._producer.stdin is not None
        self._producer.stdin.write(f"{kind} {file}\n")
        self._producer.stdin.flush()
        self._hear("done")

    def _hear(self, word: str) -> None:
        assert self._producer.stdout is not None
        for line in self._producer.stdout:
            if line.strip() == word:
                return
        raise BenchFailed(
            f"{self.peer.name} ended; see {self._log}:\n{self._log.read_text()[-2000:]}"
        )

    @property
    def _log(self) -> Path:
        return self.testbed.settings.home / f"{self.peer.module}.log"

    def _spawn(
        self, command: Sequence[str], stdin: int = subprocess.DEVNULL, stdout: int | None = None
    ) -> subprocess.Popen[str]:
        with self._log.open("a") as log:
            process = subprocess.Popen(
                command,
                env=environment_for_child(self.testbed.settings),
                stdin=stdin,
                stdout=log if stdout is None else stdout,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._processes.append(process)
        return process
