"""Run slow reads in daemon threads, so that a refresh never waits for them."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from threading import Event, Lock, Thread
from typing import Generic, TypeVar

from models.clock import Now, monotonic
from models.database import Session, Store
from models.errors import HotlineError
from models.store_errors import StoreError

T = TypeVar("T")

_PROBE_EVERY, _PROBE_WAIT = 1.0, 0.02
"""Real seconds between two questions to the broker, and how long a read waits for an answer."""

_CHEAP = 0.03
"""Real seconds that a part of a read may cost; what costs more is read in the background."""

_FIRST_WAIT = 1.0
"""Real seconds that the first read waits for a value that may be left blank."""

_REST = 4
"""An expensive value is read again after so many times the time that it took."""

OUTAGES = (StoreError, OSError, HotlineError)
"""The errors of a store that fails while nothing is wrong with the monitor."""


class CachedRead(Generic[T]):
    """A value that costs much or changes slowly: shown stale while a newer one is read.

    While it is cheap and no `seconds` are given it is read with everything else, in the same
    transaction. Else the first read waits for it, and every later one gets the last value; a newer
    one is read in the background after a rest, and `on_ready` is called when it is another one.
    With a `blank` value not even the first read waits for more than a moment.
    """

    def __init__(
        self,
        store: Store,
        now: Now,
        on_ready: Callable[[], None],
        read: Callable[[Session, datetime], T],
        seconds: float = 0.0,
        blank: T | None = None,
    ) -> None:
        self._store = store
        self._now = now
        self._on_ready = on_ready
        self._read = read
        self._seconds = seconds
        self._value = blank
        self._is_blank = blank is not None
        self._cost = 0.0
        self._read_again_at = 0.0
        self._running = Lock()
        self._thread: Thread | None = None
        self._is_asked = False
        self._error: BaseException | None = None

    def get(self, session: Session, now: datetime) -> T:
        """Return the value of now or of a short while ago; raise what the last read met."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        is_cheap = self._cost < _CHEAP and not self._seconds
        if self._value is None or is_cheap:
            return self._read_timed(session, now)
        self._ask_for_newer()
        return self._value

    def _ask_for_newer(self) -> None:
        with self._running:
            # what is being read just now may be older than what made this one ask
            self._is_asked = True
            if self._thread is not None:
                return
            thread = Thread(target=self._read_while_asked, daemon=True, name="hotline-background")
            self._thread = thread
        thread.start()
        if self._is_blank:
            thread.join(_FIRST_WAIT)

    def _read_timed(self, session: Session, now: datetime) -> T:
        started = monotonic()
        value = self._value = self._read(session, now)
        self._is_blank = False
        self._cost = monotonic() - started
        self._read_again_at = monotonic() + max(self._seconds, _REST * self._cost)
        return value

    def _read_while_asked(self) -> None:
        is_asked = True
        while is_asked:
            Event().wait(max(0.0, self._read_again_at - monotonic()))
            with self._running:
                self._is_asked = False
            self._read_in_background()
            with self._running:
                is_asked = self._is_asked
                if not is_asked:
                    self._thread = None

    def _read_in_background(self) -> None:
        before = self._value
        try:
            with self._store.reading() as session:
                is_same = self._read_timed(session, self._now()) == before
        except OUTAGES as error:
            self._error, is_same = error, False
        if not is_same:
            self._on_ready()


class BrokerProbe:
    """Asks in the background whether the broker answers: one that hangs must not delay a read."""

    def __init__(self, ask: Callable[[], bool] | None) -> None:
        self._ask = ask
        self._answer: bool | None = None
        self._thread: Thread | None = None
        self._ask_again_at = 0.0

    def get(self) -> bool | None:
        """Return the last answer; None before the first one, or where there is no broker to ask."""
        if self._ask is None:
            return None
        is_due = monotonic() >= self._ask_again_at
        if self._thread is None or (not self._thread.is_alive() and is_due):
            self._ask_again_at = monotonic() + _PROBE_EVERY
            self._thread = Thread(target=self._run, args=(self._ask,), daemon=True)
            self._thread.start()
            self._thread.join(_PROBE_WAIT)
        elif self._thread.is_alive() and monotonic() >= self._ask_again_at + _PROBE_EVERY:
            self._answer = False
        return self._answer

    def _run(self, ask: Callable[[], bool]) -> None:
        self._answer = ask()


async def in_background_thread(work: Callable[[], T]) -> T:
    """Do the work in a daemon thread, and return what it returns.

    The threads of an executor are joined when the program ends: with a database that does not
    answer, the operator's `q` would hang.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)  # type: ignore[arg-type]

    def run() -> None:
        value, failure = None, None
        try:
            value = work()
        except BaseException as error:
            failure = error
        # the loop may have been closed while the work was done
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, value, failure)

    Thread(target=run, daemon=True, name="hotline-read").start()
    return await future
