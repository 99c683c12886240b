"""The sorting of database errors: transient or not, and the store's fault or a ticket's.

Every error here is a real database's: SQLite's and PostgreSQL's own codes are what is judged.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from models.database import Store, StoreUnreachable
from models.migrations import upgrade
from models.security.encryption import Cipher
from models.store_errors import is_store_fault, is_transient
from tests.servers.postgres import NOT_DURABLE, PostgresServer, installed_programs
from tests.store.factories import KEY, prepared_store


def _error(store: Store, *statements: str) -> SQLAlchemyError:
    """Return the error that the last of these statements fails with."""
    with pytest.raises(SQLAlchemyError) as caught, store.writing() as session:
        for statement in statements:
            session.execute(text(statement))
    return caught.value


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("SELECT * FROM nothing_of_this_name", id="table"),
        pytest.param("SELECT nothing_of_this_name FROM ticket", id="column"),
        pytest.param("SELEKT 1", id="syntax"),
    ],
)
def test_what_the_database_does_not_have_is_not_busy(store: Store, statement: str) -> None:
    """Trying again would not help; but no ticket is to blame for it either."""
    error = _error(store, statement)
    assert not is_transient(error)
    assert is_store_fault(error)


def test_a_value_that_a_table_refuses_is_the_row_s_fault(store: Store) -> None:
    """A second row under one key is neither busy nor a broken store."""
    policy = "INSERT INTO territory (word) VALUES ('濠江')"
    error = _error(store, "DELETE FROM territory", policy, policy)
    assert not is_transient(error)
    assert not is_store_fault(error)


def test_an_error_of_our_own_is_neither(store: Store) -> None:
    """Only what a database says is judged."""
    assert not is_transient(ValueError("busy"))
    assert not is_store_fault(ValueError("busy"))


def test_a_closed_store_closes_what_a_thread_gives_back_later(store_url: str) -> None:
    """A monitor ends while a read of a frozen database has not come back."""
    store = Store(store_url, Cipher([KEY]))
    with store.reading() as session:
        raw: Any = session.connection().connection.dbapi_connection
        store.close()
        session.execute(text("SELECT 1"))
    with pytest.raises(store.engine.dialect.loaded_dbapi.Error, match="closed"):
        raw.cursor().execute("SELECT 1")


def test_a_pool_without_a_free_connection_is_busy(store_url: str) -> None:
    """SQLAlchemy's own time-out, which no database has a code for."""
    with prepared_store(store_url):
        engine = create_engine(store_url, pool_size=1, max_overflow=0, pool_timeout=0.1)
        with engine.connect(), pytest.raises(SQLAlchemyError) as caught:
            engine.connect()
        engine.dispose()
    assert is_transient(caught.value)


@pytest.mark.store(databases=["sqlite"])
class TestSqlite:
    """The codes of SQLite, whose driver calls most of them OperationalError."""

    def test_a_lock_is_busy(self, store: Store) -> None:
        """Somebody else writes, who has not come through the fair lock."""
        with store.engine.connect() as other, other.begin():
            impatient = store.engine.connect()
            raw = impatient.connection.dbapi_connection
            assert raw is not None
            raw.execute("PRAGMA busy_timeout = 10")
            with pytest.raises(DBAPIError, match="locked") as caught:
                impatient.begin()
            impatient.close()
        assert is_transient(caught.value)

    def test_a_full_disk_is_transient(self, store: Store) -> None:
        """The tickets are not to blame, and somebody will make room."""
        error = _error(
            store,
            "PRAGMA max_page_count = 1",
            "CREATE TABLE filler (it BLOB)",
            "INSERT INTO filler SELECT zeroblob(10000000)",
        )
        assert "full" in str(error)
        assert is_transient(error)

    def test_a_file_that_cannot_be_opened_is_unreachable(self, tmp_path: Path) -> None:
        """A command says so in a line, and that the setting may be wrong."""
        folder = tmp_path / "hotline.db"
        folder.mkdir()
        store = Store(f"sqlite:///{folder}", Cipher([KEY]))
        with pytest.raises(StoreUnreachable, match="HOTLINE_DATABASE_URL"):
            upgrade(store)
        store.close()

    def test_a_file_that_is_no_database_is_not_busy(self, tmp_path: Path) -> None:
        """Waiting does not mend it."""
        file = tmp_path / "hotline.db"
        file.write_bytes(b"no database at all " * 100)
        store = Store(f"sqlite:///{file}", Cipher([KEY]))
        with pytest.raises(DBAPIError) as caught:
            upgrade(store)
        store.close()
        assert not is_transient(caught.value)
        assert is_store_fault(caught.value)


