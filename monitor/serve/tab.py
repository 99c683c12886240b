"""A tab: the process of a monitor, and the messages between it and the browser.

The process is told whose it is by the token of the session, in a file in memory that is handed to
it: neither its arguments nor its environment hold the token, nor does the process that forks it,
and nobody without the token gets such a process to act in another's name.
"""

import asyncio
import json
import logging
import os
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import Mapping, Sequence
from contextlib import suppress

from aiohttp import WSMsgType, web

from models.rules.limits import (
    BROWSER_MESSAGE_BYTES,
    KIB,
    MIB,
    SCREEN_COLUMNS,
    SCREEN_ROWS,
)
from monitor.serve.sessions import Session, Sessions

log = logging.getLogger("hotline.monitor")

_STOP_TIMEOUT = 5.0
_HEARTBEAT = 15
_FRAME_BYTES = 16 * MIB
_READY = b"__GANGLION__\n"
"""The line after which a Textual app speaks in packets."""


class BrowserTab:
    """Has a process for a browser's tab until either of them ends, or the session does.

    The process is asked for over `requests`: a message of its variables, with the socket that
    becomes its standard input and output, and the token. The other end of the socket reads to its
    end when the process has ended; shutting that end kills it.
    """

    def __init__(self, requests: socket.socket, sessions: Sessions, session: Session) -> None:
        self._requests = requests
        self._sessions, self._session = sessions, session
        self._over = asyncio.Event()
        self.ended = asyncio.Event()

    def end(self) -> None:
        """End the tab soon."""
        self._over.set()

    async def serve(self, request: web.Request, size: tuple[int, int]) -> web.WebSocketResponse:
        """Serve the tab; the process has ended when this returns."""
        websocket = web.WebSocketResponse(
            heartbeat=_HEARTBEAT, max_msg_size=BROWSER_MESSAGE_BYTES, timeout=_STOP_TIMEOUT
        )
        self._session.tabs.append(self)
        try:
            await websocket.prepare(request)
            output, keys = await self._start(*bounded(*size))
            tasks = [
                asyncio.create_task(self._forward_messages(websocket, keys)),
                asyncio.create_task(_forward_screen(output, websocket)),
                asyncio.create_task(self._over.wait()),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _stop(output, keys, tasks)
        except OSError as error:
            log.error("the process of a tab cannot be started: %s", error.strerror)
        finally:
            self._session.tabs.remove(self)
            self.ended.set()
        await websocket.close()
        return websocket

    async def _start(self, columns: int, rows: int) -> tuple[StreamReader, StreamWriter]:
        """Ask for the process; returns what it draws, and where it takes keys."""
        ours, its = socket.socketpair()
        token = os.memfd_create("token")
        try:
            os.write(token, self._session.token.encode())
            variables = json.dumps({"COLUMNS": str(columns), "ROWS": str(rows)}).encode()
            socket.send_fds(self._requests, [variables], [its.fileno(), token])
        except OSError:
            ours.close()
            raise
        finally:
            its.close()
            os.close(token)
        return await asyncio.open_unix_connection(sock=ours)

    async def _forward_messages(self, websocket: web.WebSocketResponse, keys: StreamWriter) -> None:
        """Pass on what the browser sends, until it leaves or sends what no page of ours would."""
        async for message in websocket:
            packet = None
            if message.type is WSMsgType.TEXT:
                try:
                    packet = _packet(json.loads(message.data))
                except (ValueError, RecursionError):
                    packet = None
            if packet is None:
                log.warning("a browser sent no message")
                return
            if packet[:1] == b"D":
                self._sessions.use(self._session)
            if packet:
                keys.write(packet)
                await keys.drain()


def bounded(width: int, height: int) -> tuple[int, int]:
    """Return the size of a screen within the limits: a huge one takes gigabytes."""
    return max(1, min(width, SCREEN_COLUMNS)), max(1, min(height, SCREEN_ROWS))


def _packet(message: object) -> bytes | None:
    """Return a message of the page as a packet for the process.

    It is empty where the process need not know, None where no page of ours sends it. Raises
    ValueError for text that is none.
    """
    match message:
        case ["stdin", str(keys)]:
            return _encoded(b"D", keys.encode())
        case ["resize", {"width": int(width), "height": int(height)}]:
            columns, rows = bounded(width, height)
            return _meta({"type": "resize", "width": columns, "height": rows})
        case ["focus" | "blur" as kind]:
            return _meta({"type": kind})
        case ["ping", str()]:
            return b""
    return None


def _meta(content: Mapping[str, object]) -> bytes:
    return _encoded(b"M", json.dumps(content).encode())


def _encoded(kind: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(4, "big") + payload


async def _forward_screen(output: StreamReader, websocket: web.WebSocketResponse) -> None:
    """Pass on what the process draws, until it ends; nothing else of it concerns the browser."""
    try:
        while await output.readline() != _READY:
            if output.at_eof():
                log.error("the process of a tab ended before it began")
                return
        while True:
            head = await output.readexactly(5)
            size = int.from_bytes(head[1:], "big")
            if size > _FRAME_BYTES:
                return
            payload = await output.readexactly(size)
            if head[:1] == b"D":
                await websocket.send_bytes(payload)
            elif head[:1] == b"M" and json.loads(payload).get("type") == "exit":
                return
    except (asyncio.IncompleteReadError, ConnectionError):
        return


async def _stop(
    output: StreamReader, keys: StreamWriter, tasks: Sequence["asyncio.Task[object]"]
) -> None:
    """End the process, and kill one that does not end: none outlives its tab."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    keys.write(_meta({"type": "quit"}))
    try:
        async with asyncio.timeout(_STOP_TIMEOUT):
            await _drained(output)
    except TimeoutError:
        keys.get_extra_info("socket").shutdown(socket.SHUT_WR)
        await _drained(output)
    finally:
        keys.close()


async def _drained(output: StreamReader) -> None:
    """Read what the process writes until it has ended: what is full keeps it from that."""
    # keys that it had not read are an error to whoever sent them
    with suppress(ConnectionError):
        while await output.read(64 * KIB):
            pass
