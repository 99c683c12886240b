"""Whether anybody else has a store open."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sqlalchemy import text

from models.database import Session


def is_open_elsewhere(session: Session, file: Path | None) -> bool:
    """Return whether another process has the store open, its SQLite `file` or a connection.

    A file that was removed meanwhile counts, too. Of SQLite's, processes of other users are not
    seen, and none where the system has no `/proc`.
    """
    if file is not None:
        return _is_file_open(str(file.absolute()))
    others = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    return bool(session.execute(others).scalar())


def users_of_another_file(file: Path) -> list[int]:
    """Return the processes that have a store open whose `file` was exchanged or removed since.

    They see, and may write, what nobody else sees. As `is_open_elsewhere` for what is not seen.
    """
    there = file.stat()
    return sorted(
        {
            process
            for process, opened in _open_files(str(file.absolute()))
            if (opened.st_dev, opened.st_ino) != (there.st_dev, there.st_ino)
        }
    )


def _is_file_open(path: str) -> bool:
    return any(True for _user in _open_files(path))


def _open_files(path: str) -> Iterator[tuple[int, os.stat_result]]:
    """Yield the other processes that have a file of this name open, with its status."""
    names = (path, f"{path} (deleted)")
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        with suppress(OSError):
            for handle in (process / "fd").iterdir():
                with suppress(OSError):
                    if str(handle.readlink()) in names:
                        yield int(process.name), handle.stat()
