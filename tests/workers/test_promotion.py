"""Running processes outlast a PostgreSQL without a free connection, and one that is lost."""

import json
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select

from models.database import Store, StoreNotReady
from models.migrations import require_upgraded
from models.security.encryption import Cipher
from models.tables.core import INBOX
from tests.servers.key_value import KeyValueServer
from tests.servers.postgres import PostgresServer
from tests.servers.postgres_pair import PostgresPair
from tests.store.factories import KEY, letter, prepared_store
from tests.workers.processes import environment, process, wait_until

LONG_AGO = "2026-03-02T09:00:00+08:00"
SERVICE = "service"
ROLES = {"hotline worker", "hotline timekeeper", "hotline feed"}
COUNT = 20


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


def _applications(server: PostgresServer) -> set[str]:
    with psycopg.connect(server.url()) as connection:
        rows = connection.execute("SELECT application_name FROM pg_stat_activity").fetchall()
    return {name for (name,) in rows}


def _letters(name: str) -> str:
    """Return the lines of a file with letters, each of a ticket of its own."""
    return "".join(json.dumps(letter(f"{name}{n}", LONG_AGO)) + "\n" for n in range(COUNT))


def _applied(store: Store) -> int:
    with store.reading() as session:
        applied = select(func.count()).select_from(INBOX).where(INBOX.c.state == "applied")
        return session.scalar(applied) or 0


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.usefixtures("starts_servers")
def test_running_processes_outlast_a_full_and_a_lost_server(
    tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """The same processes go on, at last at the replica that is promoted, and lose nothing."""
    inbox = tmp_path / "inbox"
    inbox.mkdir(0o700)
    with ExitStack() as stack:
        pair = Pair(stack)
        broker = stack.enter_context(key_value_server)
        url = pair.address(pair.database, pair.first, pair.second)
        with prepared_store(pair.first.url(pair.database, "postgresql+psycopg")):
            pair.replicate()
        env = environment(tmp_path / "home", url, broker.url, LANG="en")
        store = stack.enter_context(closing(Store(url, Cipher([KEY]))))
        require_upgraded(store)
        watch = ("feed", "--watch", str(inbox), "--calm", "0", "--every", "0.2")
        commands = (("worker",), ("timekeeper",), watch)
        logs = [tmp_path / command[0] for command in commands]
        running = [
            stack.enter_context(process(*command, env=env, log=log))
            for command, log in zip(commands, logs, strict=True)
        ]

        def put(name: str) -> None:
            (inbox / f"{name}.jsonl").write_text(_letters(name))

        def wait_for(count: int) -> None:
            wait_until(lambda: _applied(store) == count, 90, f"{count} letters are applied")
            assert [each.poll() for each in running] == [None] * 3

        put("A")
        wait_for(COUNT)
        assert _applications(pair.first) >= ROLES

        pair.cut_all_off()
        put("B")
        words = "too many connections"
        wait_until(lambda: all(words in log.read_text() for log in logs), 90, "all say so")
        pair.let_in()
        wait_for(2 * COUNT)

        pair.first.crash()
        with pytest.raises(StoreNotReady, match="no server that is named takes changes"):
            require_upgraded(store)
        put("C")
        pair.promote()
        wait_for(3 * COUNT)
        assert _applications(pair.second) >= ROLES
