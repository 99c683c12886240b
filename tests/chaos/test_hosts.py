"""The service on several hosts, as docker-compose.yml lays it out: each a network namespace.

Database and key-value server ask for passwords, which the processes read from files.
"""

import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select

from models.clock import system_clock
from models.database import Store
from models.tables.core import BELL, EVENT, INBOX, NOTICE, PROCESS, TICKET
from tests.chaos.network import NET, SERVERS, NoNamespaces, ip, network, on_host
from tests.servers.key_value import installed_server
from tests.servers.postgres import NOT_DURABLE, PostgresServer, installed_programs
from tests.store.factories import feed, letter, prepared_store
from tests.workers.processes import environment, wait_until
from workers.embedded import server_binary

LONG_AGO = "2026-03-02T09:00:00+08:00"
_ROLES = (("one", "worker"), ("two", "worker"), ("two", "timekeeper"), ("three", "timekeeper"))


@contextmanager
def _network() -> Iterator[str]:
    with ExitStack() as stack:
        try:
            prefix = stack.enter_context(network())
        except NoNamespaces as why:
            pytest.skip(str(why))
        yield prefix


class RemotePostgres(PostgresServer):
    """A PostgreSQL on the host of the servers, that lets in whoever has the password."""

    def __init__(self, namespace: str, password: str) -> None:
        super().__init__({**NOT_DURABLE, "listen_addresses": SERVERS}, installed_programs())
        self._namespace = namespace
        self._password = password

    def _command(self, program: Path, *arguments: str) -> list[str]:
        inner = super()._command(program, *arguments)
        return [*on_host(self._namespace), *inner]

    def start(self) -> None:
        """Start, and ask those who come by the network for the password."""
        super().start()
        with (self.home / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {NET}.0/24 scram-sha-256\n")
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"ALTER ROLE hotline PASSWORD '{self._password}'")
            connection.execute("SELECT pg_reload_conf()")


@contextmanager
def started(namespace: str, command: list[str], log: Path, env: dict[str, str]) -> Iterator[None]:
    """A program on one of the hosts, killed at the end."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*on_host(namespace), *command], env=env, stdout=output, stderr=output
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("starts_servers")
def test_hosts_share_the_work_and_one_of_them_falls_off(tmp_path: Path) -> None:
    """Two workers and two timekeepers on three hosts; one is cut off the network in mid-work."""
    count = 1_500
    password = secrets.token_hex(8)
    secret, log = tmp_path / "password", tmp_path / "log"
    secret.write_text(f"{password}\n")
    with _network() as prefix, ExitStack() as stack:
        hub = f"{prefix}-hub"
        postgres = RemotePostgres(hub, password)
        stack.callback(postgres.stop)
        postgres.start()
        name = postgres.create()
        store = stack.enter_context(prepared_store(postgres.url(name, "postgresql+psycopg")))
        conf = tmp_path / "broker.conf"
        conf.write_text(f"requirepass {password}\nbind {SERVERS}\nport 6379\nsave ''\n")
        env = environment(
            tmp_path / "home",
            f"postgresql+psycopg://hotline@{SERVERS}/{name}",
            f"redis://{SERVERS}:6379/0",
            DATABASE_PASSWORD_FILE=str(secret),
            BROKER_PASSWORD_FILE=str(secret),
        )
        stack.enter_context(
            started(hub, [str(installed_server() or server_binary()), str(conf)], log, env)
        )
        roles = (
            ("one", "worker"),
            ("two", "worker"),
            ("two", "timekeeper"),
            ("three", "timekeeper"),
        )
        for host, role in roles:
            command = [sys.executable, "-P", "-m", "scripts", role]
            # one thread: what the host that falls off holds is less than half of the work
            command += ["--patience", "2"] if role == "timekeeper" else ["--threads", "1"]
            stack.enter_context(started(f"{prefix}-{host}", command, log, env))
        wait_until(lambda: _count(store, PROCESS.c.name) == len(_ROLES), 40, log.read_text())
        letters = [letter(f"T{n:04}", LONG_AGO, content=f"第{n}封") for n in range(count)]
        feed(store, letters, system_clock())
        wait_until(lambda: _count(store, TICKET.c.id) > 0, 40, log.read_text())
        ip("-n", hub, "link", "set", "two", "down")
        wait_until(lambda: _count(store, TICKET.c.id) > count // 2, 60, log.read_text())
        ip("-n", hub, "link", "set", "two", "up")
        wait_until(lambda: _done(store, count), 90, log.read_text()[-3000:])
        assert _count(store, TICKET.c.id) == count
        assert _events(store, "ticket.dispatched") == count
        assert _events(store, "alert.raised") == 3 * count
        gone = _events(store, "notice.sent") + _events(store, "notice.dropped")
        assert gone == _events(store, "notice.queued")


def _count(store: Store, column: object) -> int:
    with store.reading() as session:
        return session.scalar(select(func.count(column))) or 0  # type: ignore[arg-type]


def _events(store: Store, name: str) -> int:
    with store.reading() as session:
        return session.scalar(select(func.count()).where(EVENT.c.name == name)) or 0


def _done(store: Store, count: int) -> bool:
    """Everything is applied and sent, and no bell is left."""
    with store.reading() as session:
        waiting = select(func.count()).where(INBOX.c.state == "waiting")
        queued = select(func.count()).where(NOTICE.c.state == "queued")
        left = (waiting, queued, select(func.count(BELL.c.row_id)))
        return not any(session.scalar(which) for which in left)
