"""Log-ins that failed: who has to wait for the next one, and the lines of the access log."""

import asyncio
import logging
from collections.abc import Callable

from models.clock import Now
from models.database import Store
from models.operations.access_log import record_failed_log_ins
from models.serving.tries import FailedLogIns
from models.store_errors import is_transient

log = logging.getLogger("hotline.connections")


class TooManyTries(Exception):
    """Somebody has to wait so many `seconds` before the next try."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class LogInFailures:
    """The log-ins that failed at a server; `clock` gives seconds that only go forward."""

    def __init__(self, store: Store, now: Now, clock: Callable[[], float]) -> None:
        self._store, self._now, self._clock = store, now, clock
        self._failed = FailedLogIns()

    def pause(self, address: str) -> int:
        """Return the seconds for which an address has to wait, 0 where it may try."""
        return self._failed.pause(address, self._clock())

    def require_try(self, address: str) -> None:
        """Raise TooManyTries where too many log-ins have failed from an address."""
        if seconds := self.pause(address):
            raise TooManyTries(seconds)

    async def add(self, address: str) -> None:
        """Count one more log-in that failed."""
        self._failed.add(address, self._clock())
        await self.record()

    async def record(self, *, final: bool = False) -> None:
        """Log how many failed, at most once a minute unless it is the last time."""
        failures = self._failed.to_log(float("inf") if final else self._clock())
        if failures is not None:
            await asyncio.to_thread(recorded, lambda: self._write(*failures))

    def _write(self, addresses: list[str], count: int) -> None:
        with self._store.writing() as session:
            record_failed_log_ins(session, addresses, count, self._now())


def recorded(write: Callable[[], None]) -> None:
    """Write a line of the access log; an outage of the store is said in the service's log."""
    try:
        write()
    except Exception as error:
        if not is_transient(error):
            raise
        log.warning("the store cannot be reached: a log-in or its end is not logged")
