"""The store: two engines on one database, one for writing and one for reading."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.pool import ConnectionPoolEntry

from models.commit_watch import PostgresWatch, SQLiteWatch, counting_commits
from models.engines import (
    SQLITE_LEAST,
    OpenedFile,
    StoreUnusable,
    connect_postgresql,
    postgresql_options,
    sqlite_engine,
    sqlite_file,
    sqlite_module,
)
from models.fair_lock import FairWriteLock
from models.i18n import _
from models.schema import NEWEST, StoreExchanged, require_newest, schema_of, wrong_schema
from models.security.encryption import Cipher
from models.session import Session, columns_to_decrypt
from models.store_errors import StoreError, is_store_fault, is_transient

__all__ = [
    "SQLITE_LEAST",
    "Session",
    "Store",
    "StoreNotReady",
    "StoreUnreachable",
    "StoreUnusable",
    "columns_to_decrypt",
    "sqlite_file",
    "sqlite_module",
]


class StoreUnreachable(StoreUnusable):
    """The database does not answer, or lets nobody in."""

    def __init__(self, reason: str) -> None:
        text = _("the database cannot be reached: {why}; see HOTLINE_DATABASE_URL")
        super().__init__(text.format(why=reason))
        self.reason = reason


class StoreNotReady(StoreUnreachable):
    """The database has no connection left, or is about to serve: waiting helps."""


class Store:
    """A database of tickets. On SQLite every writing transaction begins IMMEDIATE.

    One that is not `durable` will be thrown away and is not flushed to the disk. PostgreSQL lists
    its connections as those of `application`. Raises StoreUnusable where the SQLite library is too
    old.
    """

    def __init__(
        self, url: str, cipher: Cipher, *, durable: bool = True, application: str = "hotline"
    ) -> None:
        self.url = url
        self.cipher = cipher
        self._write_lock: FairWriteLock | None = None
        self._file: OpenedFile | None = None
        if make_url(url).get_backend_name() == "sqlite":
            self._write_lock = FairWriteLock(
                Path(make_url(url).database or "hotline.db").absolute()
            )
            self._write = sqlite_engine(url, "BEGIN IMMEDIATE", reading=False, durable=durable)
            self._read = sqlite_engine(url, "BEGIN", reading=True, durable=durable)
            if path := make_url(url).database:
                self._file = OpenedFile(Path(path))
        else:
            options: dict[str, Any] = {
                "pool_pre_ping": True,
                "pool_size": 4,
                "hide_parameters": True,
                "connect_args": postgresql_options(url, application),
            }
            self._write = create_engine(url, **options)
            self._read = create_engine(url, **options).execution_options(postgresql_readonly=True)
            for engine in (self._write, self._read):
                event.listen(engine, "do_connect", connect_postgresql)

    @contextmanager
    def writing(self, *, skip_queue: bool = False, is_report: bool = False) -> Iterator[Session]:
        """Open a writing transaction: committed at the end, rolled back on any exception.

        On SQLite, where only one may write at a time, `skip_queue` goes before those who wait. One
        that only reports that a process runs, and what it did, `is_report`: no screen is read again
        for it. Raises StoreNewer once a later release has upgraded the store, since what this
        program writes would no longer fit, and StoreExchanged.
        """
        self.cipher.refresh()
        with (
            self._write_lock.acquire(skip_queue=skip_queue) if self._write_lock else nullcontext(),
            Session(self._write, expire_on_commit=False) as session,
            session.begin(),
        ):
            self._require_same_file()
            require_newest(session.connection())
            session.cipher = self.cipher
            if self._write_lock is None or is_report:
                yield session
                return
            with counting_commits(session):
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
        """Raise StoreNewer or StoreExchanged where this process must not go on with the store.

        For processes that write rarely, and would not notice. An outage tells nothing.
        """
        self._require_same_file()
        try:
            with self._read.connect() as connection:
                require_newest(connection)
        except StoreError as error:
            if not is_transient(error):
                raise

    def _require_same_file(self) -> None:
        """Raise StoreExchanged where what is written would go into a file that nobody sees."""
        if self._file is not None and self._file.is_gone():
            raise StoreExchanged(self._file.path)

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

        The reports of processes that they run change nothing. Both it and the function raise
        StoreUnreachable or one of SQLAlchemy's errors.
        """
        engine = self._read
        watch: SQLiteWatch | PostgresWatch = SQLiteWatch()
        if engine.dialect.name == "postgresql":
            engine = engine.execution_options(isolation_level="AUTOCOMMIT")
            watch = PostgresWatch()
        driver: Any = engine.dialect.loaded_dbapi
        with engine.connect() as connection:
            raw = connection.connection

            def ask() -> object:
                cursor = raw.cursor()
                try:
                    return watch.ask(cursor)
                except driver.Error as error:
                    # asked past SQLAlchemy, which would have raised one of its own
                    connection.invalidate(error)
                    raise StoreUnreachable(type(error).__name__) from error
                finally:
                    cursor.close()

            yield ask

    @property
    def has_one_writer(self) -> bool:
        """Whether only one transaction may write at a time, as on SQLite."""
        return self._write_lock is not None

    @property
    def batch_size(self) -> int:
        """The most tickets to advance, or messages of a feed to store, in one transaction.

        On SQLite all other writers wait meanwhile, also those with emergencies. There it is as many
        as a bell names: if a small transaction followed each large one, two workers would fall into
        step, and each wait for the other.
        """
        return 2_000 if self._write_lock is None else 500

    @property
    def engine(self) -> Engine:
        """The writing engine, for migrations."""
        return self._write

    def close(self) -> None:
        """Close all connections; those that a thread still uses, when it gives them back."""
        for engine in (self._write, self._read):
            # the pool that is disposed of would keep them open
            event.listen(engine, "checkin", _close_returned)
            engine.dispose()


def _close_returned(_raw: object, record: ConnectionPoolEntry) -> None:
    record.close()
