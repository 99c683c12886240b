"""Whether anybody else has a store open."""

import os
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


def _is_file_open(path: str) -> bool:
    names = (path, f"{path} (deleted)")
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        with suppress(OSError):
            for handle in (process / "fd").iterdir():
                with suppress(OSError):
                    if str(handle.readlink()) in names:
                        return True
    return False
