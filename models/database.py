"""The store: two engines on one database, one for writing and one for reading."""

import importlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text

from models.errors import HotlineError
from models.fair_lock import FairWriteLock
from models.i18n import _
from models.private_files import make_private_folder, open_private
from models.schema import NEWEST, require_newest, schema_of, wrong_schema
from models.security.encryption import Cipher
from models.session import Session, columns_to_decrypt
from models.store_errors import StoreError, is_store_fault, is_transient

__all__ = [
    "SQLITE_LEAST",
    "Session",
    "Store",
    "StoreUnreachable",
    "StoreUnusable",
    "columns_to_decrypt",
    "sqlite_file",
    "sqlite_module",
]

SQLITE_LEAST = (3, 51, 3)
"""Older versions can lose committed pages with several writers (sqlite.org/wal.html, WAL reset)."""

_BUSY_SECONDS = 60

_CHANGE_SIGNAL = {
    "sqlite": "PRAGMA data_version",
    "postgresql": "SELECT pg_current_snapshot()::text",
}


class StoreUnusable(HotlineError):
    """The database cannot be used as it is."""


class StoreUnreachable(StoreUnusable):
    """The database does not answer, or lets nobody in."""

    def __init__(self, reason: str) -> None:
        text = _("the database cannot be reached: {why}; see HOTLINE_DATABASE_URL")
        super().__init__(text.format(why=reason))


class Store:
    """A database of tickets. On SQLite every writing transaction begins IMMEDIATE.

    One that is not `durable` will be thrown away and is not flushed to the disk. Raises
    StoreUnusable where the SQLite library is too old.
    """

    def __init__(self, url: str, cipher: Cipher, *, durable: bool = True) -> None:
        self.url = url
        self.cipher = cipher
        self._write_lock: FairWriteLock | None = None
        if make_url(url).get_backend_name() == "sqlite":
            self._write_lock = FairWriteLock(
                Path(make_url(url).database or "hotline.db").absolute()
            )
            self._write = _sqlite(url, "BEGIN IMMEDIATE", reading=False, durable=durable)
            self._read = _sqlite(url, "BEGIN", reading=True, durable=durable)
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
        """Open a writing transaction: committed at the end, rolled back on any exception.

        On SQLite, where only one may write at a time, `skip_queue` goes before those who wait.
        Raises StoreNewer once a later release has upgraded the store: what this program writes
        would no longer fit.
        """
        self.cipher.refresh()
        with (
            self._write_lock.acquire(skip_queue=skip_queue) if self._write_lock else nullcontext(),
            Session(self._write, expire_on_commit=False) as session,
            session.begin(),
        ):
            require_newest(session.connection())
            session.cipher = self.cipher
            yield session

    @contextmanager
    def reading(self, *, snapshot: bool = False) -> Iterator[Session]:
        """Open a reading transaction; on SQLite everything in it is of the same moment.

        With `snapshot` it is on PostgreSQL, too. Raises StoreNewer where a statement fails since a
        later release has upgraded the store.
        """
        self.cipher.refresh()
        engine = self._read
        if snapshot and engine.dialect.name == "postgresql":
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        try:
            with Session(engine, expire_on_commit=False) as session:
                session.cipher = self.cipher
                yield session
        except StoreError as error:
            if is_store_fault(error) and not is_transient(error):
                self._blame_schema(error)
            raise

    def look_at_schema(self) -> None:
        """Raise StoreNewer once a later release has upgraded the store; an outage tells nothing.

        For processes that write rarely, and would not notice.
        """
        try:
            with self._read.connect() as connection:
                require_newest(connection)
        except StoreError as error:
            if not is_transient(error):
                raise

    def _blame_schema(self, error: StoreError) -> None:
        """Raise WrongSchema where that explains why a statement failed."""
        with self._read.connect() as connection:
            schema = schema_of(connection)
        if schema not in (None, NEWEST):
            raise wrong_schema(str(schema)) from error

    def analyze(self) -> None:
        """Renew the statistics by which SQLite chooses indexes; cheap where little has changed.

        PostgreSQL does so by itself.
        """
        if self._write.dialect.name == "sqlite":
            with self.writing() as session:
                session.execute(text("PRAGMA analysis_limit = 1000"))
                session.execute(text("PRAGMA optimize = 0x10002"))

    @contextmanager
    def change_signal(self) -> Iterator[Callable[[], object]]:
        """Give a function whose result changes whenever somebody else has committed; cheap to call.

        SQLite counts the commits of other connections. PostgreSQL has no such count, but the
        snapshot that a query would get changes with every writing transaction. Both it and the
        function raise StoreUnreachable or one of SQLAlchemy's errors.
        """
        kind, engine = self._read.dialect.name, self._read
        if kind == "postgresql":
            engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        driver: Any = engine.dialect.loaded_dbapi
        with engine.connect() as connection:
            raw, question = connection.connection, _CHANGE_SIGNAL[kind]

            def ask() -> object:
                cursor = raw.cursor()
                try:
                    cursor.execute(question)
                    return cursor.fetchone()
                except driver.Error as error:
                    # asked past SQLAlchemy, which would have raised one of its own
                    connection.invalidate(error)
                    raise StoreUnreachable(type(error).__name__) from error
                finally:
                    cursor.close()

            yield ask

    @property
    def batch_size(self) -> int:
        """The most tickets to advance in one transaction.

        On SQLite all other writers wait meanwhile, also those with emergencies.
        """
        return 2_000 if self._write_lock is None else 100

    @property
    def engine(self) -> Engine:
        """The writing engine, for migrations."""
        return self._write

    def close(self) -> None:
        """Close all connections."""
        self._write.dispose()
        self._read.dispose()


