"""Read the body of a request: in time, unpacked, within limits."""

import asyncio
from collections.abc import AsyncIterator
from typing import Self

from aiohttp import ClientPayloadError, web
from aiohttp.http import HttpProcessingError

from models.rules.limits import LISTEN_MEMORY_BYTES, LISTEN_PIECE_BYTES, LISTEN_PIECE_TIME
from scripts.listen.packing import Gunzip
from scripts.listen.problems import BAD_REQUEST, OVERLOADED, STOPPING, TOO_LARGE, TOO_SLOW, Problem


class BodyReader:
    """The body of a request with at most so many bytes, unpacked if it is `packed`.

    A piece of it has a time to come in, whatever drips. What is done with a piece does not count.
    """

    def __init__(self, request: web.Request, *, packed: bool, most: int) -> None:
        self._content = request.content
        self._gunzip = Gunzip() if packed else None
        self._most = most
        self._timeout: asyncio.Timeout | None = None
        self._is_stopped = False
        length = request.content_length
        if length is not None and length > most:
            raise Problem(TOO_LARGE, limit=most)

    def stop(self) -> None:
        """Have reading end soon, by a Problem."""
        self._is_stopped = True
        if self._timeout is not None and not self._timeout.expired():
            self._timeout.reschedule(asyncio.get_running_loop().time())

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body in small pieces; raises Problem, or ConnectionError where it was cut."""
        clock = asyncio.get_running_loop().time
        patience = LISTEN_PIECE_TIME.total_seconds()
        deadline, came, size = clock() + patience, 0, 0
        while raw := await self._read(deadline):
            came += len(raw)
            if came >= LISTEN_PIECE_BYTES:
                deadline, came = clock() + patience, 0
            for piece in self._gunzip.pieces(raw) if self._gunzip else (raw,):
                size += len(piece)
                if size > self._most:
                    raise Problem(TOO_LARGE, limit=self._most)
                before = clock()
                yield piece
                deadline += clock() - before
        if self._gunzip is not None:
            self._gunzip.finish()

    async def _read(self, deadline: float) -> bytes:
        if self._is_stopped:
            raise Problem(STOPPING)
        try:
            async with asyncio.timeout_at(deadline) as self._timeout:
                return await self._content.readany()
        except TimeoutError as error:
            raise self._late() from error
        except (HttpProcessingError, ClientPayloadError) as error:
            raise Problem(BAD_REQUEST) from error
        finally:
            self._timeout = None

    def _late(self) -> Problem:
        return Problem(STOPPING if self._is_stopped else TOO_SLOW)


class BodyMemory:
    """The bytes of bodies that all requests hold at one time."""

    def __init__(self) -> None:
        self.total = 0

    def share(self) -> "MemoryShare":
        """Return the part of one request, to be used in a `with`."""
        return MemoryShare(self)


class MemoryShare:
    """The bytes that one request holds; they are free again at its end."""

    def __init__(self, memory: BodyMemory) -> None:
        self._memory = memory
        self._size = 0

    def hold(self, size: int) -> None:
        """Hold so many bytes now; raises Problem where all requests together hold too many."""
        self._memory.total += size - self._size
        grows, self._size = size > self._size, size
        if grows and self._memory.total > LISTEN_MEMORY_BYTES:
            raise Problem(OVERLOADED)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.hold(0)
