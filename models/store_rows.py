"""The rows of a whole store as lines of JSON: what a backup, an export and a move are made of.

A row is carried as it is stored: ciphertext stays ciphertext, JSON keeps its text, and every id
stays. So hashes, commitments and anchors hold in the store that the rows are brought to.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Date, LargeBinary, String, Table, func, select
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from models.bulk import RowValues, insert_rows
from models.database import Session
from models.errors import HotlineError
from models.i18n import _
from models.rules.packing import StoredJson, pack_json, pack_line
from models.security.encryption import Encrypted
from models.security.role_rows import OWNER
from models.sql_types import AnyColumn
from models.tables.columns import (
    EncryptedColumn,
    Instant,
    JsonText,
    PackedJson,
    undecoded,
)
from models.tables.core import (
    ANCHOR,
    CHANGE,
    EVENT,
    POLICY,
    PROCESS,
    SAMPLE,
    SECRET,
    TABLE_HEAD,
    TERRITORY,
    UNIT,
    USER_ROLE,
)

_OF_A_NEW_STORE = (POLICY, UNIT, TERRITORY, SECRET, USER_ROLE, CHANGE, ANCHOR, TABLE_HEAD)
"""The tables that have rows in a store to which nobody has done anything yet."""

_ROWS, _BYTES = 1_000, 1 << 20
"""The most rows, and about the most bytes, that are held at once."""


class UnreadableRow(HotlineError):
    """A value of the store is none of its column's type, so that its row cannot be carried."""

    def __init__(self, table: Table) -> None:
        text = _("a row of {table} cannot be read: see `hotline log --verify`")
        super().__init__(text.format(table=table.name))


def carried_tables() -> list[Table]:
    """Return the tables of a store, those that others refer to first.

    Without what running processes say of themselves, which is true of them alone.
    """
    return [t for t in SQLModel.metadata.sorted_tables if t not in (PROCESS, SAMPLE)]


@dataclass(slots=True, eq=False)
class TableDigest:
    """The number of rows of a table that went by, and the SHA-256 of their lines."""

    rows: int = 0
    _sha256: Any = field(default_factory=hashlib.sha256)

    def add(self, line: bytes) -> None:
        """Count one more line."""
        self.rows += 1
        self._sha256.update(line + b"\n")

    @property
    def sha256(self) -> str:
        """The digest as hexadecimal digits."""
        digest: str = self._sha256.hexdigest()
        return digest


def read_lines(session: Session, table: Table) -> Iterator[bytes]:
    """Yield the rows of a table as JSON arrays, in the same order on every database.

    Raises UnreadableRow.
    """
    selected = [
        undecoded(column) if isinstance(column.type, JsonText) else column
        for column in table.columns
    ]
    order = [_sortable(session, column) for column in table.primary_key.columns]
    encode = msgspec.json.Encoder(enc_hook=_plain).encode
    rows = select(*selected).order_by(*order).execution_options(yield_per=_ROWS)
    try:
        with session.execute(rows) as result:
            for row in result:
                yield encode(tuple(row))
    except (ValueError, TypeError) as error:
        raise UnreadableRow(table) from error


def digest_table(session: Session, table: Table) -> TableDigest:
    """Return the digest of a table as it is stored."""
    digest = TableDigest()
    for line in read_lines(session, table):
        digest.add(line)
    return digest


def write_lines(session: Session, table: Table, lines: Iterable[bytes]) -> None:
    """Insert the rows of a table, given as `read_lines` yields them; the table must be empty.

    Raises ValueError where a line is no row of the table.
    """
    columns = list(table.columns)
    readers = [_reader(column) for column in columns]
    names = [column.name for column in columns]
    batch: list[RowValues] = []
    size = 0
    connection = session.connection()
    for line in lines:
        values = msgspec.json.decode(line)
        pairs = zip(readers, values, strict=True)
        row = dict(zip(names, (read(value) for read, value in pairs), strict=True))
        if table is EVENT and row["data"] is not None:
            row["data"] = pack_line(row["name"], row["data"])
        batch.append(row)
        size += len(line)
        if len(batch) == _ROWS or size > _BYTES:
            insert_rows(connection, table, batch)
            batch, size = [], 0
    insert_rows(connection, table, batch)
    _continue_numbering(session, table)


def is_empty(session: Session) -> bool:
    """Return whether no table holds a row."""
    tables = SQLModel.metadata.sorted_tables
    return all(
        session.execute(select(sql("1")).select_from(t).limit(1)).first() is None for t in tables
    )


def is_unused(session: Session) -> bool:
    """Return whether a store holds no more than a new one: its first policy, units and secret."""
    tables = [t for t in SQLModel.metadata.sorted_tables if t not in _OF_A_NEW_STORE]
    if any(session.execute(select(sql("1")).select_from(t).limit(1)).first() for t in tables):
        return False
    policies = session.scalar(select(func.count()).select_from(POLICY)) or 0
    roles = select(USER_ROLE.c.name).where(USER_ROLE.c.role != OWNER).limit(1)
    return policies <= 1 and session.execute(roles).first() is None


def empty(session: Session) -> None:
    """Delete every row of every table."""
    for table in reversed(SQLModel.metadata.sorted_tables):
        session.execute(table.delete())


def _sortable(session: Session, column: AnyColumn) -> Any:
    """Return what a column is sorted by: texts by their bytes, as SQLite does by itself."""
    is_text = isinstance(column.type, String)
    return column.collate("C") if is_text and session.dialect == "postgresql" else column


def _continue_numbering(session: Session, table: Table) -> None:
    """Let PostgreSQL number further rows from here on; SQLite does so by itself."""
    key = table.autoincrement_column
    if session.dialect == "sqlite" or key is None:
        return
    last = session.scalar(select(func.max(key)))
    if last is not None:
        sequence = func.pg_get_serial_sequence(table.name, key.name)
        session.execute(select(func.setval(sequence, last)))


def _plain(value: object) -> object:
    """Return what JSON has no form for in one that it has."""
    if isinstance(value, Encrypted):
        return value.raw
    raise TypeError(type(value).__name__)


def _reader(column: AnyColumn) -> Callable[[Any], Any]:
    """Return what makes the value of a column of its value in a line."""
    match column.type:
        case EncryptedColumn():
            read: Callable[[Any], Any] = _encrypted
        case PackedJson() if column.table is not EVENT:
            read = _packed_json
        case PackedJson():
            read = str.encode
        case JsonText():
            read = _json
        case Instant():
            read = datetime.fromisoformat
        case Date():
            read = date.fromisoformat
        case LargeBinary():
            read = base64.b64decode
        case _:
            return _same
    return lambda value: None if value is None else read(value)


def _same(value: Any) -> Any:
    return value


def _encrypted(value: str) -> Encrypted:
    return Encrypted(base64.b64decode(value))


def _packed_json(value: str) -> StoredJson:
    return pack_json(value.encode())


def _json(value: str) -> msgspec.Raw:
    return msgspec.Raw(value.encode())
