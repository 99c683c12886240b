"""Export tickets for the archive and for auditors, or the whole store for another one."""

import csv
import gzip
import io
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO

import msgspec

from models.database import Session, Store
from models.errors import HotlineError
from models.i18n import _
from models.json_types import JsonObject
from models.operations.access import record_reveal
from models.operations.anchors import make_anchor
from models.operations.store_copy import dump_store, load_store
from models.operations.store_secret import unlock
from models.private_files import prepare_home
from models.queries.anchors import anchor_secret
from models.queries.chain_proof import chain_proofs
from models.queries.exported_tickets import KINDS, ExportScope, count_exported, exported_tickets
from models.queries.verification import Verification, verify
from models.rules.vocabulary import Permission
from models.schema import NEWEST
from models.security.encryption import KeyUnusable, load_cipher
from models.settings import Settings
from models.shared_clock import store_clock
from models.spreadsheets import without_formula
from scripts.bootstrap import acting, require_store, use_store
from scripts.transfer.export_folder import (
    PROOFS,
    ExportAltered,
    ExportFolder,
    Manifest,
    check_folder,
    new_folder,
)
from scripts.transfer.filling import filling

STORE = "store.jsonl.gz"
_BUFFER_BYTES = 1 << 20
_REDACTED, _CLEAR, _SEALED = "redacted", "clear", "encrypted"


def export_tickets(
    settings: Settings, path: Path, scope: ExportScope, reason: str | None
) -> Manifest:
    """Write the tickets of a scope into a new folder, in clear where a reason is given.

    Raises HotlineError: NotAllowed, TooMuchRevealed, ReasonMissing, ForgedValue.
    """
    require_store(settings)
    with use_store(settings) as store, acting(store, settings, Permission.EXPORT) as actor:
        now = store_clock(store)()
        with store.writing() as session:
            # so that what is exported is proved by an anchor
            make_anchor(session, now)
            count = count_exported(session, scope)
            if not count:
                raise HotlineError(_("there is no such ticket"))
            if reason is not None:
                actor.require(Permission.REVEAL, scope.ticket, ["export"])
                record_reveal(session, actor, scope.ticket, ["export"], now, reason, amount=count)
        with new_folder(path, settings) as folder, store.reading(snapshot=True) as session:
            ids = _write_tickets(session, folder, scope, in_clear=reason is not None)
            with folder.file(PROOFS) as file:
                for proof in chain_proofs(session, ids):
                    file.write(msgspec.json.encode(proof) + b"\n")
            texts = _CLEAR if reason is not None else _REDACTED
            manifest = Manifest(now, actor.name, texts, "", len(ids), *scope)
            _sign(session, folder, manifest)
        return manifest


def export_whole(settings: Settings, path: Path) -> Manifest:
    """Write every row of the store, as encrypted as it is, into a new folder."""
    require_store(settings)
    with use_store(settings) as store, acting(store, settings, Permission.BACKUP) as actor:
        now = store_clock(store)()
        manifest = Manifest(now, actor.name, _SEALED, "")
        with new_folder(path, settings) as folder, store.reading(snapshot=True) as session:
            with (
                folder.file(STORE) as file,
                gzip.GzipFile("", "wb", 1, file, 0) as packed,
                io.BufferedWriter(packed, _BUFFER_BYTES) as buffered,
            ):
                for line in dump_store(session, NEWEST, now):
                    buffered.write(line + b"\n")
            _sign(session, folder, manifest)
    return manifest


def import_whole(settings: Settings, path: Path) -> Verification:
    """Fill an empty store from a folder that `export_whole` wrote, and verify it.

    Raises HotlineError, and then leaves nothing: ExportAltered, StoreNotEmpty, StreamUnusable,
    KeyUnusable, ServiceRuns.
    """
    manifest = check_folder(path, None)
    if STORE not in manifest.files:
        raise ExportAltered(_("it holds no whole store: export it with --whole"))
    prepare_home(settings.home)
    cipher = load_cipher(settings.key_path, settings.key)
    if cipher.unsaved:
        text = _("put the key file that belongs to the export to {path} first")
        raise KeyUnusable(text.format(path=settings.key_path))
    with closing(Store(settings.store_url, cipher)) as store:
        with gzip.open(path / STORE) as packed, filling(store) as session:
            lines = (line.removesuffix(b"\n") for line in packed)
            load_store(session, lines, NEWEST)
        unlock(store)
        return verify(store)


def _write_tickets(
    session: Session, folder: ExportFolder, scope: ExportScope, *, in_clear: bool
) -> list[int]:
    """Write everything of the tickets as JSON Lines and as CSV; returns their ids."""
    ids: list[int] = []
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(folder.file(name))
            for kind in KINDS
            for name in (f"{kind}.jsonl", f"{kind}.csv")
        }
        tables = {kind: _CsvFile(files[f"{kind}.csv"], kind) for kind in KINDS}
        for batch in exported_tickets(session, scope, in_clear=in_clear):
            ids += batch.ids
            for kind, rows in batch.rows.items():
                for row in rows:
                    files[f"{kind}.jsonl"].write(msgspec.json.encode(row) + b"\n")
                    tables[kind].write(row)
    return ids


_COLUMNS = {
    "tickets": (
        *("number", "status", "category", "emergency", "topic", "unit", "level", "due"),
        *("received_at", "completed_at", "rating", "policy_id", "title", "content"),
        *("name", "phone", "address", "lines", "hash"),
    ),
    "events": ("ticket", "seq", "at", "moment", "event", "cause", "hash"),
    "clocks": (
        *("ticket", "key", "ordinal", "name", "holder", "unit", "purpose"),
        *("base", "due", "provisional", "state", "ended_at"),
    ),
    "notices": (
        *("ticket", "seq", "kind", "role", "recipient", "unit", "state", "channel", "error"),
        *("queued_at", "sent_at"),
    ),
}
_REST = "details"
"""The last column of the events: all that only some of them have, as JSON."""


class _CsvFile:
    """A table for spreadsheets, in UTF-8 with the mark by which Excel recognises it."""

    def __init__(self, file: IO[bytes], kind: str) -> None:
        self._file, self._columns = file, _COLUMNS[kind]
        self._has_rest = kind == "events"
        file.write(b"\xef\xbb\xbf")
        self._write([*self._columns, *[_REST] * self._has_rest])

    def write(self, row: JsonObject) -> None:
        """Add a row."""
        cells = [row.get(name) for name in self._columns]
        if self._has_rest:
            rest = {name: value for name, value in row.items() if name not in self._columns}
            cells.append(msgspec.json.encode(rest).decode())
        self._write(["" if cell is None else without_formula(str(cell)) for cell in cells])

    def _write(self, cells: list[str]) -> None:
        text = io.StringIO()
        csv.writer(text).writerow(cells)
        self._file.write(text.getvalue().encode())


def _sign(session: Session, folder: ExportFolder, manifest: Manifest) -> None:
    secret = anchor_secret(session)
    if secret is None:
        raise HotlineError(_("the store has no key for anchors; see `hotline log --verify`"))
    folder.sign(manifest, secret.private)
