"""Create files and folders that only their owner can read, whatever the umask.

Everything that the service writes is created here: the home, the database, keys, logs, locks,
states of endpoints, files of a watched folder and what commands write with `--output`.
"""

import os
import stat
from pathlib import Path

from models.errors import HotlineError
from models.i18n import _

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600

_OTHERS = stat.S_IRWXO
_WRITE_OF_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_OF_A_HOME = ("hotline.db", "hotline.key", "roles.toml", "valkey", "channels.toml")


class UnsafeFolder(HotlineError):
    """A folder cannot be used because others could change what is in it."""


def make_private_folder(path: Path) -> None:
    """Create a folder and its missing parents, mode 700; one that is there stays as it is."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        if path.parent == path:
            break
        path = path.parent
    for folder in reversed(missing):
        try:
            folder.mkdir(PRIVATE_FOLDER)
        except FileExistsError:
            # another process was faster, or a file has this name: then the next step fails
            if not folder.is_dir():
                raise
        else:
            folder.chmod(PRIVATE_FOLDER)


def open_private(path: Path | str, flags: int, *, folder: int | None = None) -> int:
    """Open a file, created with mode 600 if it is not there; returns its descriptor.

    `flags` are those of `os.open` without O_CREAT; with O_EXCL it must not be there. `folder` is
    the descriptor that a relative path begins at. Where others may write, add O_NOFOLLOW. Raises
    OSError.
    """
    flags |= os.O_CLOEXEC
    while True:
        try:
            handle = os.open(path, flags | os.O_CREAT | os.O_EXCL, PRIVATE_FILE, dir_fd=folder)
        except FileExistsError:
            if flags & os.O_EXCL:
                raise
        else:
            # the umask may have taken the owner's bits away
            os.fchmod(handle, PRIVATE_FILE)
            return handle
        try:
            return os.open(path, flags, dir_fd=folder)
        except FileNotFoundError:
            # removed between the two calls; a link to nowhere would be found here forever
            if _is_link(path, folder):
                raise


def write_private(path: Path, content: bytes) -> None:
    """Replace a file as a whole, mode 600: who reads it sees the old content or the new one."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(open_private(draft, os.O_WRONLY | os.O_EXCL), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def prepare_home(home: Path) -> str | None:
    """Create the home, or close one that others could read; returns what was mended.

    Raises UnsafeFolder for a home that others can write to, since they may have put something
    into it, and for an open one that this user cannot close or that is no home of a service.
    """
    if not home.exists():
        make_private_folder(home)
        return None
    return close_home(home)


def close_home(home: Path) -> str | None:
    """Close an existing home that others can read; otherwise as `prepare_home`."""
    status = home.stat()
    if not stat.S_ISDIR(status.st_mode):
        raise UnsafeFolder(_("{path} is no folder").format(path=home))
    if not status.st_mode & (_OTHERS | stat.S_IWGRP):
        return None
    names = [path.name for path in home.iterdir()]
    if names and status.st_mode & _WRITE_OF_OTHERS:
        text = _("{path}: others can write to it: look at what is in it, then chmod 700 it")
        raise UnsafeFolder(text.format(path=home))
    if os.geteuid() not in (0, status.st_uid) or not _are_of_a_home(names):
        text = _("{path}: others can read it; run: chmod 700 {path}, or set HOTLINE_HOME")
        raise UnsafeFolder(text.format(path=home))
    home.chmod(PRIVATE_FOLDER)
    return _("{path} could be read by others; its mode is 700 now").format(path=home)


def close_file(path: Path) -> str | None:
    """Close a file of this user that others could open; returns what was mended.

    One that the group may read and nobody else stays as it is: that is meant.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    if not status.st_mode & (_OTHERS | stat.S_IWGRP) or status.st_uid != os.geteuid():
        return None
    path.chmod(PRIVATE_FILE)
    return _("{path} could be opened by others; its mode is 600 now").format(path=path)


def is_open_to_others(path: Path) -> bool:
    """Return whether others can read or write a file, or its group can write it.

    One in a folder that others cannot enter is not open, whatever its own mode says.
    """
    if not path.stat().st_mode & (_OTHERS | stat.S_IWGRP):
        return False
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)


def why_unwritable(folder: Path) -> str | None:
    """Return why this user cannot write to an existing folder, and what to do; None if he can."""
    if os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return None
    try:
        status = folder.stat()
        disk = os.statvfs(folder)
    except OSError:
        # one on the way to it is closed
        return foreign_path(folder)
    if disk.f_flag & os.ST_RDONLY:
        return unwritable_disk(folder)
    if status.st_uid == os.geteuid():
        text = _("{path} cannot be written: its mode is {mode:o}; run: chmod 700 {path}")
        return text.format(path=folder, mode=stat.S_IMODE(status.st_mode))
    return foreign_path(folder)


def foreign_path(path: Path | str) -> str:
    """Return the line about what this user may not open."""
    return _("{path} belongs to somebody else, or this user may not open it").format(path=path)


def unwritable_disk(path: Path | str) -> str:
    """Return the line about what lies on a disk that can only be read."""
    text = _("{path}: its disk can only be read; HOTLINE_HOME must be written")
    return text.format(path=path)


def require_safe_path(path: Path) -> None:
    """Raise UnsafeFolder if others could put something else in the place of this path.

    They can where a folder on the way to it, or on the way to where a link on it leads, is theirs
    or can be written by them. In a folder with the sticky bit (`/tmp`) only owners can.
    """
    trusted = (0, os.geteuid())
    for folder, child in _steps(path):
        status = folder.stat()
        if status.st_uid not in trusted:
            _refuse_replaceable(path, folder)
        if not status.st_mode & _WRITE_OF_OTHERS:
            continue
        sticky = bool(status.st_mode & stat.S_ISVTX)
        if not sticky or child.lstat().st_uid not in trusted:
            _refuse_replaceable(path, folder)


def _refuse_replaceable(path: Path, folder: Path) -> None:
    text = _(
        "{path}: whoever owns or may write {folder} could put another folder in its place; "
        "chown it to this user or to root, and chmod go-w it"
    )
    raise UnsafeFolder(text.format(path=path, folder=folder))


_MAX_LINKS = 40


def _steps(path: Path) -> list[tuple[Path, Path]]:
    """Return each folder on the way to a path with the entry in it that the way takes."""
    steps: list[tuple[Path, Path]] = []
    rest = list(path.absolute().parts[1:])
    folder, links = Path(path.absolute().anchor), 0
    while rest:
        part = rest.pop(0)
        if part == "..":
            folder = folder.parent
            continue
        entry = folder / part
        steps.append((folder, entry))
        if entry.is_symlink():
            links += 1
            if links > _MAX_LINKS:
                raise UnsafeFolder(_("{path}: too many links").format(path=path))
            target = entry.readlink()
            rest = [*(target.parts[1:] if target.is_absolute() else target.parts), *rest]
            folder = Path(target.anchor) if target.is_absolute() else folder
        else:
            folder = entry
    return steps


def _are_of_a_home(names: list[str]) -> bool:
    """Return whether a folder with these names may be closed: `/usr` must not be.

    It may if it is empty but for hidden files, as a new user's is, or holds what a service keeps.
    """
    return any(name in names for name in _OF_A_HOME) or all(n.startswith(".") for n in names)


def _is_link(path: Path | str, folder: int | None) -> bool:
    try:
        return stat.S_ISLNK(os.stat(path, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False
