"""Decide when the store is read: one read at a time, with pauses between."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from models.clock import monotonic

_LONGEST_BACKOFF = 60.0
_SHORTEST_REST = 0.1
"""Real seconds from one read to the next, however much is committed; three reads' time if more."""


class RefreshLoop:
    """Calls `read` at once when asked, soon after a commit, and every so many real seconds.

    It tells `read` whether it was asked.
    With `every` None it reads only when asked or after a commit. While `paused` it reads only
    when asked. In an outage it waits 1, 2, 4 … 60 seconds; `outages` counts the reads that failed
    when they were due. What keys ask for meanwhile is tried at once, and delays nothing.
    """

    def __init__(
        self,
        read: Callable[[bool], Awaitable[None]],
        every: float | None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._read = read
        self._clock = clock
        self._retry_at = 0.0
        self.every = every
        self.paused = False
        self.outages = 0
        self._wake = asyncio.Event()
        self._requested = True
        self._event_loop: asyncio.AbstractEventLoop | None = None

    def read_now(self) -> None:
        """Read at once, or as soon as the read under way has ended."""
        self._requested = True
        self._wake.set()

    def note_commit(self) -> None:
        """Read soon: somebody has committed something. May be called from any thread."""
        if self._event_loop is not None:
            # the loop may have been closed meanwhile
            with suppress(RuntimeError):
                self._event_loop.call_soon_threadsafe(self._wake.set)

    def note_outage(self) -> None:
        """Wait for the store, longer after each read that failed when it was due."""
        now = self._clock()
        if now >= self._retry_at:
            self.outages += 1
            self._retry_at = now + min(_LONGEST_BACKOFF, 2.0 ** (self.outages - 1))

    def note_return(self) -> None:
        """Read as usual again: the store answers."""
        self.outages, self._retry_at = 0, 0.0

    @property
    def seconds_to_next(self) -> float | None:
        """Real seconds to the next read if nothing happens, or None for no such read."""
        return max(0.0, self._retry_at - self._clock()) if self.outages else self.every

    async def run(self) -> None:
        """Read and wait, until the task is cancelled."""
        self._event_loop = asyncio.get_running_loop()
        while True:
            requested, self._requested = self._requested, False
            self._wake.clear()
            started = self._clock()
            if requested or not self.paused:
                await self._read(requested)
            # a read that failed may have waited long for an answer: the next has its own time
            cost = 0.0 if self.outages else self._clock() - started
            rest = max(_SHORTEST_REST, 3 * cost)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self.seconds_to_next)
            await self._rest_until(started + rest)

    async def _rest_until(self, end: float) -> None:
        """Let commits gather; only an operator's request cuts the rest short."""
        while not self._requested and (seconds := end - self._clock()) > 0:
            self._wake.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), seconds)
