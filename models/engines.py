"""The engines of SQLAlchemy for the two databases: how each is connected to."""

import importlib
import os
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, Engine, String, Text, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from models.errors import HotlineError
from models.i18n import _
from models.poolers import shares_sessions
from models.private_files import make_private_folder, open_private
from models.rules.vocabulary import LISTS

SQLITE_LEAST = (3, 51, 3)
"""Older versions can lose committed pages with several writers (sqlite.org/wal.html, WAL reset)."""

_BUSY_SECONDS = 60

_NO_TEXT = "(?)"


class StoreUnusable(HotlineError):
    """The database cannot be used as it is."""


class OpenedFile:
    """The file of a database as it was when it was opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened = self._identity()

    def is_gone(self) -> bool:
        """Return whether another file, or none, has this name now."""
        return self._identity() != self._opened

    def _identity(self) -> tuple[int, int] | None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino


def sqlite_module() -> ModuleType:
    """Return the SQLite library: the one from the wheel, or Python's own where it is new enough.

    It takes our values without asking them how (`_adapt_at_once`).
    """
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
    _adapt_at_once(module)
    return module


def _adapt_at_once(module: ModuleType) -> None:
    """Tell the driver that bytes and None are what they are, and codes texts.

    Of any value but plain numbers and texts it looks for an adapter, and then for a method by which
    the value adapts itself: that took most of the time of an insert. Each of these adapters is a
    function in C, as one in Python would take as long.
    """
    module.register_adapter(bytes, bytes)
    module.register_adapter(type(None), {None: None}.get)
    for code in LISTS:
        module.register_adapter(code, str.__str__)


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite database; None for a database on a server."""
    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite"
    return Path(parsed.database or "") if is_file else None


def postgresql_options(url: str, application: str) -> dict[str, Any]:
    """Return how to connect to PostgreSQL, unless the URL says otherwise. Raises StoreUnusable.

    The time-outs see to it that a frozen process or a lost host does not keep its tickets locked,
    that whoever waits for them tries again later, and that a server whose host is lost is given up
    within a minute, for another one. The server lists who is connected as `application`.
    """
    defaults = {
        "connect_timeout": 5,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        # in ms: what is not acknowledged is otherwise sent again for a quarter of an hour
        "tcp_user_timeout": 60_000,
        "fallback_application_name": application,
        "options": "-c idle_in_transaction_session_timeout=120s -c lock_timeout=10s "
        "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3",
    }
    address = make_url(url)
    try:
        address.get_dialect()().create_connect_args(address)
    except ArgumentError as error:
        text = _("HOTLINE_DATABASE_URL: several hosts need as many ports: host=a,b&port=5432,5432")
        raise StoreUnusable(text) from error
    query = address.query
    options = {name: value for name, value in defaults.items() if name not in query}
    if (threshold := query.get("prepare_threshold")) is not None:
        # the driver wants a number, and a URL has only texts
        if not str(threshold).isdigit():
            text = _("HOTLINE_DATABASE_URL: {name} must be a whole number")
            raise StoreUnusable(text.format(name="prepare_threshold"))
        options["prepare_threshold"] = int(str(threshold))
    return options


def connect_postgresql(dialect: Any, _record: Any, args: Any, options: Any) -> Any:
    """Connect, and raise StoreUnusable for a database that cannot hold a store.

    It must have every character, and give each connection a session of its own.
    """
    connect = partial(dialect.connect, *args, **options)
    connection = connect()
    try:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            text = _(
                "the database is encoded in {encoding}: create one with ENCODING 'UTF8' TEMPLATE "
                "template0, and name it in HOTLINE_DATABASE_URL"
            )
            raise StoreUnusable(text.format(encoding=encoding))
        if shares_sessions(connection, connect):
            text = _(
                "a pooler before the database (PgBouncer with pool_mode = transaction) gives no "
                "session: name the server itself in HOTLINE_DATABASE_URL, or set pool_mode = "
                "session"
            )
            raise StoreUnusable(text)
    except BaseException:
        connection.close()
        raise
    return connection


class _OnlyTexts(String):
    """SQLite keeps bytes in a column of texts too: they are read as a mark, and end no process."""

    def result_processor(self, _dialect: Any, _coltype: object) -> Callable[[Any], Any]:
        """Return what reads a stored value."""
        return _text_or_mark


class _OnlyLongTexts(_OnlyTexts, Text):
    """The same of the type that is declared as TEXT."""


def _text_or_mark(stored: Any) -> Any:
    return _NO_TEXT if type(stored) is bytes else stored


def sqlite_engine(url: str, begin: str, *, reading: bool, durable: bool) -> Engine:
    """Return an engine whose transactions begin with these words. Raises StoreUnusable."""
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
    texts: dict[type[Any], type[Any]] = {String: _OnlyTexts, Text: _OnlyLongTexts}
    engine.dialect.colspecs = {**engine.dialect.colspecs, **texts}

    @event.listens_for(engine, "connect")
    def on_connect(raw: Any, _record: Any) -> None:
        # the driver must not begin transactions of its own, which would be DEFERRED
        raw.isolation_level = None
        # a batch writes 1,000 pages and more: with the usual limit each would be followed by a
        # checkpoint, which copies pages that the next batch changes again
        settings = ["journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=8000"]
        if not durable:
            settings = ["journal_mode=MEMORY", "synchronous=OFF"]
        settings += ["foreign_keys=ON", "temp_store=MEMORY"]
        for setting in settings + (["query_only=ON"] if reading else []):
            raw.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
