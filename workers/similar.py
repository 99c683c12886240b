"""Find similar letters (2.2.6) in workers that have nothing else to do."""

import logging
from datetime import date

from models.clock import Now
from models.database import Store
from models.operations.similar import add_bands, delete_old_bands, new_bands
from models.rules.similarity import WINDOW
from models.store_errors import is_transient, outage_reason

log = logging.getLogger("hotline.worker")

_QUIET_TURNS = 10
"""Turns without any bell before a scan; a flood of letters is never slowed down."""

_REST_TURNS = 50
"""Turns until the next scan where there was nothing new."""

_LETTERS_PER_SCAN = 40


class SimilarityScan:
    """Scans a few new letters, if the worker is idle; called at each turn of its main loop.

    A scan takes some hundredths of a second.
    """

    def __init__(self, store: Store, now: Now) -> None:
        self._store = store
        self._now = now
        self._after = 0
        self._done = -1
        self._turns_left = _QUIET_TURNS
        self._pruned_on: date | None = None

    def __call__(self, done: int, doing: str) -> None:
        """Scan, if the worker has not been `doing` anything for some turns.

        `done` is how much it has done: a short bell may begin and end between two turns.
        """
        if doing or done != self._done:
            self._done, self._turns_left = done, _QUIET_TURNS
        self._turns_left -= 1
        if self._turns_left > 0:
            return
        try:
            any_new = self._scan()
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("the store cannot be reached: %s", outage_reason(error))
            any_new = False
        self._turns_left = 0 if any_new else _REST_TURNS

    def _scan(self) -> bool:
        """Store what a few new letters are compared by; return whether there were any."""
        since = self._now() - WINDOW
        with self._store.reading() as session:
            bands = new_bands(session, since, _LETTERS_PER_SCAN, self._after)
        if bands.rows:
            with self._store.writing() as session:
                add_bands(session, bands.rows)
        # those that were left are looked at again after all others
        self._after = bands.last or 0
        if self._pruned_on != since.date():
            with self._store.writing() as session:
                delete_old_bands(session, since)
            self._pruned_on = since.date()
        return bands.last is not None
