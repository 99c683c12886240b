"""A fair lock for SQLite writers.

SQLite's busy handler polls, so a process that writes back to back starves the others; with this
lock they queue.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.private_files import open_private


class FairWriteLock:
    """Lets one writer in at a time, among all threads and processes of a machine.

    It is a turnstile of two file locks next to the database `file`: whoever holds the second one
    writes, whoever holds the first one is next. A writer that wants to write again has to take the
    first one too, and there others are waiting already. The kernel releases the locks of a process
    that was killed.
    """

    def __init__(self, file: Path) -> None:
        self._next = file.with_name(f"{file.name}-door")
        self._writer = file.with_name(f"{file.name}-desk")

    @contextmanager
    def acquire(self, *, skip_queue: bool) -> Iterator[None]:
        """Hold the lock; with `skip_queue` go before those who wait to be next."""
        next_in_line = None if skip_queue else _lock(self._next)
        try:
            writer = _lock(self._writer)
        finally:
            if next_in_line is not None:
                os.close(next_in_line)
        try:
            yield
        finally:
            os.close(writer)


def _lock(path: Path) -> int:
    # opened each time: a lock belongs to the open file, and closing it releases the lock
    handle = open_private(path, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except BaseException:
        os.close(handle)
        raise
    return handle
