"""Fixtures for the servers: one of each per test process, started by the first test that asks.

Every test that asks for one of them, or runs on PostgreSQL, is marked `server`, so that
`make quick` leaves it out.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.servers.key_value import KeyValueServer, installed_server, own_database
from tests.servers.postgres import Databases, choose_postgres


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a server."""
    for item in items:
        assert isinstance(item, pytest.Function)
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if "starts_servers" in item.fixturenames or parameters.get("database") == "postgresql":
            item.add_marker("server")


@pytest.fixture(scope="session")
def starts_servers() -> None:
    """Asked for by each fixture here, and by tests that start servers of their own."""


@pytest.fixture(scope="session")
def postgres_server(starts_servers: None) -> Iterator[Databases]:
    """The PostgreSQL of this test process."""
    with choose_postgres(os.environ.get("HOTLINE_TEST_POSTGRES_URL")) as databases:
        yield databases


@pytest.fixture
def postgres_database(postgres_server: Databases) -> Iterator[str]:
    """The SQLAlchemy URL of an empty PostgreSQL database for one test."""
    name = postgres_server.create()
    yield postgres_server.url(name, "postgresql+psycopg")
    postgres_server.drop(name)


@pytest.fixture(scope="session")
def key_value_url(
    starts_servers: None, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[str]:
    """The URL of a key-value database of this test process."""
    url = os.environ.get("HOTLINE_TEST_BROKER_URL")
    if url:
        yield own_database(url, worker_id)
        return
    folder = tmp_path_factory.mktemp("key-value")
    with KeyValueServer(folder, installed_server()) as server:
        yield server.url


@pytest.fixture
def broker_url(key_value_url: str) -> str:
    """The URL of an empty key-value database, for tests that leave the server alone."""
    with redis.Redis.from_url(key_value_url) as client:
        client.flushdb()
    return key_value_url


@pytest.fixture
def key_value_server(starts_servers: None, tmp_path: Path) -> Iterator[KeyValueServer]:
    """A key-value server for one test, not started yet, to be stopped, frozen or reconfigured."""
    server = KeyValueServer(tmp_path / "valkey", installed_server())
    yield server
    server.stop()
