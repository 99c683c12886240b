"""Watch a folder: feed the files that are complete, then move them out of the way.

Others write to the folder, so nothing in it is trusted: it is opened once, and its files are only
reached through that handle and without following links.
"""

import errno
import fcntl
import hashlib
import logging
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Self

from models.clock import monotonic
from models.errors import HotlineError, describe_safely
from models.i18n import _
from models.private_files import PRIVATE_FILE, make_private_folder, open_private, require_safe_path
from models.rules.limits import FILE_NAME_BYTES
from models.rules.text import one_line
from models.store_errors import StoreError
from scripts.ingest.records import FeedError

log = logging.getLogger("hotline.command")

_UNFINISHED = (".part", ".tmp", ".partial", ".crdownload", ".filepart", "~")
"""The endings that copying programs give to a file until it is complete."""

_NO_LETTERS = ("thumbs.db", "ehthumbs.db", "desktop.ini")
"""What Windows leaves in folders; office programs leave `~$name` beside an open file."""

_WATCHED_AFTER = 3600.0
"""The seconds for which a file that was fed is looked at: somebody may still write to it."""

DONE, FAILED = "done", "failed"

Feed = Callable[[IO[bytes], str, Path], bool]
"""Feeds an open file by its name, refused rows into the path; returns whether none was refused."""


