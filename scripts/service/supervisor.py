"""Start the processes of `hotline up`, restart those that die, and stop them all.

The supervisor is a process of its own that loads the libraries once and forks the others: loading
takes longer than the rest of a start, and forked processes share the memory of what is loaded.
"""

import gc
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import sleep

from models.clock import monotonic
from models.i18n import _
from models.private_files import open_private
from models.settings import Settings
from scripts.service.child_process import ForkedProcess, stop_all
from scripts.service.processes import run_timekeeper_process, run_worker_process

_POLL_INTERVAL = 0.2
_STOP_TIMEOUT = 12.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
"""Seconds before a dead process is started again: doubled each time that it dies."""
_HEALTHY_AFTER = 60.0
"""A process that lived so many seconds is restarted after the first pause again."""
_LOG_BYTES = 20_000_000
_LOG_CHECK_INTERVAL = 60.0


@dataclass
class Child:
    """A process that the supervisor keeps running, and when to start it again."""

    name: str
    run: Callable[[], int]
    process: ForkedProcess | None = None
    restart_at: float = 0.0
    pause: float = _FIRST_PAUSE
    started_at: float = 0.0


@dataclass
class Supervisor:
    """Keeps its children running and their common log below a size.

    A log beyond `log_bytes` is emptied; its content is kept beside it until the next time.
    """

    log: Path
    report: Callable[[str], None]
    children: list[Child] = field(default_factory=list)
    log_bytes: int = _LOG_BYTES
    log_checked_at: float = 0.0

    def poll(self) -> None:
        """Start every child that does not run and whose pause is over."""
        for child in self.children:
            if child.process is not None and (code := child.process.poll()) is not None:
                self._plan_restart(child, code)
            if child.process is None and monotonic() >= child.restart_at:
                child.started_at = monotonic()
                child.process = ForkedProcess(child.name, child.run, self.log)
        if monotonic() >= self.log_checked_at:
            self.log_checked_at = monotonic() + _LOG_CHECK_INTERVAL
            self._rotate_log()

    def _plan_restart(self, child: Child, code: int) -> None:
        child.process = None
        text = _("{name} ended ({code}); restarting it")
        self.report(text.format(name=child.name, code=code))
        lived = monotonic() - child.started_at
        child.pause = _FIRST_PAUSE if lived > _HEALTHY_AFTER else child.pause
        child.restart_at = monotonic() + child.pause
        child.pause = min(child.pause * 2, _LONGEST_PAUSE)

    def _rotate_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > self.log_bytes:
            # copied, not renamed: the children hold it open and append
            kept = open_private(self.log.with_name(f"{self.log.name}.1"), os.O_WRONLY | os.O_TRUNC)
            with self.log.open("rb") as log, os.fdopen(kept, "wb") as copy:
                shutil.copyfileobj(log, copy)
            os.truncate(self.log, 0)

    def stop(self) -> None:
        """Ask every child to stop, wait, and kill those that do not."""
        running = [c.process for c in self.children if c.process is not None]
        stop_all(running, _STOP_TIMEOUT)


def run_supervisor(
    settings: Settings, clock: str, workers: int, report: Callable[[str], None], parent: int
) -> int:
    """Keep one timekeeper and `workers` workers running; returns the exit code.

    Ends on a stop signal, and when the process `parent` is gone.
    """
    # Ctrl-C reaches the whole process group; the parent stops its children in order
    os.setsid()
    signals: list[int] = []
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop_signal, lambda number, _frame: signals.append(number))
    # memory stays shared until somebody writes to it, which the collector would
    gc.freeze()
    own_pid = os.getpid()
    supervisor = Supervisor(settings.home / "service.log", report)
    timekeeper = partial(run_timekeeper_process, settings, clock=clock, parent=own_pid)
    supervisor.children.append(Child("timekeeper", timekeeper))
    for number in range(1, workers + 1):
        worker = partial(
            run_worker_process,
            settings,
            clock=clock,
            parent=own_pid,
            compares_letters=number == 1,
        )
        supervisor.children.append(Child(f"worker {number}", worker))
    while not signals and os.getppid() == parent:
        try:
            supervisor.poll()
        except OSError as error:
            # no memory for another process or no room on the disk: the next poll tries again
            report(str(error))
        sleep(_POLL_INTERVAL)
    supervisor.stop()
    return 0
