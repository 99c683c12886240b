"""Two PostgreSQL servers: one that takes changes, and its replica, which can be promoted."""

from contextlib import ExitStack

import psycopg
from sqlalchemy import make_url

from tests.servers.postgres import NOT_DURABLE, PostgresServer, installed_programs


class PostgresPair:
    """A server and its replica; no commit is answered before the replica has it.

    `user` is whose the address is.
    """

    user = "hotline"

    def __init__(self, stack: ExitStack) -> None:
        self.first = stack.enter_context(PostgresServer(NOT_DURABLE, installed_programs()))
        self.second = PostgresServer(NOT_DURABLE, installed_programs())
        stack.callback(self.second.stop)

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

    def promote(self) -> None:
        """Let the replica take changes; the first server must have ended."""
        self.second.run("pg_ctl", "promote", "--pgdata", str(self.second.home / "data"))

    def address(self, database: str, *servers: PostgresServer) -> str:
        """The address of a database on these servers, in this order, as the manual has it."""
        url = make_url(self.first.url(database, "postgresql+psycopg"))
        hosts = ",".join(str(server.home) for server in servers)
        ports = ",".join("5432" for _ in servers)
        query = {"host": hosts, "port": ports, "target_session_attrs": "read-write"}
        return url.set(username=self.user, query=query).render_as_string(hide_password=False)
