"""The key fits the store, or nothing goes on; and a new key takes an old one's place."""

import base64
import os
from collections.abc import Iterator
from time import sleep
from typing import Any

from sqlalchemy import (
    Column,
    LargeBinary,
    Table,
    bindparam,
    func,
    select,
    tuple_,
    update,
)
from sqlmodel import SQLModel

import models.tables  # noqa: F401  (their import is what fills the metadata)
from models.database import Session, Store
from models.operations.blind_index import rebuild_blind_index
from models.security.encryption import Encrypted
from models.tables.columns import EncryptedColumn
from models.tables.core import EVENT, SECRET
from models.tables.secrets import HASH_KEY

_BATCH = 500
_PASSES = 5
_BREATH = 0.2


def unlock(store: Store) -> None:
    """See that the key opens this store, and take out of it what its hashes are made with.

    A new store gets a hash key of its own, and the key that was thought of is kept. Raises
    KeyWrong where the store is sealed with another key, or its key is missing.
    """
    with store.reading() as session:
        found = session.scalar(select(SECRET.c.value).where(SECRET.c.name == HASH_KEY))
        older = _any_sealed(session) if found is None else None
    if found is None:
        if older is not None:
            store.cipher.decrypt(older)
            # the traces first: a store without the secret has perhaps not all of them
            rebuild_blind_index(store)
        found = _begin(store, older)
    secret = store.cipher.decrypt(found)
    store.cipher.use_hash_key(base64.b64decode(secret["key"]))


def _begin(store: Store, older: Encrypted | None) -> Encrypted:
    cipher = store.cipher
    cipher.save_key()
    key = os.urandom(32) if older is None else cipher.legacy_hash_key()
    with store.writing() as session:
        # until then lines of the log were chained without a key
        until = session.scalar(select(func.max(EVENT.c.at)))
        value = {"key": base64.b64encode(key).decode(), "unkeyed_until": until}
        row = {"name": HASH_KEY, "value": cipher.encrypt(value)}
        session.execute(session.insert(SECRET).values(row).on_conflict_do_nothing())
        kept: Encrypted = session.scalars(
            select(SECRET.c.value).where(SECRET.c.name == HASH_KEY)
        ).one()
        return kept


def _any_sealed(session: Session) -> Encrypted | None:
    for table, column in encrypted_columns():
        found: Encrypted | None = session.scalar(
            select(column).select_from(table).where(column.is_not(None)).limit(1)
        )
        if found is not None:
            return found
    return None


def encrypted_columns() -> Iterator[tuple[Table, Column[Any]]]:
    """Every column of the store that holds sealed values, whoever added it."""
    for table in SQLModel.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, EncryptedColumn):
                yield table, column


def count_by_key(session: Session) -> dict[int, int]:
    """How many sealed values each key opens, by the key's number."""
    counts: dict[int, int] = {}
    for _table, column in encrypted_columns():
        number = _number(column)
        rows = session.execute(
            select(number, func.count()).where(column.is_not(None)).group_by(number)
        )
        for which, count in rows:
            counts[bytes(which)[0]] = counts.get(bytes(which)[0], 0) + count
    return counts


def reencrypt(store: Store) -> Iterator[int]:
    """Seal everything with the key that seals now, a batch a transaction; yields each batch's size.

    It can be stopped at any time and begun again. What others hold just now, or seal with an older
    key because they have not been given the new one yet, is looked for a few times and then left.
    """
    for table, column in encrypted_columns():
        for attempt in range(_PASSES):
            if attempt:
                sleep(_BREATH)
            yield from _pass(store, table, column)
            if not _left(store, column):
                break


def _pass(store: Store, table: Table, column: Column[Any]) -> Iterator[int]:
    keys = list(table.primary_key.columns)
    after: tuple[Any, ...] | None = None
    while True:
        with store.writing() as session:
            stale = (
                select(*keys, column)
                .where(_stale(session, column))
                .order_by(*keys)
                .limit(_BATCH)
                .with_for_update(skip_locked=True)
            )
            if after is not None:
                stale = stale.where(tuple_(*keys) > after)
            rows = session.execute(stale).all()
            if not rows:
                return
            _write(session, table, column, rows)
        after = tuple(rows[-1][: len(keys)])
        yield len(rows)


def _write(session: Session, table: Table, column: Column[Any], rows: Any) -> None:
    keys = list(table.primary_key.columns)
    statement = update(table).where(*(k == bindparam(f"_{k.name}") for k in keys))
    session.connection().execute(
        statement.values({column.name: bindparam("_new")}),
        [
            {f"_{k.name}": v for k, v in zip(keys, row, strict=False)}
            | {"_new": session.cipher.reencrypt(row[-1])}
            for row in rows
        ],
    )


def _left(store: Store, column: Column[Any]) -> bool:
    with store.reading() as session:
        found = select(column).where(_stale(session, column)).limit(1)
        return session.execute(found).first() is not None


def _number(column: Column[Any]) -> Any:
    return func.substr(column, 1, 1, type_=LargeBinary)


def _stale(session: Session, column: Column[Any]) -> Any:
    return column.is_not(None) & (_number(column) != bytes([session.cipher.ring.sealing]))
