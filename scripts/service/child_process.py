"""A process that is forked: it has at once what its parent has loaded.

Who forks has no threads and no open database, for locks and files would be copied as they stand.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import NoReturn

from setproctitle import setproctitle

from models.clock import monotonic
from scripts.cli import exit_code_of

_STOPPING = (signal.SIGTERM, signal.SIGINT)
_STEP = 0.02


class ForkedProcess:
    """A child of this process, until it has ended with `code`."""

    def __init__(self, name: str, run: Callable[[], int], log: Path | None = None) -> None:
        """Have a new process do `run` and end with what it returns; what it says goes into `log`.

        `name` is what it is called where processes are listed.
        """
        self.code: int | None = None
        sys.stdout.flush()
        sys.stderr.flush()
        # told to stop before it listens, it would act as this process does
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
        try:
            self.pid = os.fork()
            if self.pid == 0:
                _live(name, run, log)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def poll(self) -> int | None:
        """With what code it has ended, a signal as its negative; None while it runs."""
        if self.code is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def ends_by(self, until: float) -> bool:
        """Wait for its end until this moment of the monotonic clock; whether it has come."""
        while self.poll() is None:
            if monotonic() > until:
                return False
            sleep(_STEP)
        return True


def end(processes: list[ForkedProcess], within: float) -> None:
    """Tell all of them to stop, and end by force what still runs after so many seconds."""
    for process in processes:
        process.tell(signal.SIGTERM)
    until = monotonic() + within
    for process in processes:
        if not process.ends_by(until):
            process.tell(signal.SIGKILL)
            process.ends_by(float("inf"))


def _live(name: str, run: Callable[[], int], log: Path | None) -> NoReturn:
    code = 1
    try:
        for number in _STOPPING:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
        setproctitle(f"hotline {name}")
        if log is not None:
            with log.open("ab") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
        code = exit_code_of(run)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        # never back into what the parent was doing
        os._exit(code)
