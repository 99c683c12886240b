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
from sqlalchemy.exc import DBAPIError, OperationalError

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


class StoreUnusable(HotlineError):
    """The database cannot be used as it is."""


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


def is_transient(wrong: Exception) -> bool:
    """Whether a database was only busy or away for the moment, so that trying again helps."""
    lost = isinstance(wrong, DBAPIError) and wrong.connection_invalidated
    return lost or isinstance(wrong, OperationalError)


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