def sqlite_module() -> ModuleType:
    """Return the SQLite library: the one from the wheel, or Python's own where it is new enough."""
    try:
        module: ModuleType = importlib.import_module("pysqlite3.dbapi2")
    except ModuleNotFoundError:
        module = sqlite3
    if module.sqlite_version_info < SQLITE_LEAST:
        least = ".".join(map(str, SQLITE_LEAST))
        message = _(
            "SQLite {version} is too old, it must be {least} or newer: install pysqlite3, or set "
            "HOTLINE_DATABASE_URL to a PostgreSQL database"
        )
        raise StoreUnusable(message.format(version=module.sqlite_version, least=least))
    return module


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite database; None for a database on a server."""
    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite"
    return Path(parsed.database or "") if is_file else None


def _postgresql(url: str) -> dict[str, Any]:
    """Return how to connect to PostgreSQL, unless the URL says otherwise.

    The time-outs see to it that a frozen process or a lost host does not keep its tickets locked,
    and that whoever waits for them tries again later.
    """
    defaults = {
        "connect_timeout": 5,
        "options": "-c idle_in_transaction_session_timeout=120s -c lock_timeout=10s "
        "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3",
    }
    return {name: value for name, value in defaults.items() if name not in make_url(url).query}


def _sqlite(url: str, begin: str, *, reading: bool, durable: bool) -> Engine:
    if database := make_url(url).database:
        make_private_folder(Path(database).parent)
        # SQLite creates files by the umask, and those beside the database with the database's mode
        if not Path(database).exists():
            os.close(open_private(database, os.O_RDWR))
    engine = create_engine(
        url,
        module=sqlite_module(),
        pool_size=8,
        max_overflow=0,
        # parameters may be what a citizen wrote, and errors are logged
        hide_parameters=True,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def on_connect(raw: Any, _record: Any) -> None:
        # the driver must not begin transactions of its own, which would be DEFERRED
        raw.isolation_level = None
        settings = ["journal_mode=WAL", "synchronous=FULL"]
        if not durable:
            settings = ["journal_mode=MEMORY", "synchronous=OFF"]
        settings += ["foreign_keys=ON", "temp_store=MEMORY"]
        for setting in settings + (["query_only=ON"] if reading else []):
            raw.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
