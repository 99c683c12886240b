"""Back up a store and what belongs to it while the service runs, and keep some of the backups."""

import fcntl
import gzip
import io
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from models.database import Store
from models.errors import HotlineError
from models.i18n import _
from models.operations.backup import copy_sqlite
from models.operations.store_copy import dump_store
from models.private_files import open_private
from models.rules.backup_rotation import Rotation, kept_backups
from models.rules.vocabulary import Permission
from models.schema import NEWEST, StoreMissing, WrongSchema
from models.security.encryption import load_cipher
from models.security.sealed_file import SealingWriter
from models.settings import Settings
from models.shared_clock import store_clock
from scripts.bootstrap import acting, use_store
from scripts.output_files import require_outside_home
from scripts.transfer.home_files import file_lines

_NAME = "hotline-%Y%m%dT%H%M%SZ.backup"
_BUFFER_BYTES = 1 << 20


def make_backup(settings: Settings, target: Path, rotation: Rotation) -> tuple[Path, int]:
    """Write a backup to a new file (mode 600), or into a folder; returns the file and its bytes.

    In a folder the file is named after the moment, and older ones are removed as the rotation says.
    A name that ends with `.db` makes a plain copy of a SQLite store instead. Raises HotlineError
    where the file exists or cannot be written.
    """
    is_plain = target.suffix == ".db" and not target.is_dir()
    if is_plain and not settings.store_url.startswith("sqlite"):
        text = _("a PostgreSQL has no file to copy: name a folder, or a file that ends otherwise")
        raise HotlineError(text)
    require_outside_home(target, settings)
    with _store_to_copy(settings, is_plain=is_plain) as store:
        now = store_clock(store)()
        file = target / now.astimezone(UTC).strftime(_NAME) if target.is_dir() else target
        try:
            with _draft(file, target / "hotline.part" if target.is_dir() else None) as draft:
                if is_plain:
                    copy_sqlite(store, draft)
                else:
                    _write(settings, store, draft, now)
            if target.is_dir():
                _rotate(target, rotation)
            return file, file.stat().st_size
        except OSError as error:
            raise HotlineError(f"{target}: {error.strerror}") from error


@contextmanager
def _store_to_copy(settings: Settings, *, is_plain: bool) -> Iterator[Store]:
    """Open the store; one of another release as it is, for the copy that precedes an upgrade.

    A sealed backup tells nobody anything without the key, so whoever keeps the store may make one,
    as its timer does. This program cannot ask a store of another release for roles; who may open
    its file can copy it. Raises WrongSchema where its rows would have to be read.
    """
    with ExitStack() as stack:
        try:
            store = stack.enter_context(use_store(settings))
            keeper = not is_plain
            stack.enter_context(acting(store, settings, Permission.BACKUP, or_keeper=keeper))
            yield store
        except StoreMissing:
            raise
        except WrongSchema as error:
            if not is_plain:
                text = _("{why}; before an upgrade, back up to a file that ends with .db")
                if settings.sqlite_path is None:
                    text = _("{why}; back up with the release that wrote the store, or by pg_dump")
                raise WrongSchema(text.format(why=error)) from error
            store = Store(settings.store_url, load_cipher(settings.key_path, settings.key))
            stack.callback(store.close)
            yield store


@contextmanager
def _draft(file: Path, draft: Path | None) -> Iterator[Path]:
    """Give an empty file to be filled, which then gets its name.

    One that an earlier backup has left behind is used again; where another backup is just writing
    it, HotlineError is raised.
    """
    if file.exists():
        raise HotlineError(_("{path} is there already").format(path=file))
    draft = draft or file.with_name(file.name + ".part")
    handle = open_private(draft, os.O_RDWR | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            text = _("another backup is being written: {path}").format(path=draft)
            raise HotlineError(text) from error
        os.ftruncate(handle, 0)
        try:
            yield draft
            os.fsync(handle)
            # no other may come to this name, as two backups at once can
            os.link(draft, file)
        finally:
            draft.unlink(missing_ok=True)
    finally:
        os.close(handle)


def _write(settings: Settings, store: Store, draft: Path, now: datetime) -> None:
    """Write the lines of the store and the files of its home, compressed and encrypted."""
    with draft.open("wb") as file:
        sealing = SealingWriter(file, store.cipher.keyring)
        # most of it is ciphertext in base64: more effort saves little
        with gzip.GzipFile("", "wb", 1, sealing, 0) as packed:
            _write_lines(settings, store, packed, now)
        sealing.finish()


def _write_lines(settings: Settings, store: Store, packed: gzip.GzipFile, now: datetime) -> None:
    with (
        store.reading(snapshot=True) as session,
        io.BufferedWriter(packed, _BUFFER_BYTES) as buffered,
    ):
        for line in dump_store(session, NEWEST, now):
            buffered.write(line + b"\n")
        for line in file_lines(settings):
            buffered.write(line + b"\n")


def _rotate(folder: Path, rotation: Rotation) -> None:
    """Remove the backups of a folder that need not be kept; other files in it stay."""
    files = {}
    for path in folder.glob("hotline-*.backup"):
        try:
            made_at = datetime.strptime(path.name, _NAME).replace(tzinfo=UTC)
        except ValueError:
            continue
        files[made_at] = path
    for made_at in files.keys() - kept_backups(files, rotation):
        files[made_at].unlink()
