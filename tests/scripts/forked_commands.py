"""The `hotline` command, forked from a process that has loaded its libraries once.

Loading them takes longer than what most commands do; the service forks its processes for the same
reason. Whoever forks here has no thread, no connection and no language yet. A command gets its
arguments, environment, folder and files as a new process would, and ends like one.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile


def run_forked(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    stdin: str,
    timeout: float,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as `subprocess.run` does; after `timeout` seconds it is killed."""
    with ExitStack() as stack:
        files = [stack.enter_context(TemporaryFile()) for _ in range(3)]
        files[0].write(stdin.encode())
        files[0].seek(0)
        connection = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        connection.settimeout(timeout)
        connection.connect(_forking_process())
        request = json.dumps([arguments, dict(environment), str(folder)]).encode()
        socket.send_fds(connection, [request], [file.fileno() for file in files])
        pid = int(connection.recv(32))
        try:
            code = int(connection.recv(32))
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise
        output = []
        for file in files[1:]:
            file.seek(0)
            output.append(file.read().decode())
    return subprocess.CompletedProcess(arguments, code, *output)


@cache
def _forking_process() -> str:
    """Start the process once in a test process; it ends with it. Returns its socket's address."""
    address = f"\0hotline-commands-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(address)
        listener.listen(16)
        forking = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.scripts.forking", str(listener.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
        )
    atexit.register(forking.communicate)
    return address
