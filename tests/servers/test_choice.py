"""The choice of a test server: a configured one, an installed one, or the wheel's."""

import os
from pathlib import Path

import psycopg
import pytest
import redis

from tests.servers.key_value import KeyValueServer, installed_server, own_database
from tests.servers.postgres import (
    NOT_DURABLE,
    Databases,
    PostgresServer,
    choose_postgres,
    installed_programs,
)


def _program(folder: Path, *names: str) -> Path:
    """A folder that holds programs of these names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return folder


def test_postgres_is_looked_for_on_the_search_path_first(tmp_path: Path) -> None:
    """Then among Debian's versions, newest first; a folder without the server does not count."""
    debian = tmp_path / "debian"
    nowhere = str(tmp_path / "nowhere")
    assert installed_programs(nowhere, debian) is None
    for version in ("9", "15", "18"):
        _program(debian / version / "bin", "initdb", "postgres")
    assert installed_programs(nowhere, debian) == debian / "18" / "bin"
    (debian / "18" / "bin" / "postgres").unlink()
    assert installed_programs(nowhere, debian) == debian / "15" / "bin"
    program = _program(tmp_path / "own", "initdb", "postgres")
    assert installed_programs(str(program), debian) == program


def test_a_link_on_the_search_path_leads_to_the_programs(tmp_path: Path) -> None:
    """Only `initdb` is linked: the server lies beside what the link points to."""
    programs = _program(tmp_path / "programs", "initdb", "postgres")
    links = tmp_path / "links"
    links.mkdir()
    (links / "initdb").symlink_to(programs / "initdb")
    assert installed_programs(str(links), tmp_path / "debian") == programs


def test_a_given_postgres_is_used(postgres_server: Databases) -> None:
    """Nothing is started; databases are created where the URL says."""
    with choose_postgres(postgres_server.url()) as databases:
        assert not isinstance(databases, PostgresServer)
        name = databases.create()
        with psycopg.connect(databases.url(name)) as connection:
            row = connection.execute("SELECT current_database()").fetchone()
        databases.drop(name)
    assert row == (name,)


@pytest.mark.usefixtures("starts_servers")
@pytest.mark.parametrize("programs", [None, installed_programs()], ids=["wheel", "installed"])
def test_postgres_runs_from_the_wheel_and_as_installed(programs: Path | None) -> None:
    """As root it runs as another user; texts are UTF-8 and sorted by code point."""
    with PostgresServer(NOT_DURABLE, programs) as server, psycopg.connect(server.url()) as db:
        owner = (server.home / "data" / "PG_VERSION").stat().st_uid
        row = db.execute(
            "SELECT getdatabaseencoding(), string_agg(t, '' ORDER BY t)"
            " FROM (VALUES ('b'), ('B'), ('工'), ('一')) AS texts (t)"
        ).fetchone()
    assert owner != 0
    assert row == ("UTF8", "Bb一工")


def test_an_installed_key_value_server_is_preferred(tmp_path: Path) -> None:
    """Valkey before Redis; without either, the wheel's."""
    assert installed_server(str(tmp_path)) is None
    _program(tmp_path, "redis-server")
    assert installed_server(str(tmp_path)) == tmp_path / "redis-server"
    _program(tmp_path, "valkey-server")
    assert installed_server(str(tmp_path)) == tmp_path / "valkey-server"


@pytest.mark.usefixtures("starts_servers")
@pytest.mark.parametrize("program", [None, installed_server()], ids=["wheel", "installed"])
def test_the_key_value_server_runs(program: Path | None, tmp_path: Path) -> None:
    """From the wheel and as installed."""
    with KeyValueServer(tmp_path, program) as server, redis.Redis.from_url(server.url) as client:
        assert client.set("a", "b")


def test_test_processes_share_a_given_key_value_server(key_value_url: str) -> None:
    """Each has a database of its own there, by TCP or by a socket."""
    assert own_database("redis://desk:6379", "gw0") == "redis://desk:6379?db=1"
    url = own_database(key_value_url.partition("?")[0], "gw2")
    with redis.Redis.from_url(url) as client:
        client.set("third", "yes")
    with redis.Redis.from_url(own_database(key_value_url.partition("?")[0], "master")) as client:
        assert client.get("third") is None


def test_an_empty_database_of_the_broker_is_given_to_a_test(broker_url: str) -> None:
    """Whatever another test left is gone."""
    with redis.Redis.from_url(broker_url) as client:
        assert client.dbsize() == 0
        client.set("left", os.getpid())
