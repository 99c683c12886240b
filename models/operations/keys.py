"""The keys of a store: checking that they fit, and re-encrypting under a new one."""

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from time import sleep
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Join,
    LargeBinary,
    Table,
    bindparam,
    delete,
    func,
    select,
    tuple_,
    update,
)
from sqlmodel import SQLModel

import models.tables  # noqa: F401  (their import is what fills the metadata)
from models.clock import Now
from models.database import Session, Store, columns_to_decrypt
from models.operations.blind_index import rebuild_hashes
from models.operations.first_anchor import begin_anchors, list_heads
from models.security.encryption import ForgedValue, no_key
from models.sql_types import AnyColumn, SelectedRow
from models.tables.columns import EncryptedColumn
from models.tables.core import EVENT, SECRET, SIMILARITY, TICKET
from models.tables.secrets import HASH_KEY

_BATCH = 500
_PASSES = 5
_BREATH = 0.2

_FORM = 3
"""The form of what the store holds: what is hashed, titles, and where texts are.

1 since telephone numbers have one form (rules/phones.py), 2 since numbers are facts
(rules/screening.py), 3 since numbers are found in every disguise, titles are redacted of all that
is personal (rules/redaction.py), and what people wrote is kept encrypted only.
"""


class _HashSecret(msgspec.Struct, frozen=True, omit_defaults=True):
    """The secret that hashes are made with, as it is stored.

    Lines of the log up to `unkeyed_until` were chained without a key; `form` is the normal form
    that the hashes in the store are made of. A store that is `anchored` never begins anew.
    """

    key: bytes
    unkeyed_until: datetime | None
    form: int = 0
    anchored: bool = False


def unlock(store: Store) -> int:
    """Check that the key opens this store, and make hashes with the key that is stored in it.

    A new store gets a hash key of its own, and the generated key is saved. Returns the normal form
    of what is hashed in the store. Raises KeyUnusable where the store is encrypted with another
    key, or its key is missing.
    """
    with store.reading() as session:
        secret = _stored_secret(session)
        has_older = secret is None and _open_older(session)
    if secret is None:
        secret = _create_secret(store, has_older=has_older)
    store.cipher.use_hash_key(secret.key)
    return secret.form


def refresh_hashes(store: Store, form: int) -> None:
    """Bring what a store holds to the present form, hashes and texts.

    If it is interrupted, the next command begins it again.
    """
    if form == _FORM:
        return
    from models.operations.old_texts import move_texts  # noqa: PLC0415  (rarely needed)
    from models.operations.titles import redact_titles  # noqa: PLC0415

    rebuild_hashes(store)
    redact_titles(store)
    move_texts(store)
    with store.writing() as session:
        # they are made of the same texts, and idle workers make them anew
        session.execute(delete(SIMILARITY))
        anchored = _hash_secret(session).anchored
    if anchored:
        # their rows are other ones now
        list_heads(store)
    with store.writing() as session:
        _renew(session, form=_FORM)


def ensure_anchored(store: Store, now: Now) -> None:
    """Make the first anchor of a new store, or of one that an earlier release has written."""
    with store.reading() as session:
        if _hash_secret(session).anchored:
            return
    begin_anchors(store, now)
    with store.writing() as session:
        _renew(session, anchored=True)


def _hash_secret(session: Session) -> _HashSecret:
    secret = _stored_secret(session)
    assert secret is not None, "unlock has created one"
    return secret


def _renew(session: Session, **changes: Any) -> None:
    """Store the secret with these changes."""
    row = _secret_row(session, msgspec.structs.replace(_hash_secret(session), **changes))
    session.execute(update(SECRET).where(SECRET.c.name == HASH_KEY).values(row))


def _stored_secret(session: Session) -> _HashSecret | None:
    row = session.execute(select(SECRET).where(SECRET.c.name == HASH_KEY)).first()
    if row is None:
        return None
    try:
        return msgspec.convert(session.decrypt(SECRET.c.value, row), _HashSecret)
    except ForgedValue as error:
        # most likely the key file is another store's
        raise no_key() from error


def _secret_row(session: Session, secret: _HashSecret) -> dict[str, Any]:
    row: dict[str, Any] = {"name": HASH_KEY}
    return row | {"value": session.encrypt(SECRET.c.value, secret, row)}


def _create_secret(store: Store, *, has_older: bool) -> _HashSecret:
    cipher = store.cipher
    cipher.save_key()
    key = cipher.legacy_hash_key() if has_older else os.urandom(32)
    with store.writing() as session:
        # until then lines of the log were chained without a key
        unkeyed_until = session.scalar(select(func.max(EVENT.c.at)))
        secret = _HashSecret(key, unkeyed_until, 0 if has_older else _FORM)
        row = _secret_row(session, secret)
        session.execute(session.insert(SECRET).values(row).on_conflict_do_nothing())
        stored = _stored_secret(session)
        assert stored is not None, "it has just been inserted"
        return stored


