"""Column types that SQLite and PostgreSQL keep alike."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import BigInteger, DateTime, Dialect, Integer, LargeBinary, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from models.security.encryption import Encrypted

_WITHOUT_ZONE = len("2026-11-23 08:30:00.000000")

BigId = BigInteger().with_variant(Integer(), "sqlite")
"""A row's number; SQLite counts up by itself only where the column is a plain integer."""


class Instant(TypeDecorator[datetime]):
    """An instant: aware on the way in, aware UTC on the way out.

    SQLite has no such type: there it is text of one length in UTC, which sorts as time does.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text on SQLite, a timestamp with time zone elsewhere."""
        return dialect.type_descriptor(String() if dialect.name == "sqlite" else self.impl_instance)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """UTC, as the database keeps it; a naive instant is a mistake of the caller's."""
        return self.bind_processor(dialect)(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        """What is done to each value; SQLAlchemy's own steps around it would do nothing."""
        return _text if dialect.name == "sqlite" else _aware

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        """Aware UTC."""
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        at: datetime = value
        return at.astimezone(UTC)


class EncryptedColumn(TypeDecorator[Encrypted]):
    """Personal data and what citizens wrote: ciphertext that only a Sealer opens."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Encrypted | None, _dialect: Dialect) -> bytes | None:
        """The ciphertext; anything that is not sealed is a mistake of the caller's."""
        return _ciphertext(value)

    def bind_processor(self, _dialect: Dialect) -> Callable[[Encrypted | None], bytes | None]:
        """What is done to each value; both drivers take bytes as they are."""
        return _ciphertext

    def process_result_value(self, value: bytes | None, _dialect: Dialect) -> Encrypted | None:
        """The sealed value, opaque."""
        return Encrypted(bytes(value)) if value is not None else None


class JsonText(TypeDecorator[Any]):
    """Plain data as JSON text, written and read the same way on both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: Dialect) -> str | None:
        """JSON with sorted keys, so that equal values have equal texts."""
        if value is None:
            return None
        return msgspec.json.encode(value, order="sorted").decode()

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Any:
        """The plain data."""
        return msgspec.json.decode(value) if value is not None else None


def _aware(value: datetime | None) -> datetime | None:
    if value is not None and value.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return value


def _text(value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return value.astimezone(UTC).isoformat(" ", "microseconds")[:_WITHOUT_ZONE]


def _ciphertext(value: Encrypted | None) -> bytes | None:
    if value is not None and not isinstance(value, Encrypted):
        raise TypeError("a sealed column takes only sealed values")
    return value.raw if value is not None else None
