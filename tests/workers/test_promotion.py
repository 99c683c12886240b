"""Running processes outlast a PostgreSQL without a free connection, and one that is lost."""

from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select

from models.clock import system_clock
from models.database import Store, StoreNotReady
from models.migrations import require_upgraded
from models.security.encryption import Cipher
from models.tables.core import INBOX
from tests.servers.key_value import KeyValueServer
from tests.servers.postgres import PostgresServer
from tests.servers.postgres_pair import PostgresPair
from tests.store.factories import KEY, feed, letter, prepared_store
from tests.workers.processes import environment, process, wait_until

LONG_AGO = "2026-03-02T09:00:00+08:00"


SERVICE = "service"
ROLES = {"hotline worker", "hotline timekeeper"}


class Pair(PostgresPair):
    """Servers on which the service is a role of its own."""

    user = SERVICE

    def __init__(self, stack: ExitStack) -> None:
        super().__init__(stack)
        self.database = self.first.create()
        with psycopg.connect(self.first.url(), autocommit=True) as connection:
            # a superuser gets in where nobody else does
            connection.execute(f"CREATE ROLE {SERVICE} LOGIN IN ROLE hotline")

    def cut_all_off(self) -> None:
        """Leave the service no connection on the first server until `let_in`."""
        self._limit(0)
        with psycopg.connect(self.first.url(), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s",
                (SERVICE,),
            )

    def let_in(self) -> None:
        """Let the service have connections again."""
        self._limit(-1)

    def _limit(self, count: int) -> None:
        with psycopg.connect(self.first.url(), autocommit=True) as connection:
            connection.execute(f"ALTER ROLE {SERVICE} CONNECTION LIMIT {count}")


def _waiting(store: Store) -> int:
    with store.reading() as session:
        unapplied = select(func.count()).select_from(INBOX).where(INBOX.c.state != "applied")
        return session.scalar(unapplied) or 0


def _applications(server: PostgresServer) -> set[str]:
    with psycopg.connect(server.url()) as connection:
        rows = connection.execute("SELECT application_name FROM pg_stat_activity").fetchall()
    return {name for (name,) in rows}


def _feed_until_applied(store: Store, name: str) -> None:
    feed(store, [letter(f"{name}{n}", LONG_AGO) for n in range(20)], system_clock())
    wait_until(lambda: _waiting(store) == 0, 30, f"the letters {name} are applied")


@pytest.mark.slow
@pytest.mark.usefixtures("starts_servers")
def test_running_processes_outlast_a_full_and_a_lost_server(
    tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """The same processes go on, at last at the replica that is promoted, and lose nothing."""
    with ExitStack() as stack:
        pair = Pair(stack)
        broker = stack.enter_context(key_value_server)
        url = pair.address(pair.database, pair.first, pair.second)
        with prepared_store(pair.first.url(pair.database, "postgresql+psycopg")):
            pair.replicate()
        env = environment(tmp_path / "home", url, broker.url, LANG="en")
        log = tmp_path / "log"
        store = stack.enter_context(closing(Store(url, Cipher([KEY]))))
        require_upgraded(store)
        worker = stack.enter_context(process("worker", env=env, log=log))
        keeper = stack.enter_context(process("timekeeper", env=env, log=log))
        _feed_until_applied(store, "A")
        assert _applications(pair.first) >= ROLES

        pair.cut_all_off()
        wait_until(lambda: log.read_text().count("too many connections") >= 2, 30, "both say so")
        pair.let_in()
        _feed_until_applied(store, "B")

        pair.first.crash()
        with pytest.raises(StoreNotReady, match="no server that is named takes changes"):
            require_upgraded(store)
        pair.promote()
        _feed_until_applied(store, "C")
        assert worker.poll() is None
        assert keeper.poll() is None
        assert _applications(pair.second) >= ROLES
        with store.reading() as session:
            assert session.scalar(select(func.count()).select_from(INBOX)) == 60
