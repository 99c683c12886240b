"""Open the files that commands write where `--output` and the like say."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from models.errors import HotlineError
from models.i18n import _
from models.private_files import open_private
from models.settings import Settings


def require_outside_home(path: Path, settings: Settings) -> None:
    """Raise HotlineError for a file in the home, or one of the service's files elsewhere.

    Whoever may run a command may not overwrite keys, roles or the store with what it writes.
    """
    resolved = path.resolve()
    kept = (
        settings.key_path,
        settings.channels_path,
        settings.policy,
        settings.sqlite_path,
    )
    if resolved.is_relative_to(settings.home.resolve()):
        text = _("{path} lies in the home, where only the service writes; name another folder")
        raise HotlineError(text.format(path=path))
    if any(file is not None and file.resolve() == resolved for file in kept):
        raise HotlineError(_("{path} is a file of the service").format(path=path))


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that a command is to write; it must be new unless `overwrite` says otherwise."""

    path: Path
    settings: Settings
    overwrite: bool = False

    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Open the file, readable by its owner only; it appears as a whole, at the end.

        Where the command fails, nothing has changed. Raises HotlineError where the file exists,
        cannot be written, or is the service's own.
        """
        require_outside_home(self.path, self.settings)
        return _opened(self.path, overwrite=self.overwrite)


def export(text: str, file: Path | None, settings: Settings, *, overwrite: bool) -> None:
    """Write what `import` takes again to a file, or to standard output for None and for `-`.

    The file is readable by its owner only: names and numbers of people may be in it.
    """
    if file is None or str(file) == "-":
        sys.stdout.write(text)
        return
    with OutputFile(file, settings, overwrite).open() as written:
        written.write(text.encode())


@contextmanager
def _opened(path: Path, *, overwrite: bool) -> Iterator[IO[bytes]]:
    with _telling(path):
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            # a pipe or a terminal (/dev/stdout) is there and loses nothing
            draft = None
            file = os.fdopen(open_private(path, os.O_WRONLY), "wb")
        elif path.exists() and not overwrite:
            raise FileExistsError
        else:
            draft = path.with_name(f"{path.name}.{os.getpid()}.new")
            file = os.fdopen(open_private(draft, os.O_WRONLY | os.O_EXCL), "wb")
    try:
        with file:
            yield file
        if draft is not None:
            with _telling(path):
                _put_in_place(draft, path, overwrite=overwrite)
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    """Raise HotlineError with the file's name for an error of the machine."""
    try:
        yield
    except FileExistsError as error:
        text = _("{path} is there already; name another file, or give --overwrite")
        raise HotlineError(text.format(path=path)) from error
    except OSError as error:
        raise HotlineError(f"{path}: {error.strerror}") from error


def _put_in_place(draft: Path, path: Path, *, overwrite: bool) -> None:
    """Give a draft its name, all of it at once. Raises FileExistsError."""
    if overwrite:
        draft.replace(path)
        return
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        raise
    except OSError:
        # a disk without hard links, as a memory stick
        if path.exists():
            raise FileExistsError from None
        draft.rename(path)
