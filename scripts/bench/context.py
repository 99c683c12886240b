"""The context of a measurement: sizes, number of runs, a folder, and servers of its own."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from models.settings import Settings
from scripts.bench.testbed import Testbed
from tests.servers.postgres import PostgresServer, create_database, drop_database
from workers.embedded import EmbeddedServer

TUNING = {
    # What any guide sets first on a machine of this size; durability keeps its default: on.
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
    # Lateness is measured by the times of commits, which the server then keeps.
    "track_commit_timestamp": "on",
}


@dataclass
class BenchContext:
    """One call of `hotline bench`; `scale` is the share of the full sizes."""

    folder: Path
    progress: Callable[[str], None]
    runs: int = 5
    scale: float = 1.0
    huge: bool = False
    quick: bool = False
    database: str | None = None
    profile: Path | None = None
    cache: dict[str, Any] = field(default_factory=dict)
    cleanup: ExitStack = field(default_factory=ExitStack)
    _template: str = ""
    _admin: str = ""
    _broker: str = ""
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def scaled(self, count: int, least: int = 1) -> int:
        """`count` at the scale of this call, but at least `least`."""
        return max(least, round(count * self.scale))

    @contextmanager
    def testbed(self, name: str) -> Iterator[Testbed]:
        """A service on a new PostgreSQL database, which is dropped at the end."""
        if not self._template:
            # It has nothing but the schema and the rulebook; each new database is a copy of it.
            self._template = self.cleanup.enter_context(self._new_database("template", "template1"))
            self._site("template", self._template).store.close()
        template = make_url(self._template).database or ""
        with self._new_database(name, template) as url, self._site(name, url) as testbed:
            yield testbed

    def sqlite_testbed(self, name: str) -> Testbed:
        """A service on a new SQLite database."""
        return self._site(f"{name}-sqlite", None)

    def _site(self, name: str, database: str | None) -> Testbed:
        settings = Settings(
            home=self.folder / f"{name}-{next(self._numbers)}",
            database_url=database,
            broker_url=self.broker(),
            key_file=self.folder / "hotline.key",
        )
        return Testbed(settings, profile=self.profile)

    @contextmanager
    def _new_database(self, name: str, template: str) -> Iterator[str]:
        """The URL of a new database, dropped at the end: a million tickets take 20 GB."""
        full = f"hotline_bench_{name.lower()}_{next(self._numbers)}"
        admin = self.admin()
        create_database(admin, full, template)
        url = make_url(admin).set(database=full, drivername="postgresql+psycopg")
        try:
            yield url.render_as_string(hide_password=False)
        finally:
            drop_database(admin, full)

    def admin(self) -> str:
        """The URL of a database to create others from; the first call starts the server."""
        if not self._admin:
            if self.database:
                url = make_url(self.database).set(drivername="postgresql")
                self._admin = url.render_as_string(hide_password=False)
            else:
                server = PostgresServer(TUNING)
                self.cleanup.callback(server.stop)
                server.start()
                self._admin = server.url()
        return self._admin

    def broker(self) -> str:
        """The URL of the emptied key-value server; the first call starts it."""
        import redis

        if not self._broker:
            server = EmbeddedServer(self.folder / "valkey")
            self._broker = server.start()
            self.cleanup.callback(server.stop)
        with redis.Redis.from_url(self._broker) as client:
            client.flushall()
        return self._broker