def _open_older(session: Session) -> bool:
    """Return whether a store without a secret has encrypted values; raises where none opens."""
    for table, column in encrypted_columns():
        for row in encrypted_rows(session, table, column, most=1):
            session.decrypt(column, row)
            return True
    return False


def encrypted_rows(
    session: Session, table: Table, column: AnyColumn, most: int | None = None
) -> Sequence[SelectedRow]:
    """Return the rows in which this column has a value, with what decrypting it needs."""
    rows = select(*_row_columns(column)).select_from(_from(table, column))
    return session.execute(rows.where(column.is_not(None)).limit(most)).all()


def encrypted_columns() -> Iterator[tuple[Table, AnyColumn]]:
    """Yield every column of the store that holds encrypted values."""
    for table in SQLModel.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, EncryptedColumn):
                yield table, column


def count_by_key(session: Session) -> dict[int, int]:
    """Count the encrypted values that each key opens, by the key's number."""
    counts: dict[int, int] = {}
    for _table, column in encrypted_columns():
        number = _number(column)
        rows = session.execute(
            select(number, func.count()).where(column.is_not(None)).group_by(number)
        )
        for first_byte, count in rows:
            key = bytes(first_byte)[0]
            counts[key] = counts.get(key, 0) + count
    return counts


def reencrypt(store: Store) -> Iterator[int]:
    """Encrypt everything under the active key, a batch a transaction; yields each batch's size.

    It can be stopped at any time and begun again. Rows that others have locked, or still encrypt
    with an older key because they have not been given the new one, are tried a few times and then
    left.
    """
    for table, column in encrypted_columns():
        for attempt in range(_PASSES):
            if attempt:
                sleep(_BREATH)
            yield from _pass(store, table, column)
            if not _left(store, column):
                break


def _pass(store: Store, table: Table, column: AnyColumn) -> Iterator[int]:
    """Go through a table once, in the order of its primary key."""
    keys = list(table.primary_key.columns)
    after: tuple[Any, ...] | None = None
    while True:
        with store.writing() as session:
            stale = (
                select(*keys, *_row_columns(column))
                .select_from(_from(table, column))
                .where(_stale(session, column))
                .order_by(*keys)
                .limit(_BATCH)
                .with_for_update(skip_locked=True, of=table)
            )
            if after is not None:
                stale = stale.where(tuple_(*keys) > after)
            rows = session.execute(stale).all()
            if not rows:
                return
            _write(session, table, column, rows)
        after = tuple(rows[-1][: len(keys)])
        yield len(rows)


def _write(session: Session, table: Table, column: AnyColumn, rows: Sequence[SelectedRow]) -> None:
    keys = list(table.primary_key.columns)
    statement = update(table).where(*(k == bindparam(f"_{k.name}") for k in keys))
    values = session.decrypt_all(column, rows)
    session.connection().execute(
        statement.values({column.name: bindparam("_new")}),
        [
            {f"_{k.name}": v for k, v in zip(keys, row, strict=False)}
            | {"_new": session.encrypt(column, value, row)}
            for row, value in zip(rows, values, strict=True)
        ],
    )


def _row_columns(column: AnyColumn) -> list[AnyColumn]:
    """Return the columns that decrypting this one needs, also where the ticket's row has them."""
    columns = columns_to_decrypt(column)
    return columns if _says_ticket(column) else [*columns, TICKET.c.number]


def _from(table: Table, column: AnyColumn) -> Table | Join:
    """Return what those columns are selected from."""
    return table if _says_ticket(column) else table.join(TICKET, TICKET.c.id == table.c.ticket_id)


def _says_ticket(column: AnyColumn) -> bool:
    kind = column.type
    assert isinstance(kind, EncryptedColumn)
    return kind.binding.ticket is None or kind.binding.ticket in column.table.c


def _left(store: Store, column: AnyColumn) -> bool:
    with store.reading() as session:
        stale = select(column).where(_stale(session, column)).limit(1)
        return session.execute(stale).first() is not None


def _number(column: AnyColumn) -> ColumnElement[bytes]:
    """Return the first byte of encrypted values, which is the number of their key."""
    return func.substr(column, 1, 1, type_=LargeBinary)


def _stale(session: Session, column: AnyColumn) -> ColumnElement[bool]:
    return column.is_not(None) & (_number(column) != bytes([session.cipher.keyring.active]))
