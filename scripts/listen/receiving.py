"""Receive the body of a request, and have its messages taken while it comes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

from aiohttp import web

from models.rules.limits import LISTEN_BATCH_BYTES, LISTEN_JSON_BYTES, LISTEN_LINES_BYTES
from scripts.listen.body import BodyMemory, BodyReader, MemoryShare
from scripts.listen.intake import RequestIntake
from scripts.listen.line_buffer import LineBuffer
from scripts.listen.problems import EMPTY, STOPPING, WRONG_CODING, WRONG_TYPE, Problem

DOCUMENT = "application/json"
LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/jsonlines")
"""The types of a body: one JSON document, or a message a line."""

_CODINGS = {"": False, "identity": False, "gzip": True, "x-gzip": True}
_CHARSETS = ("utf-8", "utf8")


class Receiver:
    """Receives bodies, and has `writers` take their messages."""

    def __init__(self, writers: Executor) -> None:
        self._writers = writers
        self._memory = BodyMemory()
        self._reading: set[BodyReader] = set()
        self.is_stopping = False

    def stop(self) -> None:
        """Have all requests finish what they have."""
        self.is_stopping = True
        for reader in self._reading:
            reader.stop()

    async def receive(self, request: web.Request, taking: RequestIntake) -> None:
        """Receive the body of a request. Raises Problem; what was taken before it stays."""
        kind = request.content_type
        if kind != DOCUMENT and kind not in LINES:
            raise Problem(WRONG_TYPE)
        coding = request.headers.get("Content-Encoding", "").strip().lower()
        charset = (request.charset or "utf-8").lower()
        if coding not in _CODINGS or charset not in _CHARSETS:
            raise Problem(WRONG_CODING)
        most = LISTEN_JSON_BYTES if kind == DOCUMENT else LISTEN_LINES_BYTES
        reader = BodyReader(request, packed=_CODINGS[coding], most=most)
        if request.headers.get("Expect", "").lower() == "100-continue":
            await _say_continue(request)
        self._reading.add(reader)
        if self.is_stopping:
            reader.stop()
        try:
            with self._memory.share() as share:
                if kind == DOCUMENT:
                    await self._receive_document(reader, taking, share)
                else:
                    await self._receive_lines(reader, taking, share)
        finally:
            self._reading.discard(reader)

    async def _receive_document(
        self, reader: BodyReader, taking: RequestIntake, share: MemoryShare
    ) -> None:
        content = bytearray()
        async for piece in reader.pieces():
            content += piece
            share.hold(len(content))
        if not content.strip():
            raise Problem(EMPTY)
        await self._write(lambda: taking.take_document(bytes(content)))

    async def _receive_lines(
        self, reader: BodyReader, taking: RequestIntake, share: MemoryShare
    ) -> None:
        lines = LineBuffer()
        is_empty = True
        try:
            async for piece in reader.pieces():
                is_empty = is_empty and not piece
                lines.add(piece)
                share.hold(len(lines))
                if lines.whole >= LISTEN_BATCH_BYTES:
                    await self._take(taking, *lines.take_whole())
                    share.hold(len(lines))
        except Problem as problem:
            if problem.kind is STOPPING:
                await self._take(taking, *lines.take_whole())
            raise
        if is_empty:
            raise Problem(EMPTY)
        await self._take(taking, *lines.take_all())

    async def _take(self, taking: RequestIntake, content: bytes, before: int) -> None:
        await self._write(lambda: taking.take_lines(content, before))

    async def _write(self, write: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writers, write)


async def _say_continue(request: web.Request) -> None:
    """Have a client send the body, which waits to be told that it will be read."""
    writer = request.writer
    await writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # it is no part of the response
    writer.output_size = 0
