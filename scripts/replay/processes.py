"""The processes that a replay or a comparison is spread over."""

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep

_INTERVAL = 0.5
"""Seconds between two looks at the parent."""


def end_with_parent(parent: int) -> None:
    """Let this process end with its parent.

    Otherwise the processes of a command that was killed would wait for ever, and keep its files.
    """
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


@contextmanager
def rare_collections() -> Iterator[None]:
    """Let the garbage collector run rarely: it looks through all messages in vain."""
    thresholds = gc.get_threshold()
    gc.set_threshold(100_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        sleep(_INTERVAL)
    os._exit(1)
