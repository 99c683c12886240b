"""Notice commits of other processes, so that the screen need not read to find out."""

from collections.abc import Callable
from threading import Event, Thread

from models.database import Store
from monitor.background import OUTAGES

ASK_EVERY = 0.05
"""Real seconds between two questions to the database; each takes a fraction of a millisecond."""

_RETRY_AFTER = 1.0


class ChangeSignal:
    """A thread that calls `on_commit` after each commit.

    While it cannot ask the database it is silent, and the screen is refreshed by its timer.
    """

    def __init__(self, store: Store, on_commit: Callable[[], None]) -> None:
        self._store = store
        self._on_commit = on_commit
        self._stop = Event()
        self._thread = Thread(target=self._run, name="hotline-change-signal", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(_RETRY_AFTER)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._watch()
            except OUTAGES:
                # the next refresh meets the outage as well, and shows it
                self._stop.wait(_RETRY_AFTER)

    def _watch(self) -> None:
        with self._store.change_signal() as ask:
            before = ask()
            # what was committed before this first question went unnoticed
            self._on_commit()
            while not self._stop.wait(ASK_EVERY):
                if (now := ask()) != before:
                    before = now
                    self._on_commit()
