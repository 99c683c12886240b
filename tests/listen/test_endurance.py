"""Senders that are many, slow, broken or too large; a store that is away; a stop in the middle."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import aiohttp
import psutil
import psycopg
import pytest
from sqlalchemy import make_url

from models.database import Store
from models.rules.limits import LISTEN_BATCH_BYTES, LISTEN_PIECE_BYTES, MIB
from models.serving import connections
from tests.listen.sending import (
    LINES,
    Sender,
    as_lines,
    large_letters,
    letters,
    listening,
    sender,
    stored,
)
from tests.servers.postgres import Databases

pytestmark = pytest.mark.store(databases=["sqlite"], shared=True)


async def connected(
    url: str, city: Sender, *more: str, token: str = ""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which the head of a request was sent."""
    host, _colon, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = ["POST /messages HTTP/1.1", "Host: x", f"Authorization: Bearer {token or city.token}"]
    writer.write("\r\n".join([*head, f"Content-Type: {LINES}", *more, "", ""]).encode())
    return reader, writer


async def answered(reader: asyncio.StreamReader) -> bytes:
    """The status line of the answer."""
    return await asyncio.wait_for(reader.readline(), 20)


async def test_200_senders_at_once_a_slow_one_and_a_broken_one(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the 200 is answered; slow ones are let go; of the broken one nothing is taken."""
    monkeypatch.setattr("scripts.listen.body.LISTEN_PIECE_TIME", timedelta(seconds=2))
    async with listening(store, tmp_path) as url, sender(url, store) as city:
        many, late = letters(city.name, 200), letters(city.name, 1, first=900)
        silent, held = await connected(url, city, "Content-Length: 9")
        slow, writer = await connected(url, city, "Transfer-Encoding: chunked")
        _broken, cut = await connected(url, city, "Content-Length: 900000")
        cut.write(as_lines(late)[:90_000])
        await cut.drain()
        cut.close()
        dripping = asyncio.create_task(_drip(writer))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            crowd = Sender(url, session, city.name, city.token)
            replies = await asyncio.gather(*(crowd.send(each) for each in many))
        assert {(reply.status, *reply.outcomes) for reply in replies} == {(200, "enqueued")}
        assert b" 408 " in await answered(silent)
        with suppress(ConnectionError):
            await asyncio.wait_for(slow.read(), 20)
        dripping.cancel()
        for open_one in (held, writer):
            open_one.close()
        assert sorted(stored(store, city.name)) == sorted(m["ticket"] for m in many)


async def _drip(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"1\r\n \r\n")
        await asyncio.sleep(0.1)


async def test_a_body_that_was_cut_is_sent_again(store: Store, tmp_path: Path) -> None:
    """Messages that were committed before are known then; nothing is lost, nothing twice."""
    async with listening(store, tmp_path) as url, sender(url, store) as city:
        many = large_letters(city.name, 40)
        content = as_lines(many)
        _reader, writer = await connected(url, city, f"Content-Length: {len(content)}")
        writer.write(content[:-70_000])
        await writer.drain()
        while not stored(store, city.name):
            await asyncio.sleep(0.01)
        writer.transport.abort()
        reply = await city.send(content, LINES)
        assert reply.status == 200
        assert 0 < reply.content["duplicate"] < 40
        assert stored(store, city.name) == [m["ticket"] for m in many]


async def test_a_document_that_is_too_large_is_refused_as_a_whole(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its length before it is read, while it comes, or for its messages."""
    monkeypatch.setattr("scripts.listen.receiving.LISTEN_JSON_BYTES", 200_000)
    monkeypatch.setattr("scripts.listen.intake.LISTEN_LIST", 3)
    async with listening(store, tmp_path) as url, sender(url, store) as city:
        content = json.dumps(large_letters(city.name, 4)).encode()

        async def pieces() -> AsyncIterator[bytes]:
            yield content

        for body in (content, pieces()):
            reply = await city.send(body)
            assert (reply.status, reply.code, reply.content["read"]) == (413, "too_large", 0)
        reply = await city.send(letters(city.name, 4))
        assert (reply.status, reply.code) == (413, "too_many")
        assert stored(store, city.name) == []
        assert (await city.send(letters(city.name, 3))).status == 200


async def test_a_line_without_end_fills_no_memory(store: Store, tmp_path: Path) -> None:
    """It is refused with its beginning, and the lines around it are taken."""
    async with listening(store, tmp_path) as url, sender(url, store) as city:
        first, last = letters(city.name, 2)

        async def pieces() -> AsyncIterator[bytes]:
            yield as_lines([first])
            for _n in range(64 * MIB // LISTEN_PIECE_BYTES):
                yield b"x" * LISTEN_PIECE_BYTES
            yield b"\n" + as_lines([last])

        before = psutil.Process().memory_info().rss
        reply = await city.send(pieces(), LINES)
        assert (reply.status, reply.outcomes) == (207, ["enqueued", "refused", "enqueued"])
        assert psutil.Process().memory_info().rss - before < 32 * MIB


async def test_a_client_that_waits_to_be_told_is_told_after_it_is_known(
    store: Store, tmp_path: Path
) -> None:
    """`Expect: 100-continue`: whoever has no good token sends no body."""
    async with listening(store, tmp_path) as url, sender(url, store) as city:
        expect = ("Expect: 100-continue", "Content-Length: 2")
        reader, writer = await connected(url, city, *expect, token="wrong")
        assert b" 401 " in await answered(reader)
        writer.close()
        reader, writer = await connected(url, city, *expect)
        assert b" 100 " in await answered(reader)
        await reader.readline()
        writer.write(b"{}")
        assert b" 422 " in await answered(reader)
        writer.close()


async def test_an_address_has_so_many_connections(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS_OF_ADDRESS", 3)
    async with listening(store, tmp_path) as url, sender(url, store) as city:
        held = [await connected(url, city, "Content-Length: 9") for _n in range(4)]
        assert await asyncio.wait_for(held[3][0].read(), 10) == b""
        for _reader, writer in held:
            writer.close()


async def test_a_request_under_way_is_answered_at_the_end(store: Store, tmp_path: Path) -> None:
    """A stop takes the lines that have come, says so, and when to send the rest."""
    async with aiohttp.ClientSession() as session:
        async with listening(store, tmp_path) as url, sender(url, store) as city:
            many = letters(city.name, 30)
            content = as_lines(many)
            going = asyncio.Event()

            async def pieces() -> AsyncIterator[bytes]:
                yield content[:-50]
                going.set()
                await asyncio.Event().wait()

            crowd = Sender(url, session, city.name, city.token)
            sending = asyncio.create_task(crowd.send(pieces(), LINES))
            await going.wait()
            # a request that comes later is answered first: the lines have been read by then
            await crowd.send([])
        reply = await asyncio.wait_for(sending, 20)
    assert (reply.status, reply.code) == (503, "stopping")
    assert "Retry-After" in reply.headers
    assert reply.content["enqueued"] == 29 == len(stored(store, city.name))


async def test_it_says_whether_it_is_ready(store: Store, tmp_path: Path) -> None:
    """And what it is, without a token; nothing else is there."""
    async with (
        listening(store, tmp_path, public="https://a.example/city") as url,
        aiohttp.ClientSession() as session,
    ):
        answers = {}
        for path in (
            "/healthz",
            "/openapi.json",
            "/",
            "/city/",
            "/city/healthz",
            "/x",
            "/messages",
        ):
            async with session.get(url + path) as reply:
                answers[path] = reply.status
                assert reply.headers["Server"] == "hotline"
                text = await reply.text()
                if path == "/openapi.json":
                    assert json.loads(text)["servers"] == [{"url": "https://a.example/city"}]
    assert list(answers.values()) == [200, 200, 200, 200, 200, 404, 405]


@pytest.mark.store(databases=["postgresql"])
async def test_while_the_store_is_away_nothing_is_taken_and_it_says_so(
    store: Store, tmp_path: Path, postgres_server: Databases
) -> None:
    """Before a request, and in the middle of one; afterwards the same again is taken."""
    name = make_url(store.url).database
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as admin:

        def allow(allowed: bool) -> None:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {allowed}'.encode())
            if not allowed:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                    (name,),
                )

        async with listening(store, tmp_path) as url, sender(url, store) as city:
            many = large_letters(city.name, 60)
            content = as_lines(many)

            async def pieces() -> AsyncIterator[bytes]:
                yield content[: LISTEN_BATCH_BYTES + LISTEN_BATCH_BYTES // 2]
                while not stored(store, city.name):
                    await asyncio.sleep(0.01)
                allow(False)
                yield content[LISTEN_BATCH_BYTES + LISTEN_BATCH_BYTES // 2 :]

            broken = await city.send(pieces(), LINES)
            assert (broken.status, broken.code) == (503, "store_away")
            assert 0 < broken.content["enqueued"] < 60
            reply = await city.send(many[0])
            assert (reply.status, reply.code) == (503, "store_away")
            assert int(reply.headers["Retry-After"]) > 0
            async with city.session.get(f"{url}/healthz") as health:
                assert health.status == 503
            allow(True)
            assert len(stored(store, city.name)) == broken.content["enqueued"]
            again = await city.send(content, LINES)
            assert (again.status, again.content["duplicate"]) == (200, broken.content["enqueued"])
            assert stored(store, city.name) == [m["ticket"] for m in many]
