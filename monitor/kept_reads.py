"""Keep what was read of the store until somebody commits."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from models.clock import monotonic

T = TypeVar("T")


class KeptReads:
    """Results read since the last commit, kept for some real seconds: some change with time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._values: dict[Hashable, Any] = {}
        self._mark: object | None = None
        self._until = 0.0

    def begin(self, mark: object | None) -> None:
        """Forget what is too old, or was read under another mark; without a mark, everything.

        A mark differs from one that was asked for before a commit. It must be asked for before what
        is kept under it is read.
        """
        if mark is None or mark != self._mark or monotonic() >= self._until:
            self._values = {}
            self._mark, self._until = mark, monotonic() + self._seconds

    def get(self, key: Hashable, read: Callable[[], T]) -> T:
        """Return what is kept under a key, or read it."""
        if key not in self._values:
            self._values[key] = read()
        value: T = self._values[key]
        return value

    def find(self, key: Hashable) -> Any | None:
        """Return what is kept under a key, or None."""
        return self._values.get(key)

    def put(self, key: Hashable, value: object) -> None:
        """Keep a value under a key."""
        self._values[key] = value
