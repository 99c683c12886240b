"""Connections: accepted within limits, in all and of an address, and ended after their time."""

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from models.rules.limits import CONNECTION_TIME, CONNECTIONS, CONNECTIONS_OF_ADDRESS

log = logging.getLogger("hotline.connections")

_RETRY_AFTER = 1.0
"""Seconds to wait where the system has no room for another connection."""

ProtocolFactory = Callable[[], asyncio.Protocol]


class Connections:
    """The open connections of a server."""

    def __init__(self) -> None:
        self._open: dict[asyncio.BaseTransport, _Connection] = {}
        self._of_address: Counter[str] = Counter()

    async def accept(self, listener: socket.socket, factory: ProtocolFactory) -> None:
        """Accept connections until this is cancelled.

        asyncio's own server logs a traceback each second while there are no file descriptors left;
        here one line a minute says so, by the log's limit.
        """
        loop = asyncio.get_running_loop()
        while True:
            try:
                connected, peer = await loop.sock_accept(listener)
            except ConnectionError:
                # it was gone before it was accepted
                continue
            except OSError as error:
                log.warning("no connection can be accepted: %s", error.strerror)
                await asyncio.sleep(_RETRY_AFTER)
                continue
            address = peer[0] if isinstance(peer, tuple) else ""
            if len(self._open) >= CONNECTIONS:
                log.warning("there are too many connections")
                connected.close()
            elif self._of_address[address] >= CONNECTIONS_OF_ADDRESS:
                log.warning("an address has too many connections")
                connected.close()
            else:
                connection = _Connection(self, factory(), address)
                await loop.connect_accepted_socket(partial(_same, connection), connected)

    def request_began(self, transport: asyncio.BaseTransport | None) -> None:
        """Give a connection its time again: it began another request."""
        if transport is not None and (connection := self._open.get(transport)) is not None:
            connection.restart()

    def keep(self, transport: asyncio.BaseTransport | None) -> None:
        """Let a connection last: it is a tab's."""
        if transport is not None and (connection := self._open.get(transport)) is not None:
            connection.cancel()

    def add(self, transport: asyncio.BaseTransport, connection: "_Connection") -> None:
        """Count a connection."""
        self._open[transport] = connection
        self._of_address[connection.address] += 1

    def remove(self, transport: asyncio.BaseTransport, connection: "_Connection") -> None:
        """Count a connection no longer."""
        del self._open[transport]
        self._of_address[connection.address] -= 1
        if not self._of_address[connection.address]:
            del self._of_address[connection.address]


def _same(connection: "_Connection") -> "_Connection":
    return connection


class _Connection(asyncio.Protocol):
    """Passes on everything to the protocol of the web server, and ends it after its time."""

    def __init__(self, connections: Connections, inner: asyncio.Protocol, address: str) -> None:
        self._connections, self._inner, self.address = connections, inner, address
        self._transport: asyncio.BaseTransport | None = None
        self._end: asyncio.TimerHandle | None = None

    def restart(self) -> None:
        """Count the time from now on."""
        self.cancel()
        if isinstance(self._transport, asyncio.WriteTransport):
            seconds = CONNECTION_TIME.total_seconds()
            self._end = asyncio.get_running_loop().call_later(seconds, self._transport.abort)

    def cancel(self) -> None:
        """Count no time."""
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport
        self._connections.add(transport, self)
        self.restart()
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.cancel()
        assert self._transport is not None
        self._connections.remove(self._transport, self)
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on what was received."""
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on that no more will be received."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """Pass on that the other side does not keep up."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the other side keeps up again."""
        self._inner.resume_writing()


async def listeners_on(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen on every address of a host. Raises OSError."""
    infos = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    places = dict.fromkeys((family, address) for family, *_kind, address in infos)
    return [_listener(family, address) for family, address in places]


def _listener(family: int, address: Any) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.setblocking(False)
    listener.bind(address)
    listener.listen(128)
    return listener
