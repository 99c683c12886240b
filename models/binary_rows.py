"""Rows and arrays in PostgreSQL's binary format, for those that are encoded in one tight loop.

A field is the length of a value and the value. The driver translates each value of each row; here
what is the same in many rows is encoded once.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from struct import Struct
from typing import Any

from sqlalchemy import BigInteger, Connection, Table

from models.bulk import translated_errors
from models.sql_types import AnyColumn

NULL = b"\xff\xff\xff\xff"
"""The field of a value that is not there."""

_OIDS = {
    "BIGINT": 20,
    "BYTEA": 17,
    "INTEGER": 23,
    "TEXT": 25,
    "TIMESTAMP WITH TIME ZONE": 1184,
    "VARCHAR": 1043,
}
"""The numbers of types, the same in every PostgreSQL."""

_length = Struct(">i").pack
_integer = Struct(">ii").pack
_bigint = Struct(">iq").pack
_array_head = Struct(">iiIii").pack
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def bytes_field(value: bytes) -> bytes:
    """Return the field of a `bytea`, or of a text in UTF-8."""
    return _length(len(value)) + value


def integer_field(value: int) -> bytes:
    """Return the field of an `integer`."""
    return _integer(4, value)


def bigint_field(value: int) -> bytes:
    """Return the field of a `bigint`."""
    return _bigint(8, value)


def field_of(column: AnyColumn, value: Any) -> bytes:
    """Return the field of a value of a column, as its type has translated it for the driver."""
    match value:
        case None:
            return NULL
        case str():
            return bytes_field(value.encode())
        case datetime():
            return bigint_field((value - _EPOCH) // _MICROSECOND)
        case int():
            whole = isinstance(column.type, BigInteger)
            return bigint_field(value) if whole else integer_field(value)
        case _:
            return bytes_field(value)


def fetch_rows(connection: Connection, statement: str, values: Sequence[Any]) -> list[Any]:
    """Return the rows of a query, whose parameters are `%s`, as plain tuples."""
    cursor: Any = connection.connection.cursor()
    with translated_errors(connection, statement):
        return list(cursor.execute(statement, values, binary=True).fetchall())


def copy_encoded(
    connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[bytes]
) -> None:
    """Insert rows, each given as its fields one after the other: by COPY."""
    statement = f"COPY {table.name} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    count = Struct(">h").pack(len(columns))
    # the count of its fields is before each row
    encoded = count.join((b"PGCOPY\n\xff\r\n\0" + bytes(8), *rows)) + b"\xff\xff"
    cursor = connection.connection.cursor()
    with translated_errors(connection, statement), cursor.copy(statement) as copy:
        copy.write(encoded)


def execute_with_arrays(
    connection: Connection,
    statement: str,
    columns: Sequence[AnyColumn],
    fields: Sequence[Iterable[bytes]],
) -> None:
    """Execute a statement in which `{new}` has these columns, given by their fields."""
    types = [column.type.compile(connection.dialect) for column in columns]
    arrays = ", ".join(f"%b::{kind}[]" for kind in types)
    names = ", ".join(column.name for column in columns)
    complete = statement.format(new=f"unnest({arrays}) AS new ({names})")
    cursor: Any = connection.connection.cursor()
    cursor.adapters.register_dumper(_EncodedArray, _dumper())
    values = [
        _EncodedArray(_OIDS[kind], list(of_column))
        for kind, of_column in zip(types, fields, strict=True)
    ]
    with translated_errors(connection, complete):
        cursor.execute(complete, values)


class _EncodedArray:
    """An array parameter that is encoded already."""

    __slots__ = ("encoded",)

    def __init__(self, kind: int, fields: Sequence[bytes]) -> None:
        self.encoded = _array_head(1, NULL in fields, kind, len(fields), 1) + b"".join(fields)


@cache
def _dumper() -> type:
    # imported here, as SQLite does without the driver
    from psycopg.adapt import Dumper  # noqa: PLC0415
    from psycopg.pq import Format  # noqa: PLC0415

    class EncodedArrayDumper(Dumper):
        """Gives the driver an array as it is; the statement says of which type."""

        format = Format.BINARY

        def dump(self, obj: _EncodedArray) -> bytes:
            """Return the encoded array."""
            return obj.encoded

    return EncodedArrayDumper
