"""The processes of `hotline up`: forked from one that has loaded their libraries and watches them.

Loading them takes longer than all the rest of a start; forked, they also share the memory of it.
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
from models.settings import Settings
from scripts.service.child_process import ForkedProcess, end
from scripts.service.processes import run_timekeeper_process, run_worker_process

_LOOK_EVERY = 0.2
_END_WITHIN = 12.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
_WELL = 60.0
_LOG_LONG = 20_000_000
_LOG_EVERY = 60.0


@dataclass
class Child:
    """A process of the service: what it does, and what is known of how it fares."""

    name: str
    run: Callable[[], int]
    process: ForkedProcess | None = None
    again_at: float = 0.0
    pause: float = _FIRST_PAUSE
    began: float = 0.0


@dataclass
class Supervisor:
    """Starts processes, starts anew those that die and says so, and ends them all.

    Their log is begun anew beyond so many bytes, and what it held is kept until the next time.
    """

    log: Path
    say: Callable[[str], None]
    children: list[Child] = field(default_factory=list)
    log_long: int = _LOG_LONG
    log_at: float = 0.0

    def look(self) -> None:
        """Start what is not running; one that dies again and again is started ever more slowly."""
        for child in self.children:
            if child.process is not None and (code := child.process.poll()) is not None:
                child.process = None
                text = _("{name} ended ({code}); starting anew")
                self.say(text.format(name=child.name, code=code))
                lived = monotonic() - child.began
                child.pause = _FIRST_PAUSE if lived > _WELL else child.pause
                child.again_at = monotonic() + child.pause
                child.pause = min(child.pause * 2, _LONGEST_PAUSE)
            if child.process is None and monotonic() >= child.again_at:
                child.began = monotonic()
                child.process = ForkedProcess(child.name, child.run, self.log)
        if monotonic() >= self.log_at:
            self.log_at = monotonic() + _LOG_EVERY
            self._turn_log_over()

    def _turn_log_over(self) -> None:
        if self.log.exists() and self.log.stat().st_size > self.log_long:
            # copied and not moved away: those who write hold it open, and append
            shutil.copyfile(self.log, self.log.with_name(f"{self.log.name}.1"))
            os.truncate(self.log, 0)

    def end(self) -> None:
        """Tell every process to stop, wait, and end by force what does not."""
        end([m.process for m in self.children if m.process is not None], _END_WITHIN)


def run_supervisor(
    settings: Settings, clock: str, workers: int, say: Callable[[str], None], parent: int
) -> int:
    """A timekeeper and so many workers, until told to stop or the process `parent` is gone."""
    # Ctrl-C is for the parent, which then has all of them end in order
    os.setsid()
    told: list[int] = []
    for stopping in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stopping, lambda number, _frame: told.append(number))
    # what is loaded is shared as long as nobody writes to it, as the collector would
    gc.freeze()
    own = os.getpid()
    supervisor = Supervisor(settings.home / "service.log", say)
    keeper = partial(run_timekeeper_process, settings, clock=clock, parent=own)
    supervisor.children.append(Child("timekeeper", keeper))
    for number in range(1, workers + 1):
        worker = partial(run_worker_process, settings, clock=clock, parent=own)
        supervisor.children.append(Child(f"worker {number}", worker))
    while not told and os.getppid() == parent:
        try:
            supervisor.look()
        except OSError as wrong:
            # no memory for another process or no room on the disk just now; it is tried again
            say(str(wrong))
        sleep(_LOOK_EVERY)
    supervisor.end()
    return 0
