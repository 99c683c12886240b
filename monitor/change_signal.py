"""Notice commits of other processes, so that the screen need not read to find out."""

from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread

from models.database import Store
from monitor.background import OUTAGES

ASK_EVERY = 0.1
"""Real seconds between two questions to the database; each takes a fraction of a millisecond."""

_RETRY_AFTER = 1.0


class ChangeSignal:
    """A thread that calls `on_commit` after each commit.

    While it cannot ask the database it is silent, and the screen is refreshed by its timer.
    """

    _ask: Callable[[], object] | None = None
    _watches = 0

    def __init__(self, store: Store, on_commit: Callable[[], None]) -> None:
        self._store = store
        self._on_commit = on_commit
        self._asking = Lock()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="hotline-change-signal", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, if it has begun."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_RETRY_AFTER)

    def mark(self) -> object | None:
        """Return a value that differs once something has been committed; None if nobody can tell.

        May be called from any thread.
        """
        with self._asking:
            if self._ask is None:
                return None
            try:
                return self._watches, self._ask()
            except OUTAGES:
                # the next refresh meets the outage as well, and shows it
                self._ask = None
                return None

    def _run(self) -> None:
        while not self._stop.is_set():
            with suppress(*OUTAGES):
                self._watch()
            self._stop.wait(_RETRY_AFTER)

    def _watch(self) -> None:
        with self._store.change_signal() as ask:
            with self._asking:
                self._ask, self._watches = ask, self._watches + 1
            try:
                before = None
                # what was committed before the first question went unnoticed
                while (now := self.mark()) is not None and not self._stop.is_set():
                    if now != before:
                        before = now
                        self._on_commit()
                    self._stop.wait(ASK_EVERY)
            finally:
                with self._asking:
                    self._ask = None
