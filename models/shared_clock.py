"""One clock for all hosts: the database's, counted on by each between two looks at it."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import func, select

from models.clock import Now, monotonic, system_clock
from models.database import Store, is_transient

log = logging.getLogger("hotline.clock")

READ_INTERVAL = 10.0
"""Real seconds between two looks; in between, a host's own clock may be set as it likes."""

_JUMP = timedelta(seconds=1)


class SharedClock:
    """The present as `read` has it; a clock that is set forward or back is told in the log.

    While `read` fails because the store is away, time goes on from what it said last.
    """

    def __init__(self, read: Now) -> None:
        self._read = read
        self._seen: tuple[datetime, float] | None = None
        self._again_at = 0.0

    def __call__(self) -> datetime:
        """The present, UTC; raises the store's error where it could never be reached."""
        before = monotonic()
        if self._seen is None or before >= self._again_at:
            # set first, so that of several threads one looks and the others count on
            self._again_at = before + READ_INTERVAL
            self._look(before)
        assert self._seen is not None
        instant, at = self._seen
        return instant + timedelta(seconds=monotonic() - at)

    def _look(self, before: float) -> None:
        try:
            instant = self._read()
        except Exception as wrong:
            if self._seen is None or not is_transient(wrong):
                raise
            return
        # what was read is of some moment between the question and the answer
        at = (before + monotonic()) / 2
        if self._seen is not None:
            jump = instant - self._seen[0] - timedelta(seconds=at - self._seen[1])
            if abs(jump) > _JUMP:
                log.warning("the clock jumped by %+.1f s", jump.total_seconds())
        self._seen = (instant, at)


def store_clock(store: Store) -> SharedClock:
    """The clock that all processes on this store go by: PostgreSQL's, or the one host's own."""
    if store.url.startswith("sqlite"):
        return SharedClock(system_clock)
    return SharedClock(lambda: _ask(store))


def _ask(store: Store) -> datetime:
    with store.reading() as session:
        now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now
