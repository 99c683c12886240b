"""The heads of protected tables: policies, the calendar, units, published bulletins."""

from collections.abc import Callable, Iterator, Mapping

from sqlalchemy import Table, select

from models.database import Session
from models.security.binding import RowLike
from models.security.heads import ChangedHead, HeadKind, content_digest
from models.tables.core import (
    DAY,
    EDITION,
    FORMER_UNIT_NAME,
    POLICY,
    TERRITORY,
    TOKEN,
    TOPIC,
    UNIT,
    USER_ROLE,
    YEAR,
)

TABLES: Mapping[HeadKind, Table] = {
    HeadKind.POLICY: POLICY,
    HeadKind.DAY: DAY,
    HeadKind.YEAR: YEAR,
    HeadKind.UNIT: UNIT,
    HeadKind.FORMER_NAME: FORMER_UNIT_NAME,
    HeadKind.TERRITORY: TERRITORY,
    HeadKind.EDITION: EDITION,
    HeadKind.TOKEN: TOKEN,
    HeadKind.ROLE: USER_ROLE,
    HeadKind.TOPIC: TOPIC,
}

_COLUMNS: Mapping[HeadKind, tuple[str, ...]] = {
    HeadKind.POLICY: ("number", "id", "valid_from", "body", "added_at", "withdrawn_at"),
    HeadKind.DAY: ("day", "working", "document", "version", "declared_at"),
    HeadKind.YEAR: ("year", "document", "version", "declared_at"),
    HeadKind.UNIT: (
        *("id", "name", "kind", "parent", "position", "version"),
        *("words", "people", "retired_at", "successor"),
    ),
    HeadKind.FORMER_NAME: ("unit_id", "until", "name"),
    HeadKind.TERRITORY: ("word",),
    HeadKind.EDITION: (
        *("id", "month", "published_at", "who", "figures", "corrections", "content"),
    ),
    HeadKind.TOKEN: (
        *("name", "digest", "role", "speaks", "unit"),
        *("issued_at", "expires_at", "revoked_at"),
    ),
    HeadKind.ROLE: ("name", "role", "given_at", "given_by"),
    HeadKind.TOPIC: ("code", "label", "parent", "position", "version", "names", "retired_at"),
}
"""The columns that a row's digest covers; one that comes later is in no digest before it."""

_KEYS: Mapping[HeadKind, Callable[[RowLike], int | str]] = {
    HeadKind.POLICY: lambda row: int(row.number),
    HeadKind.DAY: lambda row: str(row.day),
    HeadKind.YEAR: lambda row: int(row.year),
    HeadKind.UNIT: lambda row: str(row.id),
    HeadKind.FORMER_NAME: lambda row: f"{row.name} {row.until.isoformat()} {row.unit_id}",
    HeadKind.TERRITORY: lambda row: str(row.word),
    HeadKind.EDITION: lambda row: int(row.id),
    HeadKind.TOKEN: lambda row: str(row.name),
    HeadKind.ROLE: lambda row: str(row.name),
    HeadKind.TOPIC: lambda row: str(row.code),
}

_ENCRYPTED = ("people", "content")


def table_heads(session: Session, kind: HeadKind) -> Iterator[ChangedHead]:
    """Yield the head of each row of a table, in the order of its key."""
    table = TABLES[kind]
    for row in session.execute(select(table).order_by(*table.primary_key.columns)):
        yield ChangedHead(kind, row_key(kind, row), digest=row_digest(session, kind, row))


def row_key(kind: HeadKind, row: RowLike) -> int | str:
    """Return the key by which the head of a row is known."""
    return _KEYS[kind](row)


def row_digest(session: Session, kind: HeadKind, row: RowLike) -> bytes:
    """Return the digest of a row's content; what is encrypted counts as what it says."""
    content = [getattr(row, name) for name in _COLUMNS[kind]]
    for place, name in enumerate(_COLUMNS[kind]):
        if name in _ENCRYPTED:
            content[place] = session.decrypt(TABLES[kind].c[name], row)
        elif isinstance(content[place], memoryview):
            content[place] = bytes(content[place])
    return content_digest(session.cipher, kind, content)
