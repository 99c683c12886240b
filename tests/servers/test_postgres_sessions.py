"""What a connection to PostgreSQL is: named, a session of its own, and waited for."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest
from sqlalchemy import URL, make_url, text

from models.connection_errors import connection_reason
from models.database import Store, StoreNotReady, StoreUnusable
from models.i18n import render
from models.migrations import require_upgraded
from models.security.encryption import Cipher
from scripts.service.setup import outlast_shortage
from tests.servers.pgbouncer import pgbouncer, pgbouncer_program
from tests.servers.pooler import PORT, transaction_pooler
from tests.servers.postgres import (
    NOT_DURABLE,
    Databases,
    PostgresServer,
    installed_programs,
)
from tests.store.factories import KEY


@contextmanager
def _opened(url: str | URL, application: str = "hotline") -> Iterator[Store]:
    address = make_url(url).render_as_string(hide_password=False)
    with closing(Store(address, Cipher([KEY]), application=application)) as store:
        yield store


def _own_name(store: Store) -> str:
    with store.reading() as session:
        question = text("SELECT current_setting('application_name')")
        return str(session.execute(question).scalar_one())


def test_the_server_lists_who_is_connected(postgres_database: str) -> None:
    """Each process by its role; an address may name it otherwise."""
    with _opened(postgres_database, application="hotline worker") as store:
        assert _own_name(store) == "hotline worker"
    named = make_url(postgres_database).update_query_dict({"application_name": "12345"})
    with _opened(named, application="hotline worker") as store:
        assert _own_name(store) == "12345"


def test_a_lost_host_is_noticed_by_both_sides(postgres_database: str) -> None:
    """The kernel would wait for two hours, or a quarter of one; an address may say otherwise."""
    url = make_url(postgres_database).update_query_dict({"keepalives_idle": "7"})
    with _opened(url) as store, store.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        set_here = driver.info.get_parameters()
        asked = "SELECT setting FROM pg_settings WHERE name = 'lock_timeout'"
        set_there = driver.execute(asked).fetchone()
    assert set_here["keepalives_idle"] == "7"
    assert set_here["tcp_user_timeout"] == "60000"
    assert set_there == ("10000",)


def test_of_several_servers_the_one_that_takes_changes_is_used(postgres_database: str) -> None:
    """The first one is away; each has a port, or none has one (5432)."""
    url = make_url(postgres_database)
    place, port = url.query["host"], url.query["port"]
    several = {"host": f"/nowhere,{place}", "target_session_attrs": "read-write"}
    with _opened(url.update_query_dict(several | {"port": f"{port},{port}"})) as store:
        assert _own_name(store) == "hotline"
    without = url.set(query={k: v for k, v in several.items() if k != "port"})
    if port == "5432":
        with _opened(without) as store:
            assert _own_name(store) == "hotline"
    with pytest.raises(StoreUnusable, match="host=a,b&port=5432,5432"):
        Store(str(url.update_query_dict(several)), Cipher([KEY]))


@pytest.fixture
def full_url(postgres_server: Databases, postgres_database: str) -> Iterator[tuple[URL, Store]]:
    """An address that lets in one connection alone, and the store that has it."""
    name = f"limited_{make_url(postgres_database).database}"
    url = make_url(postgres_database).set(username=name)
    with psycopg.connect(postgres_server.url(), autocommit=True) as admin, ExitStack() as stack:
        admin.execute(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 1")
        stack.callback(admin.execute, f"DROP ROLE {name}")
        taken = stack.enter_context(_opened(url))
        taken.engine.connect()
        yield url, taken


def test_a_database_without_a_free_connection_is_waited_for(
    full_url: tuple[URL, Store], caplog: pytest.LogCaptureFixture
) -> None:
    """With a line in the log; it goes on as soon as somebody else lets one go."""
    url, taken = full_url
    tries = []

    def begin() -> str:
        tries.append(caplog.text)
        if len(tries) > 1:
            taken.close()
        with _opened(url) as store:
            return _own_name(store)

    with caplog.at_level(logging.WARNING, "hotline.main"):
        assert outlast_shortage(begin) == "hotline"
    # the server may take a moment to count the connection as free
    assert len(tries) >= 2
    assert "waiting: " in tries[1]
    assert "too many connections" in tries[1]


def test_waiting_ends_where_the_process_is_to_stop(full_url: tuple[URL, Store]) -> None:
    """As by Ctrl-C while `hotline up` waits."""
    stop = Event()
    stop.set()
    with (
        _opened(full_url[0]) as store,
        pytest.raises(StoreNotReady, match="too many connections"),
    ):
        outlast_shortage(lambda: require_upgraded(store), stop)


def test_a_pooler_of_transactions_is_refused(
    postgres_server: Databases, postgres_database: str, tmp_path: Path
) -> None:
    """It shares sessions among all: locks and time-outs of one would be another's."""
    plain = make_url(postgres_server.url())
    behind = Path(str(plain.query["host"])) / f".s.PGSQL.{plain.query['port']}"
    url = make_url(postgres_database).set(query={"host": str(tmp_path), "port": PORT})
    with (
        transaction_pooler(behind, tmp_path),
        _opened(url) as store,
        pytest.raises(StoreUnusable, match="PgBouncer with pool_mode = transaction"),
    ):
        require_upgraded(store)


def test_a_pooler_that_takes_no_time_outs_is_called_so() -> None:
    words = "connection failed: FATAL:  unsupported startup parameter: options"
    reason = connection_reason(words)
    assert reason is not None
    assert "PgBouncer" in render(reason)


@pytest.mark.skipif(pgbouncer_program() is None, reason="pgbouncer is not installed")
@pytest.mark.usefixtures("starts_servers")
@pytest.mark.parametrize("mode", ["session", "transaction", "statement"])
def test_pgbouncer_is_used_with_sessions_alone(mode: str) -> None:
    program = str(pgbouncer_program())
    settings = {"pool_mode": mode, "ignore_startup_parameters": "options"}
    with (
        PostgresServer(NOT_DURABLE, installed_programs()) as server,
        pgbouncer(server, program, **settings) as url,
        _opened(url) as store,
    ):
        if mode == "session":
            assert _own_name(store) == "hotline"
            return
        with pytest.raises(StoreUnusable, match="gives no session"):
            _own_name(store)
