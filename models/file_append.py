"""Append lines to a file that several processes write: all lines or none."""

import errno
import fcntl
import os
from pathlib import Path

from models.private_files import make_private_folder, open_private


def append_lines(path: Path, lines: bytes) -> None:
    """Append whole lines and flush them to the disk; raises OSError, and then adds none of them.

    The file and its folder are created if need be, readable for the owner alone.
    """
    make_private_folder(path.parent)
    handle = open_private(path, os.O_RDWR | os.O_APPEND)
    try:
        _append(handle, lines)
    finally:
        os.close(handle)


def _append(handle: int, lines: bytes) -> None:
    # with the lock held, a write that is cut short can be taken back
    fcntl.flock(handle, fcntl.LOCK_EX)
    end = os.fstat(handle).st_size
    if end and os.pread(handle, 1, end - 1) != b"\n":
        # the machine stopped in the middle of the last line
        lines = b"\n" + lines
    try:
        if os.write(handle, lines) != len(lines):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, end)
        raise
