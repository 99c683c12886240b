"""Log-ins: who may begin a session, when sessions end, and what is written down of it."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import nullcontext

from models.clock import Now
from models.database import Store
from models.errors import describe_safely
from models.security.tokens import TokenRefused
from models.serving.log_in_failures import LogInFailures, TooManyTries, recorded
from models.serving.tries import Tries
from monitor.serve.records import LogInRecords
from monitor.serve.sessions import Session, Sessions

log = logging.getLogger("hotline.monitor")

_CHECK_INTERVAL = 2.0


class LogIns:
    """The log-ins of a server; `now` is the clock by which tokens end.

    `clock` gives seconds that only go forward; without `idle_ends` no session ends for want of use.
    """

    def __init__(
        self, store: Store, now: Now, clock: Callable[[], float], *, idle_ends: bool
    ) -> None:
        self.sessions = Sessions(clock, idle_ends=idle_ends)
        self._records = LogInRecords(store, now)
        self._clock = clock
        self._failures = LogInFailures(store, now, clock)
        self._of_person = Tries()
        # all addresses that must wait share one look at the store at a time
        self._suspects = asyncio.Lock()

    async def begin(self, token: str, address: str) -> str:
        """Begin the session of whoever has this token; returns the secret of its cookie.

        After too many failures from an address, others that fail there are put off, one at a time.
        Whoever has a token logs in all the same: behind a tunnel everybody has one address, and
        nobody guesses 32 random bytes. Raises TooManyTries, TokenRefused, and the store's error
        where it cannot be reached.
        """
        seconds = self._failures.pause(address)
        try:
            async with self._suspects if seconds else nullcontext():
                holder = await asyncio.to_thread(self._records.find, token)
        except TokenRefused:
            if seconds:
                raise TooManyTries(seconds) from None
            await self._failures.add(address)
            raise
        # each is a line of the access log, also of somebody who has a token
        if seconds := self._of_person.pause(holder.name, self._clock()):
            raise TooManyTries(seconds)
        self._of_person.add(holder.name, self._clock())
        await asyncio.to_thread(self._records.begin, holder, address)
        return self.sessions.begin(holder, token, address)

    async def end(self, session: Session) -> None:
        """End a session and its tabs, and log it."""
        if self.sessions.end(session):
            await asyncio.to_thread(
                recorded, lambda: self._records.end(session.holder, session.address)
            )

    async def keep_checking(self) -> None:
        """End sessions whose time is over, or whose token is no longer valid, until cancelled."""
        while True:
            await asyncio.sleep(_CHECK_INTERVAL)
            try:
                for session in self.sessions.over():
                    await self.end(session)
                await self.record_failures()
                holders = {session.holder for session in self.sessions}
                valid = await asyncio.to_thread(self._records.still_valid, holders)
                for session in self.sessions:
                    if session.holder in holders - valid:
                        await self.end(session)
            except Exception as error:
                # nothing may end this: it is what ends everything else
                log.error("log-ins cannot be checked: %s", describe_safely(error))

    async def record_failures(self, *, final: bool = False) -> None:
        """Log how many log-ins failed, at most once a minute unless it is the last time."""
        await self._failures.record(final=final)
