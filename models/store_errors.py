"""Classify errors of the database: trying again helps, the store is broken, or a row is wrong.

Judged by SQLite's result codes and PostgreSQL's SQLSTATE, as the drivers' classes are too wide:
SQLite's calls a missing table an OperationalError, like a lock.
"""

from sqlalchemy.exc import DataError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from models.connection_errors import FULL, connection_reason, is_passing
from models.errors import HotlineError, UnreadableValue
from models.i18n import LazyText, lazy, render

_SQLITE_TRANSIENT = frozenset(
    ("BUSY", "LOCKED", "PROTOCOL", "IOERR", "FULL", "CANTOPEN", "NOMEM", "INTERRUPT")
)
"""SQLite's primary result codes for which a later try may do: locks, the disk, the machine."""

_POSTGRESQL_TRANSIENT = (
    "08",  # connection exceptions
    "40",  # deadlocks and serialization failures
    "53",  # out of disk, memory or connections
    "55P03",  # a lock that was not given in time
    "57014",  # a statement that took too long
    "57P0",  # shutting down, starting, a session that was ended
    "58",  # errors of the operating system
    "25P03",  # a transaction that was idle for too long
    "25P04",  # a transaction that took too long
)
"""SQLSTATE classes and codes for which a later try may do."""

_POSTGRESQL_PASSING = ("53300", "57P0")
"""SQLSTATE codes of a server without a free connection, and of one that begins or ends."""

_POSTGRESQL_FAULTS = ("25", "28", "3D", "3F", "42", "XX")
"""SQLSTATE classes of a database that is not as it should be: tables, rights, damage."""

_UNIQUE_VIOLATION = "23505"

_UNREADABLE = "UNREADABLE"
"""Stands for the code that the driver's own errors lack: it cannot read a text as UTF-8."""

_SQLITE_OF_ROWS = frozenset(("CONSTRAINT", "MISMATCH", "TOOBIG", "RANGE", _UNREADABLE))
"""SQLite's primary result codes that speak of values, not of the database."""

_AWAY = lazy("the database does not answer")
_BUSY = lazy("the database is busy")
_FULL = lazy("the database has no room or no memory left")
_CLOSED = lazy("the database lets nobody in; its name, user and password have to be checked")
_DAMAGED = lazy("the database is not as it should be; `hotline doctor` says more")

_REASONS: dict[str, LazyText] = {
    "BUSY": _BUSY,
    "LOCKED": _BUSY,
    "40": _BUSY,
    "55P03": _BUSY,
    "57014": _BUSY,
    "53300": FULL,
    "53": _FULL,
    "FULL": _FULL,
    "NOMEM": _FULL,
    "CANTOPEN": lazy("the file of the database cannot be opened, or its folder not be written"),
    "IOERR": lazy("the disk of the database is full, or cannot be read or written"),
    "READONLY": lazy("the file of the database, or its folder, cannot be written by this user"),
    "NOTADB": lazy("the file is no database, or is damaged"),
    "25006": lazy("it can only be read: it is a replica, or was set so"),
    "42501": lazy("this user may not do that there: he must own the database"),
    "58": lazy("the disk of the database is full, or cannot be read or written"),
    "08": _AWAY,
    "57P0": _AWAY,
    "28": _CLOSED,
    "3D": _CLOSED,
}
"""Reasons by result code or SQLSTATE; a longer code stands before the class that it belongs to."""

_NO_UTF8 = "Could not decode to UTF-8"
"""The beginning of what the driver says of a text that is none; it may be anybody's."""

StoreError = SQLAlchemyError
"""Whatever the database or its driver can fail with, for callers that go on without the store."""


def is_transient(error: BaseException) -> bool:
    """Return whether the database was only busy or away, so that the same may succeed later.

    Judged by SQLite's result code and PostgreSQL's SQLSTATE. An error of the connection itself,
    which has neither, counts as away; so a wrong password of PostgreSQL does, too.
    """
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    if (code := sqlite_code(error)) is not None:
        return code in _SQLITE_TRANSIENT
    if (state := _sqlstate(error)) is not None:
        return state.startswith(_POSTGRESQL_TRANSIENT)
    return isinstance(error, OperationalError)


def is_passing_outage(error: BaseException) -> bool:
    """Return whether PostgreSQL will serve again by itself: it is full, begins, ends or changes."""
    if not isinstance(error, DBAPIError):
        return False
    state = _sqlstate(error)
    return is_passing(str(error.orig)) if state is None else state.startswith(_POSTGRESQL_PASSING)


def is_store_fault(error: BaseException) -> bool:
    """Return whether the database is to blame for an error, not the rows read or written.

    It is for everything transient, and for missing tables, missing rights and damage.
    """
    if is_transient(error):
        return True
    # a value that the driver cannot read, as an infinite instant, speaks of its row
    if not isinstance(error, DBAPIError) or isinstance(error, DataError):
        return False
    if (code := sqlite_code(error)) is not None:
        return code not in _SQLITE_OF_ROWS
    if (state := _sqlstate(error)) is None:
        return connection_reason(str(error.orig)) is not None
    return state.startswith(_POSTGRESQL_FAULTS)


def is_unreadable(error: BaseException) -> bool:
    """Return whether a value was read that is none of its column's: something else wrote it."""
    is_of_driver = isinstance(error, DataError) or sqlite_code(error) == _UNREADABLE
    return isinstance(error, UnreadableValue) or is_of_driver


def is_taken(error: DBAPIError) -> bool:
    """Return whether PostgreSQL refused a row because another has its unique values."""
    return _sqlstate(error) == _UNIQUE_VIOLATION


def outage_reason(error: BaseException) -> str:
    """Describe an outage to whoever waits for its end, in the language of this process.

    The driver's own words are English and may repeat a statement; its code is named instead.
    """
    if isinstance(error, HotlineError):
        return str(error)
    if is_unreadable(error):
        return str(UnreadableValue())
    if isinstance(error, PoolTimeout):
        return render(_BUSY)
    if not isinstance(error, DBAPIError):
        return render(_AWAY) if isinstance(error, OSError) else type(error).__name__
    code = sqlite_code(error) or _sqlstate(error) or ""
    if not code and (known := connection_reason(str(error.orig))) is not None:
        return render(known)
    known = next((reason for start, reason in _REASONS.items() if code.startswith(start)), None)
    reason = render(known or (_AWAY if is_transient(error) else _DAMAGED))
    return f"{reason} ({code})" if code else reason


def sqlite_code(error: BaseException) -> str | None:
    """Return SQLite's primary result code without its prefix: BUSY for SQLITE_BUSY_SNAPSHOT.

    None for an error that is not SQLite's.
    """
    if not isinstance(error, DBAPIError):
        return None
    name: str | None = getattr(error.orig, "sqlite_errorname", None)
    if name is None and str(error.orig).startswith(_NO_UTF8):
        return _UNREADABLE
    return name.split("_")[1] if name else None


def _sqlstate(error: DBAPIError) -> str | None:
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state
