"""Column types that behave alike on SQLite and PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Dialect,
    Integer,
    LargeBinary,
    String,
    Text,
    type_coerce,
)
from sqlalchemy.types import NULLTYPE, TypeDecorator, TypeEngine

from models.errors import UnreadableValue
from models.json_types import Json
from models.rules.packing import Packed, is_packed_json, unpack_json
from models.security.encryption import Binding, Encrypted
from models.tables.instants import from_bytes, to_bytes

BigId = BigInteger().with_variant(Integer(), "sqlite")
"""A row's id; SQLite numbers rows by itself only where the column is a plain integer."""


class Instant(TypeDecorator[datetime]):
    """An instant: takes any aware one, gives it back in UTC.

    SQLite has no such type; there it is bytes, which sort as time does (`instants.py`). Before the
    store is upgraded it is the text of an earlier release.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return a column for bytes on SQLite, a timestamp with time zone elsewhere."""
        return dialect.type_descriptor(String() if dialect.name == "sqlite" else self.impl_instance)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Convert to UTC; a naive instant is a mistake of the caller."""
        return self.bind_processor(dialect)(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        """Return the conversion alone: SQLAlchemy's own steps around it would do nothing."""
        return _bytes if dialect.name == "sqlite" else _aware

    def result_processor(self, dialect: Dialect, _coltype: object) -> Callable[[Any], Any]:
        """Return the conversion alone: on SQLite, a column for texts would give no bytes."""
        return partial(self.process_result_value, _dialect=dialect)

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        """Convert to aware UTC; raises UnreadableValue where SQLite has kept something else."""
        if value is None:
            return None
        try:
            if isinstance(value, bytes):
                return from_bytes(value)
            if isinstance(value, str):
                return datetime.fromisoformat(value).replace(tzinfo=UTC)
        except ValueError as error:
            raise UnreadableValue from error
        if not isinstance(value, datetime):
            raise UnreadableValue
        return value.astimezone(UTC)


class EncryptedColumn(TypeDecorator[Encrypted]):
    """Personal data and what citizens wrote, as ciphertext that only a Cipher decrypts.

    `binding` says what a value of it belongs to: it decrypts nowhere else.
    """

    impl = LargeBinary
    cache_ok = True

    def __init__(self, binding: Binding) -> None:
        super().__init__()
        self.binding = binding

    def process_bind_param(self, value: Encrypted | None, _dialect: Dialect) -> bytes | None:
        """Return the ciphertext; anything that is not encrypted is a mistake of the caller."""
        return _ciphertext(value)

    def bind_processor(self, _dialect: Dialect) -> Callable[[Encrypted | None], bytes | None]:
        """Return the conversion alone: both drivers take bytes as they are."""
        return _ciphertext

    def process_result_value(self, value: Any, _dialect: Dialect) -> Encrypted | None:
        """Wrap the ciphertext; a value of another type, which SQLite keeps too, opens nowhere."""
        if value is None:
            return None
        return Encrypted(value if isinstance(value, bytes) else b"")


class JsonText(TypeDecorator[Json]):
    """JSON data as text, written and read alike on both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Json, _dialect: Dialect) -> str | None:
        """Encode with sorted keys, so that equal values have equal texts."""
        if value is None:
            return None
        return msgspec.json.encode(value, order="sorted").decode()

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Json:
        """Decode the JSON. Raises UnreadableValue."""
        if value is None:
            return None
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, TypeError, UnicodeDecodeError) as error:
            raise UnreadableValue from error


class PackedJson(JsonText):
    """JSON that takes a `Packed` one too (`models/rules/packing.py`).

    It is bytes; on SQLite, whose own functions read it, what is not packed is text.
    """

    impl = LargeBinary  # type: ignore[assignment]
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return a column for text on SQLite, which keeps bytes in it too, for bytes elsewhere."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else self.impl_instance)

    def process_bind_param(self, value: Json | Packed, dialect: Dialect) -> Any:
        """Encode what is not packed, with sorted keys."""
        return self.bind_processor(dialect)(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[Json | Packed], Any]:
        """Return the conversion alone: both drivers take bytes as they are."""
        return _packed_or_text if dialect.name == "sqlite" else _packed_or_bytes

    def result_processor(self, dialect: Dialect, _coltype: object) -> Callable[[Any], Any]:
        """Return the conversion alone: on SQLite, a column for texts would give no bytes."""
        return partial(self.process_result_value, dialect=dialect)

    def process_result_value(self, value: Any, dialect: Dialect) -> Json:
        """Decode the JSON."""
        return super().process_result_value(_json_of(value, dialect), dialect)


class UndecodedJson(TypeDecorator[str]):
    """The JSON of a column as text, for those who decode it by themselves, or hash it."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return a type that changes nothing of what the driver gives."""
        return NULLTYPE

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Return the text; what is neither text nor packed raises UnreadableValue."""
        return _json_of(value, dialect)


class Unpacked(str):
    """JSON that was packed in its row."""

    __slots__ = ()


class CheckedJson(UndecodedJson):
    """The JSON of a column as text, `Unpacked` where its row has it packed."""

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Return the text as UndecodedJson does."""
        text = super().process_result_value(value, dialect)
        is_packed = isinstance(value, bytes) and is_packed_json(value)
        return Unpacked(text) if text is not None and is_packed else text


def undecoded(column: ColumnElement[Any]) -> ColumnElement[str]:
    """Return a column of JSON that gives its text, under its own name."""
    return type_coerce(column, UndecodedJson()).label(column.key)


def _json_of(value: Any, dialect: Dialect) -> str | None:
    """Return the JSON text of a stored value. Raises UnreadableValue."""
    if value is None or isinstance(value, str):
        return value
    is_packed = isinstance(value, bytes) and is_packed_json(value)
    # the functions of SQLite would not find anything in bytes that are not packed
    if not isinstance(value, bytes) or (dialect.name == "sqlite" and not is_packed):
        raise UnreadableValue
    try:
        return unpack_json(value) if is_packed else value.decode()
    except (UnicodeDecodeError, msgspec.DecodeError) as error:
        raise UnreadableValue from error


def _packed_or_bytes(value: Json | Packed) -> bytes | None:
    if isinstance(value, Packed):
        return value.stored
    return msgspec.json.encode(value, order="sorted") if value is not None else None


def _packed_or_text(value: Json | Packed) -> bytes | str | None:
    encoded = _packed_or_bytes(value)
    return encoded if encoded is None or isinstance(value, Packed) else encoded.decode()


def _aware(value: datetime | None) -> datetime | None:
    if value is not None and value.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return value


def _bytes(value: datetime | None) -> bytes | None:
    aware = _aware(value)
    return to_bytes(aware) if aware is not None else None


def _ciphertext(value: Encrypted | None) -> bytes | None:
    if value is not None and not isinstance(value, Encrypted):
        raise TypeError("an encrypted column takes only encrypted values")
    return value.raw if value is not None else None
