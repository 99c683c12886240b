"""A folder as an inbox: what is put into it is fed when it is complete, then moved aside."""

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
"""How programs that copy call a file until it is whole."""

Feed = Callable[[IO[bytes], str, Path], bool]
"""Feeds an open file by its name, its refused rows into the path; whether all of it was taken."""

Look = tuple[int, int, int]


class FolderWatcher:
    """A watched folder. Whatever is in it stays there until it has been fed to its end.

    A file is complete when it looks the same twice. It is moved to `done`, or to `failed` with the
    reason beside it; killed in between, it is fed again, and what was taken is known already.
    Links, folders and whatever is no plain file are refused: they could lead anywhere.
    """

    def __init__(self, path: Path, feed: Feed) -> None:
        self._path = path
        self._feed = feed
        self._seen: dict[str, Look] = {}
        self._told: set[str] = set()
        self.failed = 0

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Have the folder for oneself; raises HotlineError where another watches it already."""
        for name in ("done", "failed"):
            (self._path / name).mkdir(exist_ok=True)
            if (self._path / name).is_symlink():
                raise HotlineError(_("{path} is a link; remove it").format(path=self._path / name))
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        lock = os.open(self._path / ".hotline-watch", flags, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as problem:
            raise HotlineError(
                _("{path} is watched already; one at a time").format(path=self._path)
            ) from problem
        finally:
            os.close(lock)

    def look(self) -> int:
        """Feed every file that looks as it did the last time; returns how many."""
        now = dict(self._plain())
        ready = sorted(name for name, look in now.items() if self._seen.get(name) == look)
        self._seen = now
        for name in ready:
            del self._seen[name]
            self._take(name)
        return len(ready)

    def _plain(self) -> Iterator[tuple[str, Look]]:
        with os.scandir(self._path) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.lower().endswith(_UNFINISHED):
                    continue
                found = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(found.st_mode):
                    yield entry.name, (found.st_ino, found.st_size, found.st_mtime_ns)
                elif entry.name not in ("done", "failed") and entry.name not in self._told:
                    self._told.add(entry.name)
                    self._say(entry.name, _("is no plain file; left where it is"))

    def _take(self, name: str) -> None:
        refused = self._free("failed", f"{name}.refused.jsonl")
        try:
            # whoever may write here could put a link in the file's place just now
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            with os.fdopen(os.open(self._path / name, flags), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return
                whole = self._feed(file, name, refused)
        except FeedError as wrong:
            self._fail(name, str(wrong))
        except OSError as problem:
            if problem.errno not in (errno.ELOOP, errno.ENOENT, errno.EACCES):
                raise
            self._say(name, problem.strerror or _("cannot be read"))
        else:
            self.failed += not whole
            (self._path / name).rename(self._free("done", name))

    def _fail(self, name: str, why: str) -> None:
        self.failed += 1
        self._say(name, why)
        place = self._free("failed", name)
        place.with_name(f"{place.name}.why.txt").write_text(why + "\n", "utf-8")
        (self._path / name).rename(place)

    def _free(self, folder: str, name: str) -> Path:
        """A path in a folder of ours that nothing has yet."""
        place, number = self._path / folder / name, 1
        while os.path.lexists(place):
            number += 1
            place = self._path / folder / f"{number}-{name}"
        return place

    def _say(self, name: str, what: str) -> None:
        sys.stderr.write(f"hotline: {clean(name)}: {clean(what)}\n")
