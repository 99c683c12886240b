"""A queue between threads that holds each row at most once."""

import threading
from collections.abc import Sequence
from queue import SimpleQueue


class RowQueue:
    """Ids of rows that wait for a thread. A row that waits already is not queued again.

    The store rings again for a row that was not dealt with in time; a channel that hangs would
    otherwise pile up the same rows.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[list[int] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._waiting: set[int] = set()

    def put(self, rows: Sequence[int]) -> None:
        """Queue the rows that do not wait already."""
        with self._lock:
            new = [row for row in rows if row not in self._waiting]
            self._waiting.update(new)
        if new:
            self._queue.put(new)

    def take(self) -> list[int] | None:
        """Wait for rows and take them; None where the queue is closed."""
        rows = self._queue.get()
        if rows is not None:
            with self._lock:
                self._waiting.difference_update(rows)
        return rows

    def close(self) -> None:
        """Wake the thread that waits, and give it None."""
        self._queue.put(None)
