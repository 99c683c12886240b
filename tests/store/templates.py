"""A prepared store, made once in a test process and copied: migrating each anew takes too long."""

import atexit
import itertools
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from tests.servers.postgres import Databases, create_database

_numbers = itertools.count(1)


def copy_prepared(url: str, prepare: Callable[[str], None]) -> None:
    """Make the empty database at `url` a copy of one that `prepare` has prepared, given its URL."""
    target = make_url(url)
    if target.get_backend_name() == "sqlite":
        shutil.copy(_sqlite_template(prepare), str(target.database))
        return
    admin = target.set(drivername="postgresql", database="postgres")
    server = Databases(admin.render_as_string(hide_password=False))
    server.drop(str(target.database))
    create_database(server.url(), str(target.database), prepared_template(server, prepare))


def is_new(url: str) -> bool:
    """Return whether the database at `url` is empty, and may be replaced by a copy."""
    target = make_url(url)
    if target.database == "postgres":
        # copies are made from there
        return False
    if target.get_backend_name() == "sqlite":
        return not Path(str(target.database)).exists()
    plain = target.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        return connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,)


@cache
def _sqlite_template(prepare: Callable[[str], None]) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="hotline-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "hotline.db"
    prepare(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        # what still stands in the log of a connection that somebody has left open is not copied
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def prepared_template(server: Databases, prepare: Callable[[str], None]) -> str:
    """Return the name of a database on this server that `prepare` has prepared, given its URL."""
    return _postgres_template(server.url(), prepare)


@cache
def _postgres_template(admin: str, prepare: Callable[[str], None]) -> str:
    databases = Databases(admin)
    name = f"hotline_template_{os.getpid()}_{next(_numbers)}"
    create_database(admin, name)
    prepare(databases.url(name, "postgresql+psycopg"))
    with psycopg.connect(databases.url(name)) as connection:
        # A sequence that has logged values ahead is copied with that claim, but not with the log:
        # after a crash, a copy would give the same values again.
        connection.execute(
            "SELECT setval(seqrelid, given)"
            " FROM pg_sequence, pg_sequence_last_value(seqrelid) AS given"
            " WHERE given IS NOT NULL"
        )
    return name
