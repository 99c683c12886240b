"""Write a whole store as lines, and fill an empty one with them: backup, export, import, move."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TypeVar

import msgspec
from sqlalchemy import Table, select

from models.database import Session
from models.errors import HotlineError
from models.i18n import _
from models.security.encryption import ForgedValue, no_key
from models.store_errors import StoreError, is_store_fault
from models.store_rows import (
    TableDigest,
    carried_tables,
    digest_table,
    is_empty,
    read_lines,
    write_lines,
)
from models.tables.core import SECRET
from models.tables.secrets import HASH_KEY

_FORMAT = 1
_Line = TypeVar("_Line")


class StoreHead(msgspec.Struct, frozen=True):
    """The first line: the shape of the tables (`revision`), and the moment that the rows are of."""

    format: int
    revision: str
    made_at: datetime


class _TableHead(msgspec.Struct, frozen=True):
    """The line before the rows of a table."""

    table: str
    columns: list[str]


class TableEnd(msgspec.Struct, frozen=True):
    """The line after the rows of a table: how many there were, and the SHA-256 of their lines."""

    table: str
    rows: int
    sha256: str


class StreamUnusable(HotlineError):
    """Lines are not those of a whole store, or of a store of another shape."""


class StoreNotEmpty(HotlineError):
    """A store has rows already, and another one's rows must not come among them."""

    def __init__(self) -> None:
        text = _("the store to be filled has rows already: name an empty database, or a new home")
        super().__init__(text)


def dump_store(session: Session, revision: str, now: datetime) -> Iterator[bytes]:
    """Yield the lines of a store, as of the moment of the session's snapshot.

    Raises UnreadableRow.
    """
    encode = msgspec.json.encode
    yield encode(StoreHead(_FORMAT, revision, now))
    for table in carried_tables():
        yield encode(_head(table))
        digest = TableDigest()
        for line in read_lines(session, table):
            digest.add(line)
            yield line
        yield encode(TableEnd(str(table.name), digest.rows, digest.sha256))


def load_store(session: Session, lines: Iterator[bytes], revision: str) -> list[TableEnd]:
    """Fill an empty store, and read it again to compare it; returns its tables with their digests.

    Of `lines` nothing is taken that follows those of the store. The transaction must be rolled back
    where an error is raised: StoreNotEmpty, StreamUnusable, KeyUnusable where the store's key does
    not open it.
    """
    if not is_empty(session):
        raise StoreNotEmpty
    head = _decode(next(lines, b""), StoreHead)
    if head.format != _FORMAT or head.revision != revision:
        text = _("it was written with schema {theirs}, this program has {newest}: use that release")
        raise StreamUnusable(text.format(theirs=head.revision, newest=revision))
    ends = [_load_table(session, lines, table) for table in carried_tables()]
    for table, end in zip(carried_tables(), ends, strict=True):
        _require_same(end, digest_table(session, table))
    _require_key(session)
    return ends


def is_copy(session: Session, other: Session, *, has_gone_on: bool) -> bool:
    """Return whether another store has the rows of this one.

    One that `has_gone_on` since has other rows by now, but the same secret.
    """
    tables = [SECRET] if has_gone_on else carried_tables()
    return all(
        digest_table(session, table).sha256 == digest_table(other, table).sha256 for table in tables
    )


def _head(table: Table) -> _TableHead:
    return _TableHead(str(table.name), [str(column.name) for column in table.columns])


def _load_table(session: Session, rest: Iterator[bytes], table: Table) -> TableEnd:
    """Fill a table from the lines up to the one that ends it."""
    head = _decode(next(rest, b""), _TableHead)
    if head != _head(table):
        raise _broken()
    digest, ends = TableDigest(), list[TableEnd]()

    def rows() -> Iterator[bytes]:
        for line in rest:
            if not line.startswith(b"["):
                ends.append(_decode(line, TableEnd))
                return
            digest.add(line)
            yield line

    try:
        write_lines(session, table, rows())
    except ValueError as error:
        raise _broken() from error
    except StoreError as error:
        # a row that no store would hold is the stream's fault, all else the database's
        if is_store_fault(error):
            raise
        raise _broken() from error
    if not ends or ends[0].table != table.name:
        raise _broken()
    _require_same(ends[0], digest)
    return ends[0]


def _require_same(end: TableEnd, digest: TableDigest) -> None:
    if (end.rows, end.sha256) != (digest.rows, digest.sha256):
        text = _("the rows of {table} are not those that were written")
        raise StreamUnusable(text.format(table=end.table))


def _require_key(session: Session) -> None:
    """Raise KeyUnusable where the key at hand does not open the store's secret."""
    row = session.execute(select(SECRET).where(SECRET.c.name == HASH_KEY)).first()
    if row is None:
        return
    try:
        session.decrypt(SECRET.c.value, row)
    except ForgedValue as error:
        raise no_key() from error


def _decode(line: bytes, kind: type[_Line]) -> _Line:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise _broken() from error


def _broken() -> StreamUnusable:
    return StreamUnusable(_("this is no whole store, or was cut short or altered"))


def as_manifest(ends: Iterable[TableEnd]) -> Mapping[str, Mapping[str, object]]:
    """Return tables with their digests as a manifest lists them."""
    return {end.table: {"rows": end.rows, "sha256": end.sha256} for end in ends}
