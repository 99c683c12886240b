"""A worker with nothing else to do looks which new letters are about one matter (2.2.6)."""

import logging
from datetime import date

from models.clock import Now
from models.database import Store, is_transient
from models.rules.similarity import WINDOW

log = logging.getLogger("hotline.worker")

_QUIET = 10
"""Turns without any bell before a look; a flood of letters is never slowed down."""

_REST = 50
"""Turns until the next look where there was nothing new."""

_AT_ONCE = 40


class SimilarityScan:
    """Called at each turn of a worker's main loop; a look takes some hundredths of a second."""

    def __init__(self, store: Store, now: Now) -> None:
        self._store = store
        self._now = now
        self._done = -1
        self._wait = _QUIET
        self._tidied_on: date | None = None

    def __call__(self, done: int) -> None:
        """Look at a few letters, if `done`, what the worker has done, has been the same a while."""
        if done != self._done:
            self._done, self._wait = done, _QUIET
        self._wait -= 1
        if self._wait > 0:
            return
        try:
            found = self._look()
        except Exception as wrong:
            if not is_transient(wrong):
                raise
            log.warning("the store cannot be reached (%s)", type(wrong).__name__)
            found = False
        self._wait = 0 if found else _REST

    def _look(self) -> bool:
        # the library behind it takes a second to import: not before there is time for it
        from models.operations.similar import add_bands, delete_old_bands, new_bands  # noqa: PLC0415

        since = self._now() - WINDOW
        with self._store.reading() as session:
            bands = new_bands(session, since, _AT_ONCE)
        if bands:
            with self._store.writing() as session:
                add_bands(session, bands)
        if self._tidied_on != since.date():
            with self._store.writing() as session:
                delete_old_bands(session, since)
            self._tidied_on = since.date()
        return bool(bands)
