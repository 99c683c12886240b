"""Keep a process of the service small, where the C library is glibc."""

import ctypes

_M_ARENA_MAX = -8
"""The number of this parameter in malloc.h of glibc."""

_QUIET_TURNS = 10
"""Turns without any bell after which a worker is idle."""


def share_one_heap() -> None:
    """Let the threads to come allocate from the heap of the first.

    It gives each thread a heap of its own otherwise, which keeps what the thread has freed: 5 to
    12 MB for a worker. While they allocate, threads hold Python's lock and would not wait less.
    """
    if (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(_M_ARENA_MAX, 1)


class FreedMemory:
    """Gives back what a worker has freed, once it is idle; called at each turn of its main loop.

    Batches leave 4 to 6 MB between what stays; to give them back takes a millisecond or two.
    """

    def __init__(self) -> None:
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        self._done = 0
        self._turns_left = 0

    def __call__(self, done: int) -> None:
        """Give memory back if `done`, what the worker has done, has just stopped growing."""
        if done != self._done:
            self._done, self._turns_left = done, _QUIET_TURNS
        elif self._turns_left:
            self._turns_left -= 1
            if not self._turns_left and self._trim is not None:
                self._trim(0)
