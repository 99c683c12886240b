"""Restore a backup into an empty home, and verify what was restored."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.anchor_file import AnchorFile
from models.database import Store
from models.errors import HotlineError
from models.i18n import _
from models.operations.access_log import record_access
from models.operations.store_copy import load_store
from models.operations.store_secret import unlock
from models.private_files import prepare_home
from models.queries.verification import verify
from models.rules.vocabulary import Permission
from models.schema import NEWEST
from models.security.encryption import KeyUnusable, load_cipher
from models.security.findings import Finding, Harm
from models.security.keys import KeyRing
from models.security.sealed_file import SealBroken, UnsealingReader
from models.settings import Settings
from models.shared_clock import store_clock
from scripts.bootstrap import current_actor
from scripts.help import current_command
from scripts.transfer.filling import filling
from scripts.transfer.home_files import remove_files, require_no_files, restore_files


def restore_backup(settings: Settings, backup: Path) -> list[Finding]:
    """Fill an empty home and store from a backup; returns what the verification finds then.

    The copy of the anchors outside, which may know a later state, is set aside. Raises
    HotlineError, and then leaves nothing: KeyUnusable, SealBroken, StreamUnusable, StoreNotEmpty,
    HomeNotEmpty, ServiceRuns.
    """
    prepare_home(settings.home)
    require_no_files(settings.home)
    cipher = load_cipher(settings.key_path, settings.key)
    if cipher.unsaved:
        text = _("put the key file that belongs to the backup to {path} first")
        raise KeyUnusable(text.format(path=settings.key_path))
    written: list[Path] = []
    try:
        with _lines(backup, cipher.keyring) as lines:
            # to open the store makes its file
            store = Store(settings.store_url, cipher)
            with filling(store) as session:
                load_store(session, lines, NEWEST)
                written = restore_files(settings.home, lines)
    except BaseException:
        remove_files(written)
        raise
    try:
        return _settle(settings, store)
    finally:
        store.close()


def _settle(settings: Settings, store: Store) -> list[Finding]:
    """Verify a store that was filled, note that it was, and let a new copy of anchors begin."""
    unlock(store)
    copy = AnchorFile(settings.anchors) if settings.anchors is not None else None
    result = verify(store, outside=copy.lines() if copy is not None else ())
    now = store_clock(store)()
    actor = current_actor(store, settings)
    with store.writing() as session:
        record_access(session, actor, Permission.BACKUP, None, [current_command()], now)
    if copy is not None:
        copy.rename(now)
    # that it was set back is what a restore is
    return [finding for finding in result.findings if finding.harm != Harm.SET_BACK]


@contextmanager
def _lines(backup: Path, ring: KeyRing) -> Iterator[Iterator[bytes]]:
    """Give the lines of a backup. Raises SealBroken, KeyUnusable, HotlineError."""
    try:
        with (
            backup.open("rb") as file,
            io.BufferedReader(UnsealingReader(file, ring)) as opened,
            gzip.GzipFile(fileobj=opened) as packed,
        ):
            yield (line.removesuffix(b"\n") for line in packed)
    except OSError as error:
        raise HotlineError(f"{backup}: {error.strerror or _('cannot be read')}") from error
    except (EOFError, zlib.error, ValueError) as error:
        raise SealBroken from error
