"""Watch a folder: feed the files that are complete, then move them out of the way."""

import errno
import fcntl
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from models.errors import HotlineError
from models.i18n import _
from models.rules.text import clean
from scripts.ingest.records import FeedError

_UNFINISHED = (".part", ".tmp", ".partial", ".crdownload", ".filepart", "~")
"""The endings that copying programs give to a file until it is complete."""

Feed = Callable[[IO[bytes], str, Path], bool]
"""Feeds an open file by its name, refused rows into the path; returns whether none was refused."""

Snapshot = tuple[int, int, int]
"""A file's inode, size and time of change: a file that still grows differs from poll to poll."""


class FolderWatcher:
    """A watched folder. A file stays in it until it has been fed to its end.

    A file is complete when two polls find it the same. It is moved to `done`, or to `failed` with
    the reason beside it. After a kill it is fed again, and what was taken is a duplicate. Links,
    folders and special files are refused: they could lead anywhere.
    """

    def __init__(self, path: Path, feed: Feed) -> None:
        self._path = path
        self._feed = feed
        self._snapshots: dict[str, Snapshot] = {}
        self._reported: set[str] = set()
        self.failed = 0

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder's lock; raises HotlineError where another process watches it."""
        for name in ("done", "failed"):
            (self._path / name).mkdir(exist_ok=True)
            if (self._path / name).is_symlink():
                raise HotlineError(_("{path} is a link; remove it").format(path=self._path / name))
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        lock = os.open(self._path / ".hotline-watch", flags, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise HotlineError(
                _("{path} is watched already; one at a time").format(path=self._path)
            ) from error
        finally:
            os.close(lock)

    def poll(self) -> int:
        """Feed every file that is as it was at the last poll; returns how many."""
        snapshots = dict(self._plain_files())
        complete = sorted(name for name, s in snapshots.items() if self._snapshots.get(name) == s)
        self._snapshots = snapshots
        for name in complete:
            del self._snapshots[name]
            self._take(name)
        return len(complete)

    def _plain_files(self) -> Iterator[tuple[str, Snapshot]]:
        with os.scandir(self._path) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.lower().endswith(_UNFINISHED):
                    continue
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    yield entry.name, (status.st_ino, status.st_size, status.st_mtime_ns)
                elif entry.name not in ("done", "failed") and entry.name not in self._reported:
                    self._reported.add(entry.name)
                    self._report(entry.name, _("is no plain file; left where it is"))

    def _take(self, name: str) -> None:
        """Feed one file and move it away."""
        refused = self._unused_path("failed", f"{name}.refused.jsonl")
        try:
            # whoever may write here could have put a link in the file's place since
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            with os.fdopen(os.open(self._path / name, flags), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return
                all_taken = self._feed(file, name, refused)
        except FeedError as error:
            self._fail(name, str(error))
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOENT, errno.EACCES):
                raise
            self._report(name, error.strerror or _("cannot be read"))
        else:
            self.failed += not all_taken
            (self._path / name).rename(self._unused_path("done", name))

    def _fail(self, name: str, why: str) -> None:
        self.failed += 1
        self._report(name, why)
        target = self._unused_path("failed", name)
        target.with_name(f"{target.name}.why.txt").write_text(why + "\n", "utf-8")
        (self._path / name).rename(target)

    def _unused_path(self, folder: str, name: str) -> Path:
        path, number = self._path / folder / name, 1
        while os.path.lexists(path):
            number += 1
            path = self._path / folder / f"{number}-{name}"
        return path

    def _report(self, name: str, what: str) -> None:
        sys.stderr.write(f"hotline: {clean(name)}: {clean(what)}\n")
