"""The keys of a store: what each of them encrypts, and encrypting it under a new one."""

from collections import Counter
from collections.abc import Iterator, Sequence
from time import sleep
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Join,
    LargeBinary,
    Table,
    bindparam,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlmodel import SQLModel

import models.tables  # noqa: F401  (their import is what fills the metadata)
from models.database import Session, Store, columns_to_decrypt
from models.security.encryption import (
    Binding,
    Encrypted,
    ForgedValue,
    KeyUnusable,
    TextsErased,
)
from models.sql_types import AnyColumn, SelectedRow
from models.tables.columns import EncryptedColumn
from models.tables.core import SALT, TICKET

_BATCH = 500
_PASSES = 5
_BREATH = 0.2


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
    """Count the encrypted values that each key opens, by the key's number.

    Those whose ticket's texts are erased need no key any longer.
    """
    counts = Counter[int]()
    for key, _place, count in _counts(session):
        counts[key] += count
    return dict(counts)


def count_left(session: Session) -> dict[str, int]:
    """Count the encrypted values that the active key does not open, by table and column."""
    counts = Counter[str]()
    for key, place, count in _counts(session):
        if key != session.cipher.keyring.active:
            counts[place] += count
    return dict(counts)


def _counts(session: Session) -> Iterator[tuple[int, str, int]]:
    """Yield how many values of a column a key opens: its number, the column, the count."""
    for table, column in encrypted_columns():
        number = _number(column)
        rows = session.execute(
            select(number, func.count())
            .select_from(_from(table, column))
            .where(_needs_key(session, column))
            .group_by(number)
        )
        for first_byte, count in rows:
            yield (bytes(first_byte) or b"\xff")[0], _binding(column).purpose, count


def reencrypt(store: Store) -> Iterator[int]:
    """Encrypt everything under the active key, a batch a transaction; yields each batch's size.

    It can be stopped at any time and begun again. Rows that others have locked, or still encrypt
    with an older key because they have not been given the new one, are tried a few times and then
    left; so are those that no key opens, or that do not belong where they are (`count_left`).
    """
    for table, column in encrypted_columns():
        for attempt in range(_PASSES):
            if attempt:
                sleep(_BREATH)
            yield from _pass(store, table, column)
            if not _left(store, table, column):
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
            done = _write(session, table, column, rows)
        after = tuple(rows[-1][: len(keys)])
        yield done


def _write(session: Session, table: Table, column: AnyColumn, rows: Sequence[SelectedRow]) -> int:
    """Encrypt the values of these rows anew; returns of how many."""
    keys = list(table.primary_key.columns)
    statement = update(table).where(*(k == bindparam(f"_{k.name}") for k in keys))
    changes = [
        {f"_{k.name}": v for k, v in zip(keys, row, strict=False)} | {"_new": value}
        for row, value in _renewed(session, column, rows)
    ]
    if changes:
        new_value = statement.values({column.name: bindparam("_new")})
        session.connection().execute(new_value, changes)
    return len(changes)


def _renewed(
    session: Session, column: AnyColumn, rows: Sequence[SelectedRow]
) -> Iterator[tuple[SelectedRow, Encrypted]]:
    """Yield rows with their value under the active key, but those that cannot be decrypted."""
    binding, bound = _binding(column), set(session.cipher.keyring.binding)
    if binding.ticket is not None:
        tickets = {row: binding.ticket_of(row) for row in rows}
        session.load_salts(set(tickets.values()))
        # a value of an earlier release needs no salt yet; without one, a bound value is erased
        session.add_salts({tickets[r] for r in rows if r._mapping[column].number not in bound})
    for row in rows:
        try:
            yield row, session.encrypt(column, session.decrypt(column, row), row)
        except (TextsErased, ForgedValue, KeyUnusable):
            continue


def _row_columns(column: AnyColumn) -> list[AnyColumn]:
    """Return the columns that decrypting this one needs, also where the ticket's row has them."""
    columns = columns_to_decrypt(column)
    return columns if _says_ticket(column) else [*columns, TICKET.c.number]


def _from(table: Table, column: AnyColumn) -> Table | Join:
    """Return what those columns are selected from."""
    return table if _says_ticket(column) else table.join(TICKET, TICKET.c.id == table.c.ticket_id)


def _says_ticket(column: AnyColumn) -> bool:
    ticket = _binding(column).ticket
    return ticket is None or ticket in column.table.c


def _binding(column: AnyColumn) -> Binding:
    kind = column.type
    assert isinstance(kind, EncryptedColumn)
    return kind.binding


def _left(store: Store, table: Table, column: AnyColumn) -> bool:
    with store.reading() as session:
        rows = select(column).select_from(_from(table, column))
        return session.execute(rows.where(_stale(session, column)).limit(1)).first() is not None


def _number(column: AnyColumn) -> ColumnElement[bytes]:
    """Return the first byte of encrypted values, which is the number of their key."""
    return func.substr(column, 1, 1, type_=LargeBinary)


def _needs_key(session: Session, column: AnyColumn) -> ColumnElement[bool]:
    """Return the condition that there is a value, and that it is not erased."""
    ticket = _binding(column).ticket
    if ticket is None:
        return column.is_not(None)
    number = column.table.c[ticket] if _says_ticket(column) else TICKET.c.number
    bound = [bytes([n]) for n in session.cipher.keyring.binding]
    has_salt = exists().where(SALT.c.ticket == number)
    return column.is_not(None) & or_(_number(column).not_in(bound), has_salt)


def _stale(session: Session, column: AnyColumn) -> ColumnElement[bool]:
    other = _number(column) != bytes([session.cipher.keyring.active])
    return _needs_key(session, column) & other