@dataclass(frozen=True, slots=True)
class FileState:
    """A file's identity, size and times: a file that still grows differs between polls.

    The time of writing can be set by whoever writes; the time of change cannot, but a move is a
    change too.
    """

    inode: int
    size: int
    written_at: int
    changed_at: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """Return the state that a status shows."""
        return cls(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def moved_only(self, before: "FileState") -> bool:
        """Return whether this is the file of `before`, not written to since."""
        return replace(before, changed_at=self.changed_at) == self


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file in the folder: its state, since when it has it, and whether its name was finished.

    `renamed` is true for a file that had the name of an unfinished one before: it is complete.
    """

    state: FileState
    since: float
    renamed: bool


def kept_folder(home: Path, inbox: Path) -> Path:
    """Return the folder of this home where the files of a watched folder are kept once fed."""
    digest = hashlib.sha256(os.fsencode(inbox.resolve())).hexdigest()[:8]
    return home / "watched" / f"{_short(inbox.resolve().name) or 'inbox'}-{digest}"


class FolderWatcher:
    """A watched folder. A file stays in it until it has been fed to its end.

    A file is complete when it has not changed for `calm` seconds, or at the next poll if it was
    renamed from an unfinished name (`.part`). It is moved to `done` in the folder `kept`, or to
    `failed` with the reason beside it. After a kill it is fed again, and what was taken is a
    duplicate. What changes while it is read, or afterwards, is read again. Links, folders, files
    with several names and special files are left alone: they could lead anywhere.
    """

    def __init__(
        self,
        path: Path,
        kept: Path,
        feed: Feed,
        *,
        calm: float,
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        self._path = path
        self._kept = kept
        self._feed = feed
        self._calm = calm
        self._elapsed = elapsed
        self._seen: dict[str, _Seen] = {}
        self._unfinished: dict[int, int] = {}
        self._fed: dict[str, tuple[str, FileState, float]] = {}
        self._reported: dict[str, str] = {}
        self._inbox = self._done = self._failed_folder = -1
        self.failed = 0

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Open and lock the folders.

        Raises HotlineError where another process watches this folder, where others could put
        another folder in the place of one of them, or where `kept` lies in the watched folder.
        """
        with ExitStack() as stack:
            self._inbox = self._opened(stack, self._path)
            inbox = self._path.resolve()
            if self._kept.resolve().is_relative_to(inbox):
                text = _("{path} lies in the watched folder, where others can replace it")
                raise HotlineError(text.format(path=self._kept))
            make_private_folder(self._kept)
            lock = open_private(self._kept / "lock", os.O_RDWR | os.O_NOFOLLOW)
            stack.callback(os.close, lock)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                text = _("{path} is watched already; one at a time")
                raise HotlineError(text.format(path=self._path)) from error
            for name in (DONE, FAILED):
                make_private_folder(self._kept / name)
            self._done = self._opened(stack, self._kept / DONE, private=True)
            self._failed_folder = self._opened(stack, self._kept / FAILED, private=True)
            yield

    def _opened(self, stack: ExitStack, path: Path, *, private: bool = False) -> int:
        """Open a folder that nobody else can replace, or write to if it is `private`."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        try:
            # the watched folder may be named by a link, which is checked with the way to it
            handle = os.open(path, flags | os.O_NOFOLLOW if private else flags)
        except OSError as error:
            raise HotlineError(f"{path}: {error.strerror}") from error
        stack.callback(os.close, handle)
        require_safe_path(path)
        status, named = os.fstat(handle), path.stat()
        if (status.st_dev, status.st_ino) != (named.st_dev, named.st_ino):
            raise HotlineError(_("{path} was replaced; start again").format(path=path))
        others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if private and (others or status.st_uid not in (0, os.geteuid())):
            text = _("{path}: others can write to it; run: chmod 700 {path}")
            raise HotlineError(text.format(path=path))
        return handle

    def poll(self) -> int:
        """Feed every file that is complete; returns how many."""
        self._take_back_changed()
        now = self._elapsed()
        unfinished: dict[int, int] = {}
        seen: dict[str, _Seen] = {}
        for name, state, finished in self._files():
            if not finished:
                unfinished[state.inode] = state.size
                continue
            before = self._seen.get(name)
            if before is not None and before.state == state:
                seen[name] = before
            else:
                # a new file may get the inode of one that was removed, but is smaller at first
                size = self._unfinished.get(state.inode)
                seen[name] = _Seen(state, now, size is not None and state.size >= size)
        complete = sorted(name for name, file in seen.items() if self._is_complete(name, file, now))
        self._seen, self._unfinished = seen, unfinished
        for name in complete:
            del self._seen[name]
            self._take(name)
        return len(complete)

    @property
    def is_idle(self) -> bool:
        """Return whether the last poll left no file that may still become complete."""
        return not self._seen

    def waiting(self) -> list[str]:
        """Return the names of the files that are not complete yet, safe to show."""
        return sorted(one_line(name) for name in self._seen)

    def _is_complete(self, name: str, file: _Seen, now: float) -> bool:
        before = self._seen.get(name)
        if before is None or before.state != file.state:
            return False
        return file.renamed or now - file.since >= self._calm

    def _files(self) -> Iterator[tuple[str, FileState, bool]]:
        """Yield name and state of each plain file, and whether its name is a finished one's."""
        with os.scandir(self._inbox) as entries:
            for entry in entries:
                lower = entry.name.lower()
                if lower.startswith("~$") or lower in _NO_LETTERS:
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    # moved away since the folder was listed
                    continue
                if entry.name.startswith(".") or lower.endswith(_UNFINISHED):
                    if stat.S_ISREG(status.st_mode):
                        yield entry.name, FileState.of(status), False
                elif not stat.S_ISREG(status.st_mode):
                    self._report_once(entry.name, _("is no plain file; left where it is"))
                elif status.st_nlink > 1:
                    self._report_once(entry.name, _("has another name too; left where it is"))
                else:
                    yield entry.name, FileState.of(status), True

    def _take(self, name: str) -> None:
        """Feed one file and move it away, unless it changes meanwhile."""
        refused = self._kept / FAILED / self._unused(self._failed_folder, name, ".refused.jsonl")
        why = None
        try:
            # whoever may write here could have put a link in the file's place since
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            file = os.fdopen(os.open(name, flags, dir_fd=self._inbox), "rb")
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOENT, errno.EACCES, errno.ENXIO):
                raise
            self._report_once(name, error.strerror or _("cannot be read"))
            return
        with file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
                return
            before = FileState.of(status)
            all_taken = False
            try:
                all_taken = self._feed(file, one_line(name), refused)
            except FeedError as error:
                why = error.why
            except Exception as error:
                # one file that no reader foresaw must not keep all others from being fed
                if isinstance(error, OSError | HotlineError | StoreError):
                    # it is fed again, and what was refused is refused again
                    refused.unlink(missing_ok=True)
                    raise
                text = _("this should not happen; please report: {what}")
                why = text.format(what=describe_safely(error))
            if self._moved(file, name, before, DONE if why is None else FAILED, why):
                self.failed += not all_taken
                return
        # what was taken is a duplicate when the file is read again, and so is what was refused
        refused.unlink(missing_ok=True)
        self._report(name, _("changed while it was read; it is read again"))

    def _moved(
        self, file: IO[bytes], name: str, before: FileState, folder: str, why: str | None
    ) -> bool:
        """Move a file that was read away; returns False, and leaves it, if it has changed."""
        handle = self._done if folder == DONE else self._failed_folder
        target = self._unused(handle, name)
        if FileState.of(os.fstat(file.fileno())) != before:
            return False
        if why is not None:
            self._report(name, why)
            note = open_private(f"{target}.why.txt", os.O_WRONLY | os.O_EXCL, folder=handle)
            with os.fdopen(note, "w", encoding="utf-8") as text:
                text.write(one_line(why) + "\n")
        try:
            status = self._move(name, handle, target, file)
        except FileNotFoundError:
            # somebody removed it or gave it another name; what it held is in
            return True
        if status is None or not FileState.of(status).moved_only(before):
            self._put_back(handle, target, name)
            if why is not None:
                os.unlink(f"{target}.why.txt", dir_fd=handle)
            return False
        with suppress(PermissionError):  # another user's; the folder is closed to all others
            os.fchmod(file.fileno(), PRIVATE_FILE)
        if folder == DONE:
            self._fed[target] = (name, before, self._elapsed())
        return True

    def _move(self, name: str, handle: int, target: str, file: IO[bytes]) -> os.stat_result | None:
        """Move a file into a folder; returns its status there, None where another was there.

        Another file system gets a copy of what was read, and then the file is removed.
        """
        try:
            os.rename(name, target, src_dir_fd=self._inbox, dst_dir_fd=handle)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            return self._copy(name, handle, target, file)
        return os.stat(target, dir_fd=handle, follow_symlinks=False)

    def _copy(self, name: str, handle: int, target: str, file: IO[bytes]) -> os.stat_result | None:
        opened = os.fstat(file.fileno())
        file.seek(0)
        copy = open_private(target, os.O_WRONLY | os.O_EXCL, folder=handle)
        with os.fdopen(copy, "wb") as kept:
            shutil.copyfileobj(file, kept)
            kept.flush()
            os.fsync(kept.fileno())
        named = os.stat(name, dir_fd=self._inbox, follow_symlinks=False)
        if named.st_ino != opened.st_ino:
            return None
        os.unlink(name, dir_fd=self._inbox)
        return os.fstat(file.fileno())

    def _put_back(self, handle: int, target: str, name: str) -> None:
        """Return a file to the watched folder, under another name if its own is taken again."""
        back = self._unused(self._inbox, name)
        with suppress(FileNotFoundError):
            try:
                os.rename(target, back, src_dir_fd=handle, dst_dir_fd=self._inbox)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                # the copy is thrown away: the file itself is still in the watched folder
                os.unlink(target, dir_fd=handle)

    def _take_back_changed(self) -> None:
        """Return files that have changed since they were fed to the watched folder."""
        now = self._elapsed()
        for target, (name, state, fed_at) in list(self._fed.items()):
            try:
                status = os.stat(target, dir_fd=self._done, follow_symlinks=False)
            except FileNotFoundError:
                del self._fed[target]
                continue
            if status.st_ino != state.inode:
                # a copy on another file system: nobody else can write to it
                del self._fed[target]
            elif not FileState.of(status).moved_only(state):
                del self._fed[target]
                self._report(name, _("has changed since it was read; it is read again"))
                self._put_back(self._done, target, name)
            elif now - fed_at > _WATCHED_AFTER:
                del self._fed[target]

    def _unused(self, folder: int, name: str, ending: str = "") -> str:
        """Return a name that is not taken in a folder, as close to `name` as it can be."""
        short = _short(name)
        unused, number = short + ending, 1
        while self._is_there(folder, unused) or self._is_there(folder, f"{unused}.why.txt"):
            number += 1
            unused = f"{number}-{short}{ending}"
        return unused

    def _is_there(self, folder: int, name: str) -> bool:
        try:
            os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _report_once(self, name: str, what: str) -> None:
        if self._reported.get(name) != what:
            if len(self._reported) >= _MAX_REPORTED:
                self._reported.clear()
            self._reported[name] = what
            self._report(name, what)

    def _report(self, name: str, what: str) -> None:
        log.warning(f"{one_line(name)}: {one_line(what)}")


_MAX_REPORTED = 10_000


def _short(name: str) -> str:
    """Return a file name cut to a length that leaves room for additions; its ending is kept."""
    raw = os.fsencode(name)
    if len(raw) <= FILE_NAME_BYTES:
        return name
    ending = os.fsencode(Path(name).suffix)[-20:]
    cut = raw[: FILE_NAME_BYTES - len(ending)]
    # not in the middle of a character
    while cut and cut[-1] & 0xC0 == 0x80:
        cut = cut[:-1]
    if cut and cut[-1] >= 0xC0:
        cut = cut[:-1]
    return os.fsdecode(cut + ending or b"file")
