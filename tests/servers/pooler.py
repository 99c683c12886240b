"""A pooler of transactions before a PostgreSQL, like PgBouncer with `pool_mode = transaction`.

It is small enough to come with the tests, and does what matters: a connection has a server process
only while it has a transaction, whichever is free, and is told the number of none.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

PORT = "6432"
_PROTOCOL = (3 << 16).to_bytes(4, "big")
_USER = b"user\0hotline\0database\0postgres\0client_encoding\0UTF8\0\0"
_ASKS = (b"Q", b"S")
"""Messages of a client that a server answers to the end: a query, and the end of a batch."""


class Message(NamedTuple):
    """A message of the protocol: its kind, and all of its bytes."""

    kind: bytes
    whole: bytes


@contextmanager
def transaction_pooler(behind: Path, folder: Path) -> Iterator[None]:
    """Pool transactions of the server at the socket `behind`, on a socket in `folder`."""
    pooler = _Pooler(behind)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / f".s.PGSQL.{PORT}"))
        listener.listen()
        threading.Thread(target=pooler.accept, args=(listener,), daemon=True).start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            pooler.close()


class _Pooler:
    def __init__(self, behind: Path) -> None:
        self._behind = str(behind)
        self._servers: list[socket.socket] = []
        self._free: list[socket.socket] = []
        self._greeting = b""

    def close(self) -> None:
        for server in self._servers:
            server.close()

    def accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            # all that a client wants for its session is passed over
            _read(client, _length(_read(client, 4)))
            self._free.append(self._take())
            client.sendall(self._greeting)
            server: socket.socket | None = None
            while (message := _message(client)).kind != b"X":
                if server is None:
                    server = self._take()
                server.sendall(message.whole)
                if message.kind in _ASKS and _answer(server, client) == b"I":
                    self._free.append(server)
                    server = None

    def _take(self) -> socket.socket:
        """Return the connection that was free last, or a new one."""
        if self._free:
            return self._free.pop()
        server = socket.socket(socket.AF_UNIX)
        self._servers.append(server)
        server.connect(self._behind)
        server.sendall((len(_USER) + 8).to_bytes(4, "big") + _PROTOCOL + _USER)
        greeting = b""
        while (message := _message(server)).kind != b"Z":
            # K has the number of the process, which is nobody's here
            greeting += message.whole if message.kind != b"K" else b""
        self._greeting = greeting + message.whole
        return server


def _answer(server: socket.socket, client: socket.socket) -> bytes:
    """Pass an answer on; returns whether a transaction is open after it, I for none."""
    while True:
        message = _message(server)
        client.sendall(message.whole)
        if message.kind == b"Z":
            return message.whole[-1:]


def _message(source: socket.socket) -> Message:
    head = _read(source, 5)
    return Message(head[:1], head + _read(source, _length(head[1:])))


def _length(count: bytes) -> int:
    """Return how many bytes come after a count, which counts its own four too."""
    return int.from_bytes(count, "big") - 4


def _read(source: socket.socket, count: int) -> bytes:
    data = source.recv(count, socket.MSG_WAITALL) if count else b""
    if len(data) < count:
        raise ConnectionResetError
    return data
