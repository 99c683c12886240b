"""The garbage collector of a process with a screen: it looks often, each time at little."""

import gc

_THRESHOLDS = (2_000, 10, 50)
"""The new objects after which it looks at these, and at older ones: a few ms each time.

A worker's 50,000 stop a screen for 30 ms, and at Python's own 700 it looks at all too often.
"""


def collect_little() -> None:
    """Leave what is loaded by now out of its sight: walking that takes a tenth of a second."""
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
