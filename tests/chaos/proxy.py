"""A proxy between the service and its key-value server that can be slow and lose replies."""

import random
import selectors
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

_PIECE = 65_536


class Proxy:
    """Forwards the traffic of a Unix socket.

    `delay` is added to each reply, in seconds; `cuts` is the share of replies that are lost
    together with their connection, after the server has carried out the command.
    """

    def __init__(self, socket_path: Path, server: Path, rng: random.Random) -> None:
        self.url = f"unix://{socket_path}"
        self.delay = 0.0
        self.cuts = 0.0
        self._server = server
        self._dice = rng
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(socket_path))
        self._listening.listen(64)
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Accept no more connections."""
        with suppress(OSError):  # already closed by the other side
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        # Where the client is gone or the server unreachable, close the other connection.
        with suppress(OSError), client, socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self._server))
            self._pass_on(client, server)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in ready.select():
                    assert isinstance(key.fileobj, socket.socket)
                    if not (piece := key.fileobj.recv(_PIECE)):
                        return
                    if key.fileobj is server:
                        if self._dice.random() < self.cuts:
                            return
                        if self.delay:
                            time.sleep(self.delay)
                    key.data.sendall(piece)
