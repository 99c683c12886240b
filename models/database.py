"""The store: two engines on one database, one for writing and one for reading."""

import importlib
import json
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import sqlmodel
from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Table,
    any_,
    create_engine,
    event,
    func,
    literal,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from models.errors import HotlineError
from models.fair_lock import FairWriteLock
from models.i18n import _
from models.security.encryption import Cipher

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

SQLITE_LEAST = (3, 51, 3)
"""Older versions can lose committed pages with several writers (sqlite.org/wal.html, WAL reset)."""

_BUSY_SECONDS = 60

_PULSE = {
    "sqlite": "PRAGMA data_version",
    "postgresql": "SELECT pg_current_snapshot()::text",
}


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

_POSTGRESQL_FAULTS = ("25", "28", "3D", "3F", "42", "XX")
"""SQLSTATE classes of a database that is not as it should be: tables, rights, damage."""

_SQLITE_OF_ROWS = frozenset(("CONSTRAINT", "MISMATCH", "TOOBIG", "RANGE"))
"""SQLite's primary result codes that speak of values, not of the database."""

StoreError = SQLAlchemyError
"""Whatever the database or its driver can fail with, for callers that go on without the store."""


class StoreUnusable(HotlineError):
    """The database cannot be used as it is."""


class StoreUnreachable(StoreUnusable):
    """The database does not answer, or lets nobody in."""

    def __init__(self, reason: str) -> None:
        text = _("the database cannot be reached: {why}; see HOTLINE_DATABASE_URL")
        super().__init__(text.format(why=reason))


