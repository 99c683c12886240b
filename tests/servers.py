"""Real servers for the tests: a Valkey and a PostgreSQL from wheels, one of each a test process.

A test asks for `valkey_url`, `postgres_database` or `store_url`; a server starts with the first
test that wants it and ends with the process.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from scripts.bench.servers import FORGETFUL, PostgresServer
from workers.embedded import EmbeddedServer


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """The test process's key-value server; a test that breaks one starts its own."""
    with EmbeddedServer(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def valkey_url(valkey_server: EmbeddedServer) -> str:
    """The URL of an empty key-value server."""
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
    return valkey_server.url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The test process's PostgreSQL."""
    server = PostgresServer(FORGETFUL)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """The URL of PostgreSQL's own database, for psycopg: to make others, or templates."""
    return postgres_server.url()


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The SQLAlchemy URL of an empty PostgreSQL database of the test's own."""
    name = postgres_server.create()
    yield postgres_server.url(name, "postgresql+psycopg")
    postgres_server.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The SQLAlchemy URL of an empty database of the test's own, once for each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hotline.db'}"
    url: str = request.getfixturevalue("postgres_database")
    return url
