"""Fork a parent of tabs for each request on stdin: a program's path, and a socket for its tabs."""

import gc
import runpy
import socket
from functools import partial

from scripts.service.child_process import ForkedProcess
from scripts.service.tab_parent import TabParent


def main() -> None:
    """Serve until stdin ends."""
    stdin = socket.socket(fileno=0)
    gc.freeze()
    parents: list[ForkedProcess] = []
    while True:
        path, files, _flags, _sender = socket.recv_fds(stdin, 1 << 12, 1)
        if not path:
            return
        with socket.socket(fileno=files[0]) as requests:
            run = partial(_serve_tabs, requests, path.decode())
            parents = [p for p in parents if p.poll() is None]
            parents.append(ForkedProcess("tab parent", run))


def _serve_tabs(requests: socket.socket, path: str) -> int:
    def run() -> int:
        runpy.run_path(path)
        return 0

    TabParent(requests, run).serve(lambda _number: None)
    return 0


if __name__ == "__main__":
    main()
