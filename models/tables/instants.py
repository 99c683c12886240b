"""Instants as SQLite keeps them, which has no type for them: bytes that sort as time does.

They are the seconds since the year 1 in UTC, in five bytes, and the microseconds in three more
where there are any: less than a third of a text, and every line of a log has two.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, func

from models.sql_types import AnyColumn

_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
_SECONDS, _MICROSECONDS = 5, 3
LENGTHS = (_SECONDS, _SECONDS + _MICROSECONDS)
"""The lengths of the bytes of an instant."""

EARLIEST, LATEST = datetime(2, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
"""Instants that there are in every zone: what a database keeps beyond them, nobody can read."""


def is_instant(dialect: str, column: AnyColumn) -> ColumnElement[bool]:
    """Return the condition that a column holds an instant that can be read.

    SQLite keeps a value of any type in any column, PostgreSQL infinite instants.
    """
    condition: ColumnElement[bool] = column.between(EARLIEST, LATEST)
    if dialect == "sqlite":
        condition &= (func.typeof(column) == "blob") & func.length(column).in_(LENGTHS)
    return condition


_SHIFT = 8 * _MICROSECONDS
_A_DAY = 86_400


def to_bytes(at: datetime) -> bytes:
    """Return an aware instant as bytes; raises OverflowError for one before the year 1 in UTC."""
    since = at - _BEGINNING
    seconds = since.days * _A_DAY + since.seconds
    if since.microseconds:
        both = seconds << _SHIFT | since.microseconds
        return both.to_bytes(_SECONDS + _MICROSECONDS, "big")
    return seconds.to_bytes(_SECONDS, "big")


def from_bytes(stored: bytes) -> datetime:
    """Return the instant in UTC that the bytes say; raises ValueError where they say none."""
    number = int.from_bytes(stored, "big")
    if len(stored) == _SECONDS:
        since = timedelta(0, number)
    elif len(stored) == _SECONDS + _MICROSECONDS:
        since = timedelta(0, number >> _SHIFT, number & (1 << _SHIFT) - 1)
    else:
        raise ValueError("no instant")
    try:
        return _BEGINNING + since
    except OverflowError as error:
        raise ValueError("no instant") from error
