"""Processes of an earlier release write nothing into a store that a later one has upgraded."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from models.database import Store
from models.migrations import config_of, require_upgraded, upgrade
from models.operations.store_closing import Closing, StoreClosed, close
from models.operations.store_secret import StoreUnfilled
from models.schema import NEWEST, StoreExchanged, StoreNewer, StoreOlder
from models.security.encryption import Cipher
from models.serving.web_server import schema_changed
from models.tables.core import UNIT
from scripts.service.child_process import ForkedProcess, stop_all
from scripts.service.up import ServiceWatch
from tests.store.factories import KEY, prepare
from tests.store.templates import copy_prepared


def _set_schema(store: Store, schema: str) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :n"), {"n": schema})


def test_nothing_is_written_into_another_schema(store: Store) -> None:
    """A transaction that would write does not begin; after the way back it does."""
    _set_schema(store, "0999")
    with pytest.raises(StoreNewer, match="0999"), store.writing():
        raise AssertionError("it began")
    with pytest.raises(StoreNewer):
        store.look_at_schema()
    with pytest.raises(StoreNewer):
        require_upgraded(store)
    _set_schema(store, "0001")
    with pytest.raises(StoreOlder, match="db upgrade"), store.writing():
        raise AssertionError("it began")
    _set_schema(store, NEWEST)
    with store.writing():
        store.look_at_schema()
    require_upgraded(store)


def test_a_read_that_fails_in_another_schema_says_so(store: Store) -> None:
    """A table or a column that has gone is no fault of the program."""
    with pytest.raises(StoreNewer), store.reading() as session:
        with store.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))
            connection.execute(text("ALTER TABLE unit RENAME TO body"))
        session.execute(UNIT.select())


@pytest.mark.store(databases=["postgresql"])
def test_a_migration_waits_for_whoever_writes(store: Store) -> None:
    """His transaction has read the schema: until it ends nobody can lock that table alone."""
    with store.writing(), store.engine.connect() as other:
        other.execute(text("SET lock_timeout = '50ms'"))
        with pytest.raises(Exception, match="lock timeout"):
            other.execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))


@pytest.mark.store(databases=["sqlite"])
def test_an_upgrade_that_was_broken_off_is_gone_on_with(empty_database_url: str) -> None:
    """Whoever only opens the empty store says so; nothing but the upgrade makes its secret."""
    with closing(Store(empty_database_url, Cipher([KEY]))) as store:
        command.upgrade(config_of(store), "head")
        with pytest.raises(StoreUnfilled, match="db upgrade"):
            require_upgraded(store)
        upgrade(store)
        require_upgraded(store)


@pytest.mark.store(databases=["sqlite"])
def test_a_file_that_was_exchanged_takes_nothing_more(store: Store, store_url: str) -> None:
    """What is written would go into a file that nobody sees any more."""
    file = Path(store_url.removeprefix("sqlite:///"))
    copy_prepared(f"sqlite:///{file.with_name('other.db')}", prepare)
    file.with_name("other.db").replace(file)
    with pytest.raises(StoreExchanged, match="another file"), store.writing():
        raise AssertionError("it began")
    file.unlink()
    with pytest.raises(StoreExchanged):
        store.look_at_schema()


def test_servers_and_the_service_end_with_the_word(store: Store) -> None:
    """They look at the schema now and then; an outage tells nothing."""
    _set_schema(store, "0999")
    with pytest.raises(StoreNewer):
        asyncio.run(schema_changed(store, every=0.0))
    supervisor = ForkedProcess("supervisor", lambda: 0)
    with pytest.raises(StoreNewer):
        ServiceWatch(None, supervisor, store, lambda _line: None).poll()
    stop_all([supervisor], 5)


def test_the_service_ends_once_its_store_was_moved(store: Store) -> None:
    """Its children end at each write, and would be started again for ever."""
    with store.writing() as session:
        close(session, Closing.MOVED)
    supervisor = ForkedProcess("supervisor", lambda: 0)
    with pytest.raises(StoreClosed, match="was moved"):
        ServiceWatch(None, supervisor, store, lambda _line: None).poll()
    stop_all([supervisor], 5)
