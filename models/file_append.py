"""Lines at the end of a file that several processes write: all of them or none."""

import errno
import fcntl
import os
from pathlib import Path


def append_lines(path: Path, lines: bytes) -> None:
    """Append whole lines and see them on the disk; raises OSError, and then none is there.

    The file and its folder are made where they are not there, for the owner alone to read.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        _append(handle, lines)
    finally:
        os.close(handle)


def _append(handle: int, lines: bytes) -> None:
    # only who is alone at the end of the file can take back what did not go in whole
    fcntl.flock(handle, fcntl.LOCK_EX)
    end = os.fstat(handle).st_size
    if end and os.pread(handle, 1, end - 1) != b"\n":
        # the machine stopped in the middle of a line
        lines = b"\n" + lines
    try:
        if os.write(handle, lines) != len(lines):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, end)
        raise
