"""Keep a process of the service small."""

import ctypes

_M_ARENA_MAX = -8
"""The number of this parameter in malloc.h of glibc."""


def share_one_heap() -> None:
    """Let the threads to come allocate from the heap of the first, where the C library is glibc.

    It gives each thread a heap of its own otherwise, which keeps what the thread has freed: 5 to
    12 MB for a worker. While they allocate, threads hold Python's lock and would not wait less.
    """
    if (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(_M_ARENA_MAX, 1)
