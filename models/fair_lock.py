"""Whose turn it is to write: SQLite lets one write at a time, but does not let anyone queue."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FairWriteLock:
    """A queue for the one right to write, for all threads and processes of a machine.

    SQLite's own waiting looks again now and then, so whoever writes batch after batch is always
    there first, and others wait for seconds. Here one who wants it anew has to pass the door, and
    there stands whoever waits already. The kernel opens what a killed process held.
    """

    def __init__(self, beside: Path) -> None:
        self._door = beside.with_name(f"{beside.name}-door")
        self._desk = beside.with_name(f"{beside.name}-desk")

    @contextmanager
    def acquire(self, *, skip_queue: bool) -> Iterator[None]:
        """Wait for the right to write, and have it until the end; `soon` goes past the door."""
        door = None if skip_queue else _lock(self._door)
        try:
            desk = _lock(self._desk)
        finally:
            if door is not None:
                os.close(door)
        try:
            yield
        finally:
            os.close(desk)


def _lock(path: Path) -> int:
    # opened each time: a lock belongs to what was opened, and closing it gives it back
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except BaseException:
        os.close(handle)
        raise
    return handle
