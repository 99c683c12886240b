"""An endpoint for messages inside the test, and senders to it."""

import asyncio
import io
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import aiohttp
from sqlalchemy import select

from models.clock import system_clock
from models.database import Store
from models.rules.vocabulary import UserRole
from models.tables.core import INBOX
from scripts.listen.server import ListenServer
from tests.monitor.serving import issued
from tests.store.factories import letter

LINES = "application/x-ndjson"
_numbers = itertools.count()


class Reply(NamedTuple):
    """An answer: its status, its content, and its headers."""

    status: int
    content: Any
    headers: Any

    @property
    def code(self) -> str | None:
        """The code of what was wrong with the request."""
        return (self.content.get("error") or {}).get("code")

    @property
    def outcomes(self) -> list[str]:
        """The outcome of each message."""
        return [result["outcome"] for result in self.content["results"]]


class Sender:
    """Somebody with a token, whose name is his source."""

    def __init__(self, url: str, session: aiohttp.ClientSession, name: str, token: str) -> None:
        self.url, self.session, self.name, self.token = url, session, name, token

    async def send(
        self, content: Any, kind: str = "application/json", query: str = "", **headers: str
    ) -> Reply:
        """Send messages: as JSON, or bytes (or an iterator of them) as they are."""
        data = json.dumps(content).encode() if isinstance(content, list | dict) else content
        data = io.BytesIO(data) if isinstance(data, bytes) else data
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": kind} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        address = f"{self.url}/messages{query}"
        async with asyncio.timeout(60), self.session.post(address, data=data, headers=sent) as got:
            return Reply(got.status, json.loads(await got.read()), got.headers)


@asynccontextmanager
async def listening(store: Store, tmp_path: Path, **options: Any) -> AsyncIterator[str]:
    """The address of an endpoint."""
    chosen: dict[str, Any] = {"language": "en"} | options
    server = ListenServer(store, system_clock, tmp_path / "refused.jsonl", **chosen)
    async with server.listening("127.0.0.1", 0) as address:
        yield address.rstrip("/")


@asynccontextmanager
async def sender(
    url: str, store: Store, role: UserRole = UserRole.FEEDER, name: str = ""
) -> AsyncIterator[Sender]:
    """A client with a token of his own."""
    name = name or f"city{next(_numbers)}"
    token = issued(store, name, role=role)
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield Sender(url, session, name, token)


def letters(source: str, count: int, first: int = 0) -> list[dict[str, Any]]:
    """Letters of a source, each about a ticket of its own."""
    numbers = range(first, first + count)
    return [letter(f"{source}-{n}", "2026-11-20T09:00:00+08:00") for n in numbers]


def large_letters(source: str, count: int) -> list[dict[str, Any]]:
    """Letters of some 60 KB, which do not pack to nothing."""
    digits = Random(source)
    return [each | {"content": digits.randbytes(30_000).hex()} for each in letters(source, count)]


def as_lines(messages: Sequence[Any]) -> bytes:
    """Messages as a message a line."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in messages)


def stored(store: Store, source: str) -> list[str]:
    """The tickets of the messages of a source, in the order in which they are in the inbox."""
    with store.reading() as session:
        query = select(INBOX.c.ticket).where(INBOX.c.source == source, INBOX.c.current)
        return list(session.scalars(query.order_by(INBOX.c.id)))
