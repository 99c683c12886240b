"""Fork a command for each connection to a socket whose number is given, until stdin ends."""

import gc
import json
import os
import select
import signal
import socket
import sys
from importlib import import_module

# What commands load before they do anything. Nothing here translates while it is loaded.
_LIBRARIES = (
    "alembic.config",
    "msgspec.json",
    "psycopg",
    "redis",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "sqlmodel",
    "typer.main",
    "models.database",
    "models.queries.ticket_list",
    "models.queries.verification",
    "models.rulebook",
    "models.tables.core",
    "scripts.bootstrap",
    "scripts.ingest.feed_runner",
    "scripts.tickets.presentation",
)
_LARGEST = 1 << 20
"""Bytes of a request at most: its arguments and its environment."""


def main() -> None:
    """Serve until stdin ends."""
    for name in _LIBRARIES:
        import_module(name)
    gc.collect()
    gc.freeze()
    listener = socket.socket(fileno=int(sys.argv[1]))
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    running: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([listener, ended, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        if ended in ready:
            os.read(ended, 512)
            _tell_ends(running)
        if listener in ready:
            connection, _ = listener.accept()
            request, files, _, _ = socket.recv_fds(connection, _LARGEST, 3)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for inherited in (listener, connection, *running.values()):
                    inherited.close()
                os.close(ended)
                os.close(wake)
                break
            for file in files:
                os.close(file)
            connection.send(str(pid).encode())
            running[pid] = connection
    # here, outside of the loop, so that the command ends as its process does
    _become_command(request, files)


def _tell_ends(running: dict[int, socket.socket]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with running.pop(pid) as connection:
            connection.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become_command(request: bytes, files: list[int]) -> None:
    arguments, environment, folder = json.loads(request)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv[1:] = arguments
    # loading it runs the command
    import_module("scripts.__main__")


if __name__ == "__main__":
    main()
