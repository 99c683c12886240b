"""A TLS front before a server on a Unix socket: Redis's kind of TLS, and PostgreSQL's."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.servers.certificates import Certificate

_CHUNK = 1 << 16
_SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
"""What a client of PostgreSQL asks first, in clear; the answer S means that TLS begins now."""


@contextmanager
def tls_front(
    behind: Path,
    certificate: Certificate,
    clients: Path | None = None,
    *,
    asks_first: bool = False,
    host: str = "127.0.0.1",
) -> Iterator[int]:
    """Serve TLS on `host` before the Unix socket `behind`; gives the port.

    With `clients` only those get in who show a certificate of an authority in this file. Clients of
    PostgreSQL ask first, as `asks_first` says.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if clients is not None:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED
    front = _Front(context, behind, asks_first)
    with socket.create_server((host, 0)) as listener:
        threading.Thread(target=front.accept, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        # closing alone would leave the thread waiting
        listener.shutdown(socket.SHUT_RDWR)


class _Front:
    def __init__(self, context: ssl.SSLContext, behind: Path, asks_first: bool) -> None:
        self._context, self._behind, self._asks_first = context, str(behind), asks_first

    def accept(self, listener: socket.socket) -> None:
        while True:
            try:
                plain, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        if self._asks_first:
            if plain.recv(len(_SSL_REQUEST), socket.MSG_WAITALL) != _SSL_REQUEST:
                plain.close()
                return
            plain.sendall(b"S")
        with self._context.wrap_socket(
            plain, server_side=True, do_handshake_on_connect=False
        ) as client:
            try:
                client.do_handshake()
            except OSError:
                _refuse(client)
                return
            with socket.socket(socket.AF_UNIX) as server:
                server.connect(self._behind)
                answering = threading.Thread(target=_pump, args=(server, client), daemon=True)
                answering.start()
                _pump(client, server)
                answering.join()


def _refuse(client: ssl.SSLSocket) -> None:
    """Let a client read why it was refused: closing at once would cut it off if it still sends."""
    with suppress(OSError):
        client.shutdown(socket.SHUT_WR)
        while client.recv(_CHUNK):
            pass


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(_CHUNK):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
