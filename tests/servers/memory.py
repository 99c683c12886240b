"""A folder in memory for the files of tests: making and removing them there costs a third."""

import os
from pathlib import Path

_SHARED_MEMORY = Path("/dev/shm")

_NEEDED_BYTES = 4 * 2**30
"""Room that a run of all tests, in some processes, is sure to find enough."""


def memory_folder() -> Path | None:
    """Return a folder in memory, where there is one with room that programs may be started from."""
    try:
        system = os.statvfs(_SHARED_MEMORY)
    except OSError:
        # there is none outside Linux
        return None
    has_room = system.f_bavail * system.f_frsize >= _NEEDED_BYTES
    # containers give little, and nothing may be started there
    return _SHARED_MEMORY if has_room and not system.f_flag & os.ST_NOEXEC else None
