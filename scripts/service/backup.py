"""Back up a SQLite store while the service runs."""

import os
from pathlib import Path

from models.database import Store
from models.errors import HotlineError
from models.i18n import _
from models.operations.backup import copy_sqlite
from models.private_files import open_private
from models.rules.vocabulary import Permission
from models.settings import Settings
from scripts.bootstrap import use_store
from scripts.output_files import require_outside_home


def make_backup(settings: Settings, target: Path) -> int:
    """Copy the store, as of one moment, into a new file (mode 600); returns its size in bytes.

    Raises HotlineError where the store is PostgreSQL's, which has its own tools, or where the file
    exists.
    """
    if not settings.store_url.startswith("sqlite"):
        text = _("a PostgreSQL is backed up with its own tools: pg_dump, or pg_basebackup with WAL")
        raise HotlineError(text)
    with use_store(settings, Permission.BACKUP) as store:
        return _copy(settings, store, target)


def _copy(settings: Settings, store: Store, target: Path) -> int:
    require_outside_home(target, settings)
    draft = target.with_name(target.name + ".part")
    try:
        if target.exists():
            raise HotlineError(_("{path} is there already").format(path=target))
        draft.unlink(missing_ok=True)
        os.close(open_private(draft, os.O_WRONLY | os.O_EXCL))
    except OSError as error:
        raise HotlineError(f"{target}: {error.strerror}") from error
    # into the empty file, which only its owner can read
    copy_sqlite(store, draft)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.rename(target)
    return target.stat().st_size
