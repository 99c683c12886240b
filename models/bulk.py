"""Write many rows by one statement, in the fastest way of each database.

SQLAlchemy's unit of work and its executemany spend most of a batch's time on parameters. Here the
column types still translate every value, and one statement carries all rows.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, CursorResult, LargeBinary, Table
from sqlalchemy.exc import DBAPIError

from models.sql_types import AnyColumn
from models.tables.columns import Instant

RowValues = Mapping[str, Any]
"""The values of a row by column, each of the type that its column takes."""


def insert_rows(connection: Connection, table: Table, rows: Sequence[RowValues]) -> None:
    """Insert rows that all have the same columns: COPY on PostgreSQL.

    Raises SQLAlchemy's errors, as its own statements do.
    """
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        _insert(connection, table, rows)
        return
    columns = [table.c[name] for name in rows[0]]
    values = _by_column(connection, columns, rows)
    names = ", ".join(_quoted(connection, c) for c in columns)
    statement = f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)"
    cursor = connection.connection.cursor()
    with translated_errors(connection, statement), cursor.copy(statement) as copy:
        copy.set_types([_type_name(connection, c) for c in columns])
        for row in zip(*values, strict=True):
            copy.write_row(row)


@contextmanager
def translated_errors(connection: Connection, statement: str) -> Iterator[None]:
    """Raise the driver's errors as SQLAlchemy's, which has no COPY of its own."""
    dialect = connection.dialect
    errors = dialect.loaded_dbapi.Error
    try:
        yield
    except errors as error:
        lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)
        if lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            statement, None, error, errors,
            hide_parameters=True, connection_invalidated=lost, dialect=dialect,
        ) from error  # fmt: skip


def insert_new(connection: Connection, table: Table, rows: Sequence[RowValues]) -> set[int]:
    """Insert those rows, each with an `id`, that no other key forbids; returns their ids."""
    if not rows:
        return set()
    if connection.dialect.name == "sqlite":
        _insert(connection, table, rows, "ON CONFLICT DO NOTHING")
        ids = json.dumps([row["id"] for row in rows])
        inserted = f"SELECT id FROM {table.name} WHERE id IN (SELECT value FROM json_each(?))"
        return set(connection.exec_driver_sql(inserted, (ids,)).scalars())
    return set(_insert(connection, table, rows, "ON CONFLICT DO NOTHING RETURNING id").scalars())


def insert_missing(connection: Connection, table: Table, rows: Sequence[RowValues]) -> None:
    """Insert those rows that no key forbids; the others are there already."""
    if rows:
        _insert(connection, table, rows, "ON CONFLICT DO NOTHING")


def next_ids(connection: Connection, table: Table, count: int) -> list[int]:
    """Reserve ids for rows about to be inserted, so that other rows can refer to them already.

    On SQLite they are valid in this transaction, which is the only one that writes.
    """
    if not count:
        return []
    if connection.dialect.name == "sqlite":
        last = connection.exec_driver_sql(f"SELECT max(id) FROM {table.name}").scalar() or 0
        return list(range(last + 1, last + count + 1))
    sequence = f"nextval(pg_get_serial_sequence('{table.name}', 'id'))"
    statement = f"SELECT {sequence} FROM generate_series(1, %s)"
    return list(connection.exec_driver_sql(statement, (count,)).scalars())


def upsert_rows(connection: Connection, table: Table, rows: Sequence[RowValues]) -> None:
    """Insert rows, or overwrite existing ones by their primary key."""
    if not rows:
        return
    columns = [table.c[name] for name in rows[0]]
    keys = ", ".join(_quoted(connection, c) for c in columns if c.primary_key)
    rest = [_quoted(connection, c) for c in columns if not c.primary_key]
    sets = ", ".join(f"{c} = excluded.{c}" for c in rest)
    _insert(connection, table, rows, f"ON CONFLICT ({keys}) DO UPDATE SET {sets}")


def update_rows(connection: Connection, table: Table, rows: Sequence[RowValues]) -> None:
    """Update rows by their `id`; rows may set different columns."""
    groups: dict[tuple[str, ...], list[RowValues]] = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    for group in groups.values():
        _update(connection, table, group)


def settle_rows(connection: Connection, table: Table, ids: Sequence[int]) -> None:
    """Let rows that have become short share their pages with others.

    SQLite leaves a page to the row that once filled it, until that is deleted; given its own id
    again, it is. PostgreSQL writes every change to where there is room.
    """
    if ids and connection.dialect.name == "sqlite":
        statement = f"UPDATE {table.name} SET id = id WHERE id = ?"
        connection.exec_driver_sql(statement, [(row_id,) for row_id in ids])


def delete_rows(connection: Connection, table: Table, rows: Sequence[RowValues]) -> None:
    """Delete rows by the given columns, which are the same in all of them."""
    if not rows:
        return
    columns = [table.c[name] for name in rows[0]]
    values = _by_column(connection, columns, rows)
    names = [_quoted(connection, c) for c in columns]
    if connection.dialect.name == "sqlite":
        where = " AND ".join(f"{name} = ?" for name in names)
        statement = f"DELETE FROM {table.name} WHERE {where}"
        connection.exec_driver_sql(statement, list(zip(*values, strict=True)))
    else:
        gone = f"unnest({_arrays(connection, columns)}) AS gone ({', '.join(names)})"
        where = " AND ".join(f"{table.name}.{name} = gone.{name}" for name in names)
        statement = f"DELETE FROM {table.name} USING {gone} WHERE {where}"
        connection.exec_driver_sql(statement, tuple(values))


def _insert(
    connection: Connection, table: Table, rows: Sequence[RowValues], tail: str = ""
) -> CursorResult[Any]:
    """Insert rows by one statement that ends with `tail`; returns the database's answer."""
    columns = [table.c[name] for name in rows[0]]
    values = _by_column(connection, columns, rows)
    names = ", ".join(_quoted(connection, c) for c in columns)
    into = f"INSERT INTO {table.name} ({names})"
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        statement = f"{into} VALUES ({marks}) {tail}"
        return connection.exec_driver_sql(statement, list(zip(*values, strict=True)))
    statement = f"{into} SELECT * FROM unnest({_arrays(connection, columns)}) {tail}"
    return connection.exec_driver_sql(statement, tuple(values))