@pytest.mark.store(databases=["postgresql"])
class TestPostgresql:
    """The codes of PostgreSQL."""

    def test_a_lock_that_is_not_given_is_busy(self, store: Store) -> None:
        """55P03, as lock_timeout and NOWAIT give it."""
        with store.engine.connect() as other, other.begin():
            other.execute(text("LOCK TABLE ticket IN ACCESS EXCLUSIVE MODE"))
            error = _error(store, "LOCK TABLE ticket IN ACCESS SHARE MODE NOWAIT")
        assert is_transient(error)

    def test_a_deadlock_is_busy(self, store: Store) -> None:
        """40P01: the one of two that is chosen may try again."""
        errors: list[BaseException] = []
        both_hold_one = Barrier(2)

        def lock(first: str, second: str) -> None:
            try:
                with store.writing() as session:
                    session.execute(text(f"LOCK TABLE {first}"))
                    both_hold_one.wait(10)
                    session.execute(text(f"LOCK TABLE {second}"))
            except DBAPIError as error:
                errors.append(error)

        threads = [Thread(target=lock, args=p) for p in (("ticket", "inbox"), ("inbox", "ticket"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert [is_transient(error) for error in errors] == [True]

    def test_a_connection_that_is_cut_is_away(self, store: Store) -> None:
        """57P01 or no code at all, as it comes."""
        with pytest.raises(DBAPIError) as caught, store.writing() as session:
            backend_pid = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with store.reading() as other:
                other.execute(text(f"SELECT pg_terminate_backend({backend_pid})"))
            session.execute(text("SELECT 1"))
        assert is_transient(caught.value)

    def test_a_transaction_idle_for_too_long_is_away(self, store: Store) -> None:
        """25P03: the server has ended the session of a process that was frozen."""
        with pytest.raises(DBAPIError) as caught, store.writing() as session:
            session.execute(text("SET idle_in_transaction_session_timeout = '50ms'"))
            with store.reading() as other:
                other.execute(text("SELECT pg_sleep(0.5)"))
            session.execute(text("SELECT 1"))
        assert is_transient(caught.value)

    def test_a_right_that_is_missing_is_not_busy(self, store: Store) -> None:
        """42501: somebody has to grant it, and no ticket is to blame."""
        error = _error(
            store,
            "CREATE ROLE hotline_without_rights",
            "SET LOCAL ROLE hotline_without_rights",
            "SELECT * FROM ticket",
        )
        assert not is_transient(error)
        assert is_store_fault(error)

    def test_no_connection_left_is_busy(self, store: Store) -> None:
        """The server's own limit, here that of a role."""
        with _role(store, "hotline_limited", "LOGIN CONNECTION LIMIT 1") as name:
            engine = create_engine(make_url(store.url).set(username=name))
            with (
                engine.connect(),
                pytest.raises(DBAPIError, match="too many connections") as caught,
            ):
                engine.connect()
            engine.dispose()
        assert is_transient(caught.value)

    @pytest.mark.usefixtures("starts_servers")
    def test_a_server_that_shuts_down_is_away(self) -> None:
        """First the open connection is cut, then nobody answers: both pass."""
        server = PostgresServer(NOT_DURABLE, installed_programs())
        server.start()
        try:
            store = Store(server.url(driver="postgresql+psycopg"), Cipher([KEY]))
            with pytest.raises(DBAPIError) as caught, store.engine.begin() as session:
                session.execute(text("SELECT 1"))
                server.crash()
                session.execute(text("SELECT 1"))
            assert is_transient(caught.value)
            with pytest.raises(DBAPIError) as caught, store.reading() as session:
                session.execute(text("SELECT 1"))
            assert is_transient(caught.value)
            with pytest.raises(StoreUnreachable, match="HOTLINE_DATABASE_URL"):
                upgrade(store)
            store.close()
        finally:
            server.stop()


@contextmanager
def _role(store: Store, name: str, options: str) -> Iterator[str]:
    with store.writing() as session:
        session.execute(text(f"CREATE ROLE {name} {options}"))
    try:
        yield name
    finally:
        with store.writing() as session:
            session.execute(text(f"DROP ROLE {name}"))