class Session(sqlmodel.Session):
    """A transaction on the store, with what opens its sealed columns."""

    cipher: Cipher

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.get_bind().dialect.name

    def insert(self, table: Table) -> "sqlite.Insert | postgresql.Insert":
        """An INSERT that can say what to do on conflict, in this database's words."""
        if self.dialect == "sqlite":
            return sqlite.insert(table)
        # who works on SQLite does without it: it takes 15 ms to load
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415

        return postgresql.insert(table)

    def is_in(self, column: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
        """Whether a column is one of many numbers or texts, sent as a single value.

        Thousands of values of their own would have to be written into the statement each time.
        """
        if self.dialect == "sqlite":
            listed = func.json_each(json.dumps(list(values))).table_valued("value")
            return column.in_(select(listed.c.value))
        return column == any_(literal(list(values), ARRAY(column.type)))


class Store:
    """A database of tickets. On SQLite every writing transaction begins IMMEDIATE.

    One that is not `lasting` will be thrown away, and is not written through to the disk. Raises
    StoreWrong where the URL or the SQLite library cannot be used.
    """

    def __init__(self, url: str, cipher: Cipher, *, lasting: bool = True) -> None:
        self.url = url
        self.cipher = cipher
        self._turns: FairWriteLock | None = None
        if make_url(url).get_backend_name() == "sqlite":
            self._turns = FairWriteLock(Path(make_url(url).database or "hotline.db").absolute())
            self._write = _sqlite(url, "BEGIN IMMEDIATE", reading=False, lasting=lasting)
            self._read = _sqlite(url, "BEGIN", reading=True, lasting=lasting)
        else:
            options: dict[str, Any] = {
                "pool_pre_ping": True,
                "pool_size": 4,
                "hide_parameters": True,
                "connect_args": _postgresql(url),
            }
            self._write = create_engine(url, **options)
            self._read = create_engine(url, **options).execution_options(postgresql_readonly=True)

    @contextmanager
    def writing(self, *, skip_queue: bool = False) -> Iterator[Session]:
        """One writing transaction: committed at the end, rolled back on any exception.

        Where only one may write at a time, `soon` goes before those who wait at the door.
        """
        self.cipher.refresh()
        with (
            self._turns.acquire(skip_queue=skip_queue) if self._turns else nullcontext(),
            Session(self._write, expire_on_commit=False) as session,
            session.begin(),
        ):
            session.cipher = self.cipher
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One reading transaction: everything read in it is from the same moment on SQLite."""
        self.cipher.refresh()
        with Session(self._read, expire_on_commit=False) as session:
            session.cipher = self.cipher
            yield session

    def analyze(self) -> None:
        """Let SQLite look again how its tables are filled, which tells it what an index is worth.

        PostgreSQL does so by itself. Cheap where little has changed.
        """
        if self._write.dialect.name == "sqlite":
            with self.writing() as session:
                session.execute(text("PRAGMA analysis_limit = 1000"))
                session.execute(text("PRAGMA optimize = 0x10002"))

    @contextmanager
    def change_signal(self) -> Iterator[Callable[[], object]]:
        """Gives a value that is another one whenever somebody else has committed; cheap to ask.

        SQLite counts the commits that a connection did not make itself. PostgreSQL has no such
        count, but the snapshot that a query would get now changes with every writing transaction.
        """
        kind, engine = self._read.dialect.name, self._read
        if kind == "postgresql":
            engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            raw, question = connection.connection, _PULSE[kind]

            def ask() -> object:
                cursor = raw.cursor()
                try:
                    cursor.execute(question)
                    return cursor.fetchone()
                finally:
                    cursor.close()

            yield ask

    @property
    def batch_size(self) -> int:
        """How many tickets to carry on in one transaction, at most.

        On SQLite everybody else waits meanwhile, emergencies too.
        """
        return 2_000 if self._turns is None else 100

    @property
    def engine(self) -> Engine:
        """The writing engine, for migrations."""
        return self._write

    def close(self) -> None:
        """Give all connections back."""
        self._write.dispose()
        self._read.dispose()


def sqlite_module() -> ModuleType:
    """The SQLite library to use: the one from the wheel, or Python's own where it is new enough."""
    try:
        module: ModuleType = importlib.import_module("pysqlite3.dbapi2")
    except ModuleNotFoundError:
        module = sqlite3
    if module.sqlite_version_info < SQLITE_LEAST:
        least = ".".join(map(str, SQLITE_LEAST))
        told = _(
            "SQLite {version} is too old, it must be {least} or newer: install pysqlite3, or set "
            "HOTLINE_DATABASE_URL to a PostgreSQL database"
        )
        raise StoreUnusable(told.format(version=module.sqlite_version, least=least))
    return module


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database; None for a database on a server."""
    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite"
    return Path(parsed.database or "") if is_file else None


def is_transient(error: BaseException) -> bool:
    """Whether the database was only busy or away, so that the same may succeed later.

    Judged by SQLite's result code and PostgreSQL's SQLSTATE. An error of the connection itself,
    which has neither, counts as away.
    """
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    if (code := _sqlite_code(error)) is not None:
        return code in _SQLITE_TRANSIENT
    if (state := _sqlstate(error)) is not None:
        return state.startswith(_POSTGRESQL_TRANSIENT)
    return isinstance(error, OperationalError)


def is_store_fault(error: BaseException) -> bool:
    """Whether the database is to blame for an error, and not the rows that were read or written.

    True for everything transient, and for missing tables, missing rights and damage.
    """
    if is_transient(error):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if (code := _sqlite_code(error)) is not None:
        return code not in _SQLITE_OF_ROWS
    return (_sqlstate(error) or "").startswith(_POSTGRESQL_FAULTS)


def _sqlite_code(error: DBAPIError) -> str | None:
    """SQLite's primary result code without its prefix: BUSY for SQLITE_BUSY_SNAPSHOT."""
    name: str | None = getattr(error.orig, "sqlite_errorname", None)
    return name.split("_")[1] if name else None


def _sqlstate(error: DBAPIError) -> str | None:
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def _postgresql(url: str) -> dict[str, Any]:
    """How to connect, unless the URL says otherwise.

    A process that is frozen, or a host that has gone, must not keep its tickets locked for ever,
    nor everybody waiting who wants one of them: they try again later.
    """
    usual = {
        "connect_timeout": 5,
        "options": "-c idle_in_transaction_session_timeout=120s -c lock_timeout=10s "
        "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3",
    }
    return {name: value for name, value in usual.items() if name not in make_url(url).query}


def _sqlite(url: str, begin: str, *, reading: bool, lasting: bool) -> Engine:
    if database := make_url(url).database:
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        module=sqlite_module(),
        pool_size=8,
        max_overflow=0,
        # what a statement was given may be a citizen's, and errors go into logs
        hide_parameters=True,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def connected(raw: Any, _record: Any) -> None:
        # the driver must not begin transactions of its own, which would be DEFERRED
        raw.isolation_level = None
        durable = ["journal_mode=WAL", "synchronous=FULL"]
        settings = durable if lasting else ["journal_mode=MEMORY", "synchronous=OFF"]
        settings += ["foreign_keys=ON", "temp_store=MEMORY"]
        for setting in settings + (["query_only=ON"] if reading else []):
            raw.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
