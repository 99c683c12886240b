"""One clock for all hosts: the database's, read now and then and extrapolated in between.

The service of a demo runs on a clock of its own, which lies beside the demo's database.
"""

import logging
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from models.clock import DemoClock, Now, monotonic, parse_clock, system_clock
from models.database import Store, sqlite_file
from models.private_files import write_private
from models.store_errors import is_transient

log = logging.getLogger("hotline.clock")

READ_INTERVAL = 10.0
"""Real seconds between two readings; in between, changes of a host's own clock do not matter."""

_JUMP = timedelta(seconds=1)


class SharedClock:
    """Gives the time that `read` returns, read every few seconds; logs when that clock jumps.

    While `read` fails because the store is away, time goes on from its last answer.
    """

    def __init__(self, read: Now) -> None:
        self._read = read
        self._last: tuple[datetime, float] | None = None
        self._again_at = 0.0

    def __call__(self) -> datetime:
        """Return the present, UTC; raises the store's error if it has never been reached."""
        before = monotonic()
        if self._last is None or before >= self._again_at:
            # set first, so that of several threads one reads and the others extrapolate
            self._again_at = before + READ_INTERVAL
            self._update(before)
        assert self._last is not None
        instant, at = self._last
        return instant + timedelta(seconds=monotonic() - at)

    def _update(self, before: float) -> None:
        try:
            instant = self._read()
        except Exception as error:
            if self._last is None or not is_transient(error):
                raise
            return
        # the answer was true at some moment between the question and its return
        at = (before + monotonic()) / 2
        if self._last is not None:
            jump = instant - self._last[0] - timedelta(seconds=at - self._last[1])
            if abs(jump) > _JUMP:
                log.warning("the clock jumped by %+.1f s", jump.total_seconds())
        self._last = (instant, at)


def service_clock(store: Store) -> Now:
    """Return the clock that the service on this store runs on: its demo's, else the shared one.

    Raises InvalidClock.
    """
    path = _demo_clock_path(store)
    if path is None or not path.exists():
        return store_clock(store)
    return parse_clock(path.read_text("ascii"))


def note_demo_clock(store: Store, clock: DemoClock) -> None:
    """Tell every process that opens the demo's store, at any time, which clock its service has."""
    if (path := _demo_clock_path(store)) is not None:
        write_private(path, str(clock).encode("ascii"))


def _demo_clock_path(store: Store) -> Path | None:
    file = sqlite_file(store.url)
    return None if file is None else file.with_name("demo-clock")


def store_clock(store: Store) -> SharedClock:
    """Return the real time that all processes on this store share: PostgreSQL's, or the host's."""
    if store.url.startswith("sqlite"):
        return SharedClock(system_clock)
    return SharedClock(lambda: _database_time(store))


def _database_time(store: Store) -> datetime:
    with store.reading() as session:
        now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now
