"""Wait a bounded time for a read: a database that hangs answers nothing, not even an error."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from monitor.background import in_background_thread

T = TypeVar("T")


class BoundedRead(Generic[T]):
    """Reads in a background thread, one read at a time, and waits at most some real seconds for it.

    A thread that waits for a server which is frozen, or whose packets are lost, cannot be ended.
    The next call waits for the same read, and `on_late_end` is called when it ends after all.
    """

    def __init__(self, seconds: float, on_late_end: Callable[[], None]) -> None:
        self._seconds = seconds
        self._on_late_end = on_late_end
        self._read: asyncio.Task[T] | None = None
        self._key: Hashable = None
        self._is_late = False

    async def get(self, key: Hashable, read: Callable[[], T]) -> T:
        """Return what is read for a key, and raise what the read raises.

        Raises TimeoutError where nothing was read in time. What comes late is returned for its own
        key; for another one it is read anew.
        """
        if self._read is None:
            self._read, self._key = asyncio.create_task(in_background_thread(read)), key
        under_way = self._read
        await asyncio.wait((under_way,), timeout=self._seconds)
        if not under_way.done():
            if not self._is_late:
                self._is_late = True
                under_way.add_done_callback(lambda _read: self._on_late_end())
            raise TimeoutError
        is_own = self._key == key
        self._read, self._is_late = None, False
        value = under_way.result()
        return value if is_own else await self.get(key, read)
