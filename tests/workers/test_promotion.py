"""Several PostgreSQL servers in one address: a replica is passed by, and a promoted one served."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, make_url, select

from models.clock import system_clock
from models.database import Store, StoreNotReady
from models.migrations import require_upgraded
from models.security.encryption import Cipher
from models.tables.core import INBOX
from tests.servers.key_value import KeyValueServer
from tests.servers.postgres import NOT_DURABLE, PostgresServer, installed_programs
from tests.store.factories import KEY, feed, letter, prepared_store
from tests.workers.processes import environment, process, wait_until

LONG_AGO = "2026-03-02T09:00:00+08:00"


class Pair:
    """A server and its replica; no commit is answered before the replica has it."""

    def __init__(self, stack: ExitStack) -> None:
        self.first = stack.enter_context(PostgresServer(NOT_DURABLE, installed_programs()))
        self.database = self.first.create()
        url = make_url(self.first.url(self.database, "postgresql+psycopg"))
        self.second = PostgresServer(NOT_DURABLE, installed_programs())
        stack.callback(self.second.stop)
        self._url = url

    def replicate(self) -> None:
        """Begin the replica from what the first server has."""
        data = self.second.home / "data"
        source = ("--host", str(self.first.home), "--username", "hotline", "--no-sync")
        self.second.run(
            "pg_basebackup", *source, "--pgdata", str(data), "--write-recovery-conf",
            "--checkpoint", "fast",
        )  # fmt: skip
        self.second.serve()
        with psycopg.connect(self.first.url(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")

    def address(self, *servers: PostgresServer) -> str:
        """The address of these servers, in this order, as the manual has it."""
        hosts = ",".join(str(server.home) for server in servers)
        ports = ",".join("5432" for _ in servers)
        query = {"host": hosts, "port": ports, "target_session_attrs": "read-write"}
        return self._url.set(query=query).render_as_string(hide_password=False)


@contextmanager
def _pair() -> Iterator[Pair]:
    with ExitStack() as stack:
        yield Pair(stack)


def _waiting(store: Store) -> int:
    with store.reading() as session:
        unapplied = select(func.count()).select_from(INBOX).where(INBOX.c.state != "applied")
        return session.scalar(unapplied) or 0


def _applications(server: PostgresServer) -> set[str]:
    with psycopg.connect(server.url()) as connection:
        rows = connection.execute("SELECT application_name FROM pg_stat_activity").fetchall()
    return {name for (name,) in rows}


@pytest.mark.slow
@pytest.mark.usefixtures("starts_servers")
def test_running_processes_go_on_at_the_server_that_is_promoted(
    tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """The first server dies; the same processes finish what comes after, and lose nothing."""
    with _pair() as pair, key_value_server as broker:
        url = pair.address(pair.first, pair.second)
        with prepared_store(pair.first.url(pair.database, "postgresql+psycopg")):
            pair.replicate()
        env = environment(tmp_path / "home", url, broker.url)
        log = tmp_path / "log"
        store = Store(url, Cipher([KEY]))
        require_upgraded(store)
        with (
            process("worker", env=env, log=log) as worker,
            process("timekeeper", env=env, log=log) as keeper,
        ):
            feed(store, [letter(f"A{n}", LONG_AGO) for n in range(20)], system_clock())
            wait_until(lambda: _waiting(store) == 0, 30, "the first letters are applied")
            assert {"hotline worker", "hotline timekeeper"} <= _applications(pair.first)

            pair.first.crash()
            with pytest.raises(StoreNotReady, match="no server that is named takes changes"):
                require_upgraded(store)
            pair.second.run("pg_ctl", "promote", "--pgdata", str(pair.second.home / "data"))
            feed(store, [letter(f"B{n}", LONG_AGO) for n in range(20)], system_clock())
            wait_until(lambda: _waiting(store) == 0, 30, log.read_text()[-2000:])
            assert worker.poll() is None
            assert keeper.poll() is None
            assert {"hotline worker", "hotline timekeeper"} <= _applications(pair.second)
        with store.reading() as session:
            assert session.scalar(select(func.count()).select_from(INBOX)) == 40
        store.close()
