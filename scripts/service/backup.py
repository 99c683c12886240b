"""A copy of the store, whole and of one moment, while the service goes on."""

import os
from pathlib import Path

from models.errors import HotlineError
from models.i18n import _
from models.security.roles import BACKUP
from models.settings import Settings
from scripts.bootstrap import allowed, open_store


def make_backup(settings: Settings, target: Path) -> int:
    """Copy a SQLite store into a new file (mode 600); returns its size in bytes.

    Raises HotlineError where the store is PostgreSQL's, which has its own tools, or the file is
    there already.
    """
    allowed(settings, BACKUP)
    if not settings.store_url.startswith("sqlite"):
        told = _("a PostgreSQL is backed up with its own tools: pg_dump, or pg_basebackup with WAL")
        raise HotlineError(told)
    draft = target.with_name(target.name + ".part")
    try:
        if target.exists():
            raise HotlineError(_("{path} is there already").format(path=target))
        draft.unlink(missing_ok=True)
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as wrong:
        raise HotlineError(f"{target}: {wrong.strerror}") from wrong
    store = open_store(settings)
    try:
        with store.engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            # into the empty file that only we can read; outside of a transaction
            raw.execute("VACUUM INTO ?", (str(draft),))
    finally:
        store.close()
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.rename(target)
    return target.stat().st_size
