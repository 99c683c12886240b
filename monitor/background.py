"""What must not hold up a look is done aside, in threads that nobody waits for at the end."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from threading import Event, Thread
from typing import Generic, TypeVar

from models.clock import Now, monotonic
from models.database import Session, Store, StoreError
from models.errors import HotlineError

T = TypeVar("T")

_LAMP_EVERY, _LAMP_WAITS = 1.0, 0.02
"""Real seconds between two questions to the broker, and how long a look waits for an answer."""

_CHEAP = 0.03
"""Real seconds that a part of a look may cost; what costs more is read aside."""

_PATIENT = 1.0
"""Real seconds that a first look waits for what may be left blank."""

_REST = 4
"""How many times as long as it took something dear is left alone."""

OUTAGES = (StoreError, OSError, HotlineError)
"""What a store can fail with while nothing is wrong with the monitor."""


class CachedRead(Generic[T]):
    """Something that costs much or changes slowly: read aside, and only now and then.

    While it is cheap and no time is given it is read with everything else, of the same moment.
    Else the first look waits for it, and every later one gets what was read last; what is newer is
    read aside after a rest, and `landed` told when it is there. With `blank` given not even the
    first look waits for more than a moment.
    """

    def __init__(
        self,
        store: Store,
        now: Now,
        landed: Callable[[], None],
        read: Callable[[Session, datetime], T],
        seconds: float = 0.0,
        blank: T | None = None,
    ) -> None:
        self._store = store
        self._now = now
        self._tell = landed
        self._read = read
        self._seconds = seconds
        self._kept = blank
        self._is_blank = blank is not None
        self._cost = 0.0
        self._again_at = 0.0
        self._has_landed = False
        self._thread: Thread | None = None
        self._failed: BaseException | None = None

    def get(self, session: Session, now: datetime) -> T:
        """What is there now, or was a short while ago; raises what the last reading met."""
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed
        is_cheap = self._cost < _CHEAP and not self._seconds
        if self._kept is None or is_cheap:
            return self._measured(session, now)
        if self._has_landed:
            # this look is for what has just been read: it asks for nothing newer
            self._has_landed = False
        elif self._thread is None or not self._thread.is_alive():
            self._thread = Thread(target=self._aside, daemon=True, name="hotline-aside")
            self._thread.start()
            if self._is_blank:
                self._thread.join(_PATIENT)
        return self._kept

    def _measured(self, session: Session, now: datetime) -> T:
        begun = monotonic()
        found = self._kept = self._read(session, now)
        self._is_blank = False
        self._cost = monotonic() - begun
        self._again_at = monotonic() + max(self._seconds, _REST * self._cost)
        return found

    def _aside(self) -> None:
        Event().wait(max(0.0, self._again_at - monotonic()))
        try:
            with self._store.reading() as session:
                self._measured(session, self._now())
        except OUTAGES as wrong:
            self._failed = wrong
        else:
            self._has_landed = True
        self._tell()


class BrokerProbe:
    """Whether the broker answers, asked aside: one that hangs must not hold up a look."""

    def __init__(self, ask: Callable[[], bool] | None) -> None:
        self._ask = ask
        self._lit: bool | None = None
        self._thread: Thread | None = None
        self._again_at = 0.0

    def get(self) -> bool | None:
        """What was answered last; None before the first answer, or where nobody can be asked."""
        if self._ask is None:
            return None
        if self._thread is None or (not self._thread.is_alive() and monotonic() >= self._again_at):
            self._again_at = monotonic() + _LAMP_EVERY
            self._thread = Thread(target=self._look, args=(self._ask,), daemon=True)
            self._thread.start()
            self._thread.join(_LAMP_WAITS)
        elif self._thread.is_alive() and monotonic() >= self._again_at + _LAMP_EVERY:
            self._lit = False
        return self._lit

    def _look(self, ask: Callable[[], bool]) -> None:
        self._lit = ask()


async def in_background_thread(work: Callable[[], T]) -> T:
    """Do the work in a thread that nobody waits for at the end.

    The threads of an executor are joined when the program ends: with a database that does not
    answer, the operator's `q` would hang.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, wrong: BaseException | None) -> None:
        if future.cancelled():
            return
        if wrong is not None:
            future.set_exception(wrong)
        else:
            future.set_result(value)  # type: ignore[arg-type]

    def run() -> None:
        value, failed = None, None
        try:
            value = work()
        except BaseException as wrong:
            failed = wrong
        # the loop may have been closed while the work was done
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, value, failed)

    Thread(target=run, daemon=True, name="hotline-read").start()
    return await future
