"""Bring what a store of an earlier release holds to the present form."""

from sqlalchemy import Connection, delete, func, select

from models.clock import Now
from models.database import Session, Store
from models.operations.blind_index import rebuild_hashes
from models.operations.first_anchor import begin_anchors, list_heads, list_tables, renew_heads
from models.operations.keys import encrypted_columns, encrypted_rows
from models.operations.store_secret import (
    FORM,
    HashSecret,
    SecretMissing,
    hash_secret,
    renew_secret,
    secret_row,
)
from models.sql_types import AnyColumn, SelectedRow
from models.tables.core import EVENT, SECRET, SIMILARITY

_TEXTS_MOVED = 3
"""The form since which hashes, titles and texts are as they are now."""


def keep_first_hashes(store: Store, connection: Connection) -> None:
    """Make the secret of a store of the first release, in the transaction that migrates it.

    Its hashes were made with a key that is derived from its first key, and the lines of its logs
    were chained without one. At no other moment data gets a secret: whoever removes that could
    write the logs anew. Raises KeyUnusable, SecretMissing.
    """
    session = Session(connection)
    session.cipher = store.cipher
    if (stored := _any_encrypted(session)) is None:
        return
    if store.cipher.keyring.any_binds and not store.cipher.unsaved:
        raise SecretMissing
    session.decrypt(*stored)
    unkeyed_until = session.scalar(select(func.max(EVENT.c.at)))
    secret = HashSecret(store.cipher.legacy_hash_key(), unkeyed_until)
    session.execute(session.insert(SECRET).values(secret_row(session, secret)))


def refresh_hashes(store: Store, form: int) -> None:
    """Bring what a store holds to the present form, hashes and texts.

    If it is interrupted, the next command begins it again.
    """
    if form == FORM:
        return
    from models.operations.old_ids import key_message_ids  # noqa: PLC0415  (rarely needed)

    with store.reading() as session:
        anchored = hash_secret(session).anchored
    if form < _TEXTS_MOVED:
        # what goes by a table needs its digest
        list_tables(store)
        _refresh_texts(store)
        if anchored:
            # their rows are other ones now
            list_heads(store)
    elif anchored:
        renew_heads(store)
    key_message_ids(store)
    with store.writing() as session:
        renew_secret(session, form=FORM)


def _refresh_texts(store: Store) -> None:
    """Bring hashes, titles and texts to their present form."""
    from models.operations.old_texts import move_texts  # noqa: PLC0415  (rarely needed)
    from models.operations.titles import redact_titles  # noqa: PLC0415

    rebuild_hashes(store)
    redact_titles(store)
    move_texts(store)
    with store.writing() as session:
        # they are made of the same texts, and idle workers make them anew
        session.execute(delete(SIMILARITY))


def ensure_anchored(store: Store, now: Now) -> None:
    """Make the first anchor of a new store, or of one that an earlier release has written."""
    with store.reading() as session:
        if hash_secret(session).anchored:
            return
    begin_anchors(store, now)
    with store.writing() as session:
        renew_secret(session, anchored=True)


def _any_encrypted(session: Session) -> tuple[AnyColumn, SelectedRow] | None:
    """Return a column and a row with an encrypted value, None where there is none."""
    for table, column in encrypted_columns():
        for row in encrypted_rows(session, table, column, most=1):
            return column, row
    return None
