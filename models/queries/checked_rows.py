"""Read rows whose values somebody may have altered: what cannot be read is named, not raised."""

from collections import namedtuple
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import ColumnElement, Dialect, Select, TypeDecorator, select, type_coerce
from sqlalchemy.types import NULLTYPE, TypeEngine

from models.database import Session
from models.sql_types import AnyColumn
from models.tables.columns import CheckedJson, EncryptedColumn, Instant, JsonText
from models.tables.letters import LetterOf

CheckedRow: TypeAlias = Any
"""A named tuple of the columns, and `unreadable`, the names of those that cannot be read.

Their values are None.
"""

_ROWS = 1_000
_MOMENTS = ("timestamptz", "date")
"""Types of PostgreSQL that keep values, as infinite ones, for which Python has none."""

_WRITTEN_ONE_WAY = (bool, date, datetime)
"""Types whose values have one stored form alone; any other one compares and sorts otherwise."""


def read_checked(
    session: Session,
    columns: Sequence[AnyColumn],
    narrow: Callable[[Select[Any]], Select[Any]],
    *,
    as_text: Sequence[str] = (),
) -> Iterator[CheckedRow]:
    """Yield the rows of a statement, which `narrow` makes of a SELECT of the columns.

    SQLite keeps a value of any type in any column, PostgreSQL instants and days that Python has
    not. JSON in the columns `as_text` is not decoded.
    """
    names = [column.name for column in columns]
    # the columns are known only now
    new_type: Any = namedtuple
    make = new_type("Checked", [*names, "unreadable"])
    dialect = session.get_bind().dialect
    json = CheckedJson()
    readers = [_reader(dialect, json if c.name in as_text else c.type, c.nullable) for c in columns]
    raw: list[ColumnElement[Any]] = [type_coerce(c, NULLTYPE).label(c.name) for c in columns]
    statement = narrow(select(*raw)).execution_options(yield_per=_ROWS)
    # closed also where the reader stops before the end
    with _reading_any_value(session), session.execute(statement) as result:
        for row in result:
            values: list[Any] = []
            unreadable: list[str] = []
            for name, read, stored in zip(names, readers, row, strict=True):
                try:
                    values.append(read(stored))
                except (ValueError, TypeError, OverflowError, msgspec.DecodeError):
                    values.append(None)
                    unreadable.append(name)
            yield make(*values, tuple(unreadable))


@contextmanager
def _reading_any_value(session: Session) -> Iterator[None]:
    """Have values read as bytes for which the driver would end the statement."""
    raw: Any = session.connection().connection.dbapi_connection
    with _any_text(raw) if session.dialect == "sqlite" else _any_moment(raw):
        yield


@contextmanager
def _any_text(raw: Any) -> Iterator[None]:
    """Have a connection of SQLite read texts that are no UTF-8 as bytes."""
    before, raw.text_factory = raw.text_factory, _text_or_bytes
    try:
        yield
    finally:
        raw.text_factory = before


@contextmanager
def _any_moment(raw: Any) -> Iterator[None]:
    """Have a connection of PostgreSQL read moments that Python has not, infinite ones, as bytes."""
    # imported here, as SQLite does without the driver
    from psycopg import adapters  # noqa: PLC0415
    from psycopg.pq import Format  # noqa: PLC0415

    usual = {n: adapters.get_loader(adapters.types[n].oid, Format.TEXT) for n in _MOMENTS}
    for name, loader in usual.items():
        raw.adapters.register_loader(name, _moment_or_bytes(loader))
    try:
        yield
    finally:
        for name, loader in usual.items():
            raw.adapters.register_loader(name, loader)


@cache
def _moment_or_bytes(usual: Any) -> type:
    from psycopg import DataError  # noqa: PLC0415
    from psycopg.adapt import Loader  # noqa: PLC0415

    class MomentLoader(Loader):
        """Loads moments as the driver does, and those that it refuses as bytes."""

        def __init__(self, oid: int, context: Any = None) -> None:
            super().__init__(oid, context)
            # by composition: the driver's own is written in C, and takes no subclass
            self._load = usual(oid, context).load

        def load(self, data: Any) -> Any:
            """Return what is stored."""
            try:
                return self._load(data)
            except DataError:
                return bytes(data)

    return MomentLoader


def _text_or_bytes(stored: bytes) -> str | bytes:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored


def _reader(dialect: Dialect, kind: TypeEngine[Any], nullable: bool | None) -> Callable[[Any], Any]:
    """Return what reads a stored value; it raises ValueError where that is none of this type."""
    impl = kind.dialect_impl(dialect)
    decode = impl.result_processor(dialect, None)
    encode = impl.bind_processor(dialect)
    expected = _python_type(kind)
    compare = encode if expected in _WRITTEN_ONE_WAY else None
    is_binary = isinstance(kind, EncryptedColumn) or expected is bytes
    is_text = expected is str

    def read(stored: Any) -> Any:
        if stored is None:
            if not nullable:
                raise ValueError("nothing is there")
            return None
        # of a number `bytes` would make that many zeros, and of bytes a text's column a mark
        if (is_binary and type(stored) is not bytes) or (is_text and type(stored) is not str):
            raise ValueError("another type")
        value = decode(stored) if decode is not None else stored
        if expected is not object and type(value) is not expected:
            raise ValueError("another type")
        if compare is not None and compare(value) != stored:
            raise ValueError("another form")
        return value

    return read


def _python_type(kind: TypeEngine[Any]) -> type:
    match kind:
        case Instant():
            return datetime
        case LetterOf():
            return str
        case EncryptedColumn() | JsonText() | CheckedJson():
            # what is encrypted is judged by its key, and JSON may be anything
            return object
        case TypeDecorator():
            return kind.impl_instance.python_type
    return kind.python_type
