"""The end of a process: on a signal, in order if that is possible, and in time in any case."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence

from models.clock import monotonic

log = logging.getLogger("hotline.main")

_END_WITHIN = 9.0
"""Real seconds in which a process ends in order."""

_EXIT_AFTER = 9.8
"""Real seconds after which it ends as it stands: a supervisor kills it after ten."""


def stop_on_signals(parent: int | None) -> threading.Event:
    """Return an event that is set by SIGTERM or SIGINT, or when the process `parent` is gone.

    A process that is held up where it cannot see the event, as by a store that hangs, exits a
    little later: a transaction that is open is rolled back.
    """
    stop = threading.Event()
    forced_exit = threading.Timer(_EXIT_AFTER, _exit_now)
    forced_exit.daemon = True

    def halt() -> None:
        if not stop.is_set():
            stop.set()
            forced_exit.start()

    def on_signal(number: int, _frame: object) -> None:
        log.info("told to stop (%s)", signal.Signals(number).name)
        halt()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    if parent is not None:
        threading.Thread(target=_watch_parent, args=(parent, stop, halt), daemon=True).start()
    return stop


def end_together(tasks: Sequence[Callable[[], None]]) -> None:
    """Run these last tasks at the same time, and wait for them no longer than nine seconds.

    A broker or a store that hangs would otherwise keep the process for ever.
    """
    threads = [threading.Thread(target=task, daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    until = monotonic() + _END_WITHIN
    for thread in threads:
        thread.join(max(0.0, until - monotonic()))
    if any(thread.is_alive() for thread in threads):
        log.warning("not everything could be ended in order; its rows are rung for again")


def _exit_now() -> None:
    log.warning("could not end in order; what was under way is rung for again")
    os._exit(1)


def _watch_parent(parent: int, stop: threading.Event, halt: Callable[[], None]) -> None:
    # a killed supervisor must not leave workers behind that nobody restarts or ends
    while not stop.wait(0.5):
        if os.getppid() != parent:
            log.warning("the supervisor is gone")
            halt()