def _update(connection: Connection, table: Table, rows: Sequence[RowValues]) -> None:
    columns = [table.c[name] for name in rows[0] if name != "id"]
    columns.append(table.c.id)
    values = _by_column(connection, columns, rows)
    names = [_quoted(connection, c) for c in columns]
    if connection.dialect.name == "sqlite":
        sets = ", ".join(f"{name} = ?" for name in names[:-1])
        statement = f"UPDATE {table.name} SET {sets} WHERE id = ?"
        connection.exec_driver_sql(statement, list(zip(*values, strict=True)))
    else:
        sets = ", ".join(f"{name} = new.{name}" for name in names[:-1])
        new = f"unnest({_arrays(connection, columns)}) AS new ({', '.join(names)})"
        statement = f"UPDATE {table.name} SET {sets} FROM {new} WHERE {table.name}.id = new.id"
        connection.exec_driver_sql(statement, tuple(values))


def _by_column(
    connection: Connection, columns: Sequence[AnyColumn], rows: Sequence[RowValues]
) -> list[list[Any]]:
    """Return the values for the driver, a list a column, translated by the column's type."""
    dialect = connection.dialect
    values = []
    for column in columns:
        name = column.name
        kind = column.type.dialect_impl(dialect)
        # both drivers take bytes as they are
        process = None if isinstance(kind, LargeBinary) else kind.bind_processor(dialect)
        if process is None:
            values.append([row[name] for row in rows])
        elif isinstance(column.type, Instant):
            values.append(_each_once(process, [row[name] for row in rows]))
        else:
            values.append([process(row[name]) for row in rows])
    return values


def translate_row(
    connection: Connection, columns: Sequence[AnyColumn], row: RowValues
) -> list[Any]:
    """Return the values of these columns of a row for the driver."""
    return [value for (value,) in _by_column(connection, columns, [row])]


def _each_once(process: Callable[[Any], Any], values: Sequence[Any]) -> list[Any]:
    """Translate values many of which are one and the same object, each once."""
    by_identity = {id(value): value for value in values}
    translated = {key: process(value) for key, value in by_identity.items()}
    return [translated[id(value)] for value in values]


def _arrays(connection: Connection, columns: Sequence[AnyColumn]) -> str:
    # binary (%b): as text the driver escapes every element by itself, which takes most of the time
    types = (c.type.compile(connection.dialect) for c in columns)
    return ", ".join(f"%b::{kind}[]" for kind in types)


def _type_name(connection: Connection, column: AnyColumn) -> str:
    """Return the name by which the driver knows the type of a column."""
    name = column.type.compile(connection.dialect).lower()
    return "float8" if name == "float" else name


def _quoted(connection: Connection, column: AnyColumn) -> str:
    return str(connection.dialect.identifier_preparer.quote(column.name))
