"""Feels whether anything has been committed, so that the screen need not look to find out."""

from collections.abc import Callable
from threading import Event, Thread

from models.database import Store
from monitor.background import OUTAGES

FEEL_EVERY = 0.05
"""Real seconds between two questions to the database; each takes a fraction of a millisecond."""

_AGAIN_AFTER = 1.0


class ChangeSignal:
    """A thread that tells of commits; while it cannot ask, the screen looks by its own clock."""

    def __init__(self, store: Store, changed: Callable[[], None]) -> None:
        self._store = store
        self._changed = changed
        self._stop = Event()
        self._thread = Thread(target=self._run, name="hotline-pulse", daemon=True)

    def start(self) -> None:
        """Begin to feel."""
        self._thread.start()

    def stop(self) -> None:
        """Feel no longer."""
        self._stop.set()
        self._thread.join(_AGAIN_AFTER)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._feel()
            except OUTAGES:
                # the screen notices by itself, and says so
                self._stop.wait(_AGAIN_AFTER)

    def _feel(self) -> None:
        with self._store.change_signal() as ask:
            before = ask()
            # what was committed before this first question has not been felt
            self._changed()
            while not self._stop.wait(FEEL_EVERY):
                if (now := ask()) != before:
                    before = now
                    self._changed()
