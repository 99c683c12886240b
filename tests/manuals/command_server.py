"""Runs the `hotline` commands of shells, one after the other, in one process that stays warm.

Loading the libraries takes ten times as long as what most commands do, and a page has dozens of
them. Each command gets its arguments, environment, folder and files from the shell that calls it.
"""

import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from typer.main import get_command

from models.i18n import activate
from scripts import cli

_LARGEST = 1 << 20
"""Bytes of a request at most: arguments and environment."""

_SERVICES = ["up", "worker", "timekeeper", "monitor", "listen", "metrics"]
"""Commands that run until they are stopped: here they are only parsed, as their tests run them."""

_CLIENT = """\
#!{python} -IS
import json, os, socket, sys
words = sys.argv[1:]
if words and words[0] in {services} or "--follow" in words or "--watch" in words:
    sys.exit(0)
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
    connection.connect({address!r})
    request = json.dumps([words, dict(os.environ), os.getcwd()]).encode()
    socket.send_fds(connection, [request], [0, 1, 2])
    sys.exit(int(connection.recv(32)))
"""


@contextmanager
def command_server() -> Iterator[str]:
    """Start the process; yields the text of a program that is `hotline` for shells."""
    address = f"\0hotline-manuals-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(address)
        listener.listen(16)
        command = [sys.executable, "-P", "-m", "tests.manuals.command_server"]
        with subprocess.Popen(
            [*command, str(listener.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
        ) as server:
            yield _CLIENT.format(python=sys.executable, address=address, services=_SERVICES)
            server.communicate()


def main() -> None:
    """Serve until stdin ends."""
    activate("zh")
    # making the commands takes a third of the time: once will do, as the language stays the same
    command = get_command(cli.build())
    cli.build = lambda: command  # type: ignore[assignment,return-value]
    listener = socket.socket(fileno=int(sys.argv[1]))
    ends = os.dup(0)
    numbers = [listener.fileno(), ends]
    while True:
        ready, _, _ = select.select(numbers, [], [])
        if ends in ready:
            return
        connection, _ = listener.accept()
        with connection:
            request, files, _, _ = socket.recv_fds(connection, _LARGEST, 3)
            connection.send(str(_run(request, files)).encode())


def _run(request: bytes, files: list[int]) -> int:
    """Run a command to its end; returns its exit code."""
    arguments, environment, folder = json.loads(request)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv[:] = ["hotline", *arguments]
    with (
        os.fdopen(files[0], encoding="utf-8") as sys.stdin,
        os.fdopen(files[1], "w", encoding="utf-8") as sys.stdout,
        os.fdopen(files[2], "w", encoding="utf-8") as sys.stderr,
    ):
        try:
            cli.main()
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


if __name__ == "__main__":
    main()
