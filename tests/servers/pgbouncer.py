"""PgBouncer before a PostgreSQL of the tests, where it is installed."""

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

from sqlalchemy import make_url

from models.clock import monotonic
from tests.servers.postgres import PostgresServer

_PORT = "6432"


def pgbouncer_program() -> str | None:
    """The installed program, which Debian keeps off most search paths."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


@contextmanager
def pgbouncer(server: PostgresServer, program: str, **settings: str) -> Iterator[str]:
    """Run one on a socket beside the server's; gives the address of `postgres` through it."""
    folder = server.empty_folder()
    lines = {
        "unix_socket_dir": str(folder),
        "listen_port": _PORT,
        "auth_type": "any",
        "logfile": str(folder / "log"),
        **settings,
    }
    target = f"host={server.home} port=5432 user=hotline"
    file = folder / "pgbouncer.ini"
    text = "\n".join(f"{name} = {value}" for name, value in lines.items())
    file.write_text(f"[databases]\n* = {target}\n[pgbouncer]\n{text}\n")
    server.give(file)
    process = server.spawn(Path(program), str(file))
    try:
        socket, until = folder / f".s.PGSQL.{_PORT}", monotonic() + 10
        while not socket.exists():
            if process.poll() is not None or monotonic() > until:
                raise AssertionError((folder / "log").read_text())
            sleep(0.02)
        url = make_url(server.url(driver="postgresql+psycopg"))
        query = {"host": str(folder), "port": _PORT}
        yield url.set(query=query).render_as_string(hide_password=False)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
