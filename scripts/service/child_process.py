"""Fork a child process, which starts with everything that its parent has loaded.

The parent must have no threads and no open database: locks and files would be copied as they are.

This is not `multiprocessing`: its processes take signals between the fork and their first line,
keep the parent's output, and are waited for without a limit when the parent ends.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import NoReturn

from setproctitle import setproctitle

from models.clock import monotonic
from models.private_files import open_private
from scripts.exit_codes import exit_code_of

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_POLL_INTERVAL = 0.02
_PR_SET_PDEATHSIG = 1


class ForkedProcess:
    """A child of this process; `code` is its exit code once it has ended."""

    def __init__(self, name: str, run: Callable[[], int | None], log: Path | None = None) -> None:
        """Fork a process that calls `run` and exits with what it returns.

        `name` is shown in process lists. Output goes to the end of `log` if that is given.
        """
        self.code: int | None = None
        sys.stdout.flush()
        sys.stderr.flush()
        # a signal that came before the child resets its handlers would run the parent's
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            self.pid = os.fork()
            if self.pid == 0:
                _run_child(name, run, log)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def poll(self) -> int | None:
        """The exit code, minus the signal's number if one ended it; None while it runs."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait_until(self, deadline: float) -> bool:
        """Wait until it ends or the monotonic clock is there; return whether it ended."""
        while self.poll() is None:
            if monotonic() > deadline:
                return False
            sleep(_POLL_INTERVAL)
        return True


def stop_all(processes: list[ForkedProcess], timeout: float) -> None:
    """Ask all processes to stop, and kill those that still run after `timeout` seconds."""
    for process in processes:
        process.send_signal(signal.SIGTERM)
    deadline = monotonic() + timeout
    for process in processes:
        if not process.wait_until(deadline):
            process.send_signal(signal.SIGKILL)
            process.wait_until(float("inf"))


def end_with_parent(parent: int, number: signal.Signals) -> None:
    """Have this process, a child of `parent`, sent a signal when that ends, however it ends.

    On Linux; elsewhere nothing is sent.
    """
    if (prctl := getattr(ctypes.CDLL(None), "prctl", None)) is not None:
        prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        # it has ended before
        os.kill(os.getpid(), number)


def _run_child(name: str, run: Callable[[], int | None], log: Path | None) -> NoReturn:
    code = 1
    try:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        setproctitle(f"hotline {name}")
        if log is not None:
            file = open_private(log, os.O_WRONLY | os.O_APPEND)
            os.dup2(file, 1)
            os.dup2(file, 2)
            os.close(file)
        code = exit_code_of(run)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        # the child must never return into the parent's code
        os._exit(code)
