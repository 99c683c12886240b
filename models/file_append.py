"""Append lines to a file that several processes write: all lines or none."""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from models.private_files import make_private_folder, open_private


def append_lines(path: Path, lines: bytes) -> None:
    """Append whole lines and flush them to the disk; raises OSError, and then adds none of them.

    The file and its folder are created if need be, readable for the owner alone.
    """
    make_private_folder(path.parent)
    with _locked(path, os.O_RDWR | os.O_APPEND) as handle:
        _append(handle, lines)


def replace_lines(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Replace the content of a file by what `change` makes of it, while nobody appends to it."""
    with _locked(path, os.O_RDWR) as handle, os.fdopen(os.dup(handle), "rb") as file:
        content = file.read()
        if (changed := change(content)) == content:
            return
        draft = path.with_name(path.name + ".part")
        draft.unlink(missing_ok=True)
        with os.fdopen(open_private(draft, os.O_WRONLY | os.O_EXCL), "wb") as new:
            new.write(changed)
            new.flush()
            os.fsync(new.fileno())
        draft.replace(path)


def filter_lines(path: Path, keep: Callable[[bytes], bool]) -> int:
    """Remove the lines that are not to be kept, while nobody appends; returns how many.

    Lines are read one by one. Raises OSError.
    """
    removed = 0
    draft = path.with_name(path.name + ".part")
    with _locked(path, os.O_RDWR) as handle, os.fdopen(os.dup(handle), "rb") as file:
        draft.unlink(missing_ok=True)
        with os.fdopen(open_private(draft, os.O_WRONLY | os.O_EXCL), "wb") as new:
            for line in file:
                if keep(line):
                    new.write(line)
                else:
                    removed += 1
            new.flush()
            os.fsync(new.fileno())
        if removed:
            draft.replace(path)
        else:
            draft.unlink()
    return removed


@contextmanager
def _locked(path: Path, flags: int) -> Iterator[int]:
    """Open a file and keep others from writing to it: the file that has this name then."""
    while True:
        handle = open_private(path, flags)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            # whoever had the lock may have put another file in its place
            if path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
                yield handle
                return
        finally:
            os.close(handle)


def _append(handle: int, lines: bytes) -> None:
    # with the lock held, a write that is cut short can be taken back
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
