"""A web application while it listens: its sockets, its connections, and how it stops."""

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from models.database import Store
from models.serving.connections import Connections, listeners_on
from models.serving.log_limit import limited_lines

_SCHEMA_INTERVAL = 2.0
"""Real seconds between two looks at the schema of the store."""

_LOGGERS = ("hotline.connections", "aiohttp.server", "asyncio")
"""The loggers that the visitors of every server can cause lines of."""


class ListeningServer:
    """An application that listens on `address`; `failed` ends where it can no longer."""

    def __init__(
        self,
        address: str,
        listeners: Collection[socket.socket],
        accepting: Collection["asyncio.Task[None]"],
    ) -> None:
        self.address = address
        self._listeners, self._accepting = listeners, accepting

    async def failed(self) -> None:
        """Wait until accepting connections ends, and raise why."""
        for task in asyncio.as_completed(self._accepting):
            await task

    async def stop_accepting(self) -> None:
        """Accept no more connections; those that are open go on."""
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        for listener in self._listeners:
            listener.close()


@asynccontextmanager
async def listening(
    application: web.Application,
    connections: Connections,
    host: str,
    port: int,
    *,
    logger: str,
    clock: Callable[[], float],
    stop_timeout: float,
    **protocol: Any,
) -> AsyncIterator[ListeningServer]:
    """Serve an application while this is open. Raises OSError where it cannot listen.

    At the end requests have `stop_timeout` seconds to finish. A visitor causes few lines of
    `logger`. `protocol` are further options of aiohttp's protocol.
    """
    with limited_lines((logger, *_LOGGERS), clock):
        runner = web.AppRunner(
            application,
            access_log=None,
            shutdown_timeout=stop_timeout,
            logger=logging.getLogger("aiohttp.server"),
            **protocol,
        )
        await runner.setup()
        assert runner.server is not None
        listeners = await listeners_on(host, port)
        accepting = [
            asyncio.create_task(connections.accept(listener, runner.server))
            for listener in listeners
        ]
        bound = listeners[0].getsockname()[1]
        address = f"http://{f'[{host}]' if ':' in host else host}:{bound}/"
        server = ListeningServer(address, listeners, accepting)
        try:
            yield server
        finally:
            await server.stop_accepting()
            await runner.cleanup()


async def schema_changed(store: Store, every: float = _SCHEMA_INTERVAL) -> None:
    """Wait until a later release has upgraded the store, and raise StoreNewer then."""
    while True:
        await asyncio.sleep(every)
        await asyncio.to_thread(store.look_at_schema)


async def until_stopped(*working: Awaitable[None]) -> None:
    """Wait until the process is told to stop, or one of these ends, whose error is raised."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    waiting = [asyncio.ensure_future(stopped.wait()), *map(asyncio.ensure_future, working)]
    try:
        done, _pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in waiting:
            task.cancel()
