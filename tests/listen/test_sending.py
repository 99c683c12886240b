"""Messages by HTTP: taken once, by the rules of a feed, and answered after the commit."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models.clock import system_clock
from models.database import Store
from models.operations.tokens import revoke_token
from models.queries.failures import failures
from models.rules.limits import LISTEN_BATCH_BYTES, LISTEN_REQUESTS_A_MINUTE
from models.rules.vocabulary import UserRole
from models.tables.core import INBOX
from scripts.ingest.feed_reader import read_feed
from scripts.ingest.refused_rows import decrypted
from tests.listen.sending import LINES, as_lines, large_letters, letters, listening, sender, stored
from tests.monitor.serving import HEAD, Clock, logged
from tests.store.factories import at, letter, message

pytestmark = pytest.mark.store(shared=True)


async def test_a_message_a_list_and_lines_are_taken_once(store: Store, tmp_path: Path) -> None:
    """The same id again changes nothing, whichever way it comes."""
    async with listening(store, tmp_path) as url, sender(url, store) as city:
        first, second, third = letters(city.name, 3)
        reply = await city.send(first)
        assert (reply.status, reply.outcomes) == (200, ["enqueued"])
        assert stored(store, city.name) == [first["ticket"]]
        several = await city.send([first, second])
        assert (several.status, several.outcomes) == (200, ["duplicate", "enqueued"])
        lines = await city.send(as_lines([second, third]), LINES)
        assert (lines.status, lines.outcomes) == (200, ["duplicate", "enqueued"])
        assert lines.content["results"][1] == {
            "line": 2, "id": third["id"], "ticket": third["ticket"], "outcome": "enqueued"
        }  # fmt: skip
        assert {k: lines.content[k] for k in ("read", "enqueued", "duplicate", "refused")} == {
            "read": 2, "enqueued": 1, "duplicate": 1, "refused": 0
        }  # fmt: skip
    assert stored(store, city.name) == [m["ticket"] for m in (first, second, third)]


async def test_the_same_message_at_the_same_time_is_taken_once(
    store: Store, tmp_path: Path
) -> None:
    async with listening(store, tmp_path) as url, sender(url, store) as city:
        (same,) = letters(city.name, 1)
        replies = await asyncio.gather(*(city.send(same) for _n in range(12)))
        outcomes = sorted(outcome for reply in replies for outcome in reply.outcomes)
        assert outcomes == ["duplicate"] * 11 + ["enqueued"]
    assert stored(store, city.name) == [same["ticket"]]


async def test_the_same_id_of_two_sources_is_two_messages(store: Store, tmp_path: Path) -> None:
    async with (
        listening(store, tmp_path) as url,
        sender(url, store) as city,
        sender(url, store) as other,
    ):
        (same,) = letters(city.name, 1)
        assert (await city.send(same)).outcomes == ["enqueued"]
        assert (await other.send(same)).outcomes == ["enqueued"]


async def test_some_are_refused_kept_and_can_be_sent_again(store: Store, tmp_path: Path) -> None:
    """In the language that is asked for; the list of refused rows is the feeds', and encrypted."""
    async with listening(store, tmp_path) as url, sender(url, store) as city:
        (good,) = letters(city.name, 1)
        bad = {**letters(city.name, 1, first=1)[0], "type": "no.type", "title": "不为人知"}
        lines = as_lines([good]) + b"\n{broken\n" + as_lines([bad])
        reply = await city.send(lines, LINES, Accept_Language="zh-CN,en;q=0.5")
        assert (reply.status, reply.outcomes) == (207, ["enqueued", "refused", "refused"])
        broken, unknown = reply.content["results"][1:]
        assert (broken["line"], broken["code"]) == (3, "unreadable")
        assert (unknown["line"], unknown["code"], unknown["id"]) == (4, "not_taken", bad["id"])
        assert "no.type" in unknown["why"]
        assert unknown["reason"] == "type {type} is not known; see the list of messages"
        assert unknown["why"] != unknown["reason"].format(type="no.type")
        rows = [json.loads(line) for line in (tmp_path / "refused.jsonl").read_text().splitlines()]
        assert [row["line"] for row in rows] == [3, 4]
        assert {row["source"] for row in rows} == {city.name}
        assert rows[0]["feed"] == f"listen {reply.content['request']}"
        assert "不为人知" not in (tmp_path / "refused.jsonl").read_text()
        kept = decrypted(store.cipher, "sealed", rows[1])
        assert json.loads(kept) == bad
        # mended, under the same id
        assert (await city.send({**bad, "type": "ticket.received"})).outcomes == ["enqueued"]
        nothing = await city.send([bad])
        assert (nothing.status, nothing.code, nothing.outcomes) == (422, "refused", ["refused"])


async def test_a_row_of_the_list_of_refused_is_taken_under_the_senders_own_source(
    store: Store, tmp_path: Path
) -> None:
    """As `hotline refused --reveal --json` prints it: its source is whoever sends it."""
    async with listening(store, tmp_path) as url, sender(url, store) as city:
        (good,) = letters(city.name, 1)
        row = {"feed": "f", "source": "monitor", "line": 1, "why": "w", "raw": good}
        assert (await city.send(row)).outcomes == ["enqueued"]
    assert stored(store, city.name) == [good["ticket"]]


async def test_one_answer_for_several_tickets(store: Store, tmp_path: Path) -> None:
    """Each has a result of its own, on the same line (decision 38)."""
    async with listening(store, tmp_path) as url, sender(url, store) as city:
        numbers = [f"{city.name}-a", f"{city.name}-b"]
        progress = message("x", "progress.reported", "2026-11-20T09:00", text="已派人")
        reply = await city.send(progress | {"ticket": numbers})
        assert (reply.content["read"], reply.outcomes) == (1, ["enqueued"] * 2)
        assert [(r["line"], r["ticket"]) for r in reply.content["results"]] == [
            (1, number) for number in numbers
        ]


async def test_who_speaks_is_checked_and_what_is_refused_is_kept(
    store: Store, tmp_path: Path
) -> None:
    async with listening(store, tmp_path) as url, sender(url, store) as city:
        assigned = message(
            f"{city.name}-1", "ticket.assigned", "2026-11-20T09:00", id=f"{city.name}-assigned"
        )
        reply = await city.send(assigned)
        assert (reply.status, reply.outcomes) == (422, ["refused"])
        assert city.name in reply.content["results"][0]["why"]
    with store.reading() as session:
        kept = [
            row for row in failures(session, most=None).rows if row.ticket == assigned["ticket"]
        ]
    assert len(kept) == 1


async def test_a_body_may_be_packed_and_come_in_pieces(store: Store, tmp_path: Path) -> None:
    """Of any size by lines: what is whole is committed while the rest comes."""
    async with listening(store, tmp_path) as url, sender(url, store) as city:
        many = large_letters(city.name, 40)
        content = as_lines(many)
        assert len(content) > 2 * LISTEN_BATCH_BYTES

        async def pieces() -> AsyncIterator[bytes]:
            yield content[:-1_000]
            while not stored(store, city.name):
                await asyncio.sleep(0.01)
            yield content[-1_000:]

        reply = await city.send(pieces(), LINES, query="?results=refused")
        assert (reply.status, reply.content["enqueued"], reply.content["results"]) == (200, 40, [])
        packed = await city.send(gzip.compress(content), LINES, Content_Encoding="gzip")
        assert (packed.status, packed.content["duplicate"]) == (200, 40)
        assert [result["line"] for result in packed.content["results"]] == list(range(1, 41))


@pytest.mark.store(databases=["sqlite"], shared=True)
async def test_an_answer_may_be_long(store: Store, tmp_path: Path) -> None:
    """It is kept in a file, and sent in pieces."""
    async with listening(store, tmp_path) as url, sender(url, store) as city:
        (long,) = letters(city.name, 1)
        reply = await city.send(as_lines([long | {"id": city.name * 80}]) * 3_000, LINES)
        assert (reply.status, len(reply.content["results"])) == (200, 3_000)
        assert (reply.content["enqueued"], reply.content["duplicate"]) == (1, 2_999)
        assert reply.headers["Transfer-Encoding"] == "chunked"


@pytest.mark.store(databases=["sqlite"], shared=True)
@pytest.mark.parametrize(
    ("content", "kind", "headers", "wanted"),
    [
        (b"", "application/json", {}, (400, "empty")),
        (b"  \n", "application/json", {}, (400, "empty")),
        (b"", LINES, {}, (400, "empty")),
        (b"{}", "text/plain", {}, (415, "wrong_type")),
        (b"{}", "application/json; charset=gbk", {}, (415, "wrong_coding")),
        (b"{}", "application/json", {"Content_Encoding": "br"}, (415, "wrong_coding")),
        (b"{}", "application/json", {"Content_Encoding": "gzip"}, (400, "bad_gzip")),
        (b"{}", "application/json", {"Authorization": "Basic eDp5"}, (401, "no_token")),
        (b"{}", "application/json", {"Authorization": "Bearer wrong"}, (401, "token_refused")),
    ],
)
async def test_a_request_that_fails_says_why(
    store: Store, tmp_path: Path, content: bytes, kind: str, headers: Any, wanted: Any
) -> None:
    async with listening(store, tmp_path) as url, sender(url, store) as city:
        reply = await city.send(content, kind, X_Request_ID="mine-1", **headers)
        assert (reply.status, reply.code) == wanted
        assert reply.content["error"]["message"]
        assert reply.content["request"] == reply.headers["X-Request-ID"] == "mine-1"
        assert ("WWW-Authenticate" in reply.headers) == (reply.status == 401)


async def test_only_a_feeder_or_a_supervisor_sends_under_a_name_of_his_own(
    store: Store, tmp_path: Path
) -> None:
    async with (
        listening(store, tmp_path) as url,
        sender(url, store, UserRole.OPERATOR) as operator,
        sender(url, store, UserRole.SUPERVISOR) as supervisor,
        sender(url, store, name="monitor") as posing,
    ):
        reply = await operator.send(letters(operator.name, 1))
        assert (reply.status, reply.code) == (403, "not_allowed")
        assert (operator.name, "feed", ("hotline listen",)) in logged(store)
        assert (await posing.send(letters("p", 1))).code == "reserved"
        assert (await supervisor.send(letters(supervisor.name, 1))).outcomes == ["enqueued"]


async def test_a_token_that_is_revoked_ends_the_request_that_is_under_way(
    store: Store, tmp_path: Path
) -> None:
    """Messages that were committed stay and are answered."""
    async with listening(store, tmp_path) as url, sender(url, store) as city:
        many = large_letters(city.name, 60)

        async def pieces() -> AsyncIterator[bytes]:
            for number, each in enumerate(many):
                yield as_lines([each])
                if number == 40:
                    while not stored(store, city.name):
                        await asyncio.sleep(0.01)
                    with store.writing() as session:
                        revoke_token(session, HEAD, city.name, system_clock())

        reply = await city.send(pieces(), LINES)
        assert (reply.status, reply.code) == (401, "token_refused")
        assert 0 < reply.content["enqueued"] == len(stored(store, city.name)) < 60
        assert (await city.send(many[0])).code == "token_refused"


@pytest.mark.store(databases=["sqlite"], shared=True)
async def test_unknown_tokens_have_to_wait_and_good_ones_do_not(
    store: Store, tmp_path: Path
) -> None:
    """Behind one address there may be others; the access log has a line for many."""
    clock, before = Clock(), len(logged(store))
    async with listening(store, tmp_path, clock=clock) as url, sender(url, store) as city:
        assert (await city.send(letters(city.name, 1))).status == 200
        codes = [
            (await city.send([], Authorization=f"Bearer {number}")).code for number in range(11)
        ]
        assert codes == ["token_refused"] * 10 + ["too_many_tries"]
        late = await city.send([], Authorization="Bearer x")
        assert (late.status, int(late.headers["Retry-After"]) > 0) == (429, True)
        assert (await city.send([])).status == 200
    logged_failures = [line[2] for line in logged(store)[before:] if line[1] == "log_in_failed"]
    assert len(logged_failures) == 2
    assert sum(int(count) for (count,) in logged_failures) == 10


@pytest.mark.store(databases=["sqlite"], shared=True)
async def test_a_token_has_so_many_requests_a_minute(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.listen.callers.LISTEN_REQUESTS_A_MINUTE", 3)
    assert LISTEN_REQUESTS_A_MINUTE > 100
    clock = Clock()
    async with (
        listening(store, tmp_path, clock=clock) as url,
        sender(url, store) as city,
        sender(url, store) as other,
    ):
        assert [(await city.send([])).status for _n in range(4)] == [200, 200, 200, 429]
        reply = await city.send([])
        assert reply.code == "too_many_requests"
        assert (await other.send([])).status == 200
        clock.forward += int(reply.headers["Retry-After"])
        assert (await city.send([])).status == 200


async def test_nobody_is_told_of_what_was_before_a_day(store: Store, tmp_path: Path) -> None:
    async with (
        listening(store, tmp_path, quiet_before=date(2026, 11, 1)) as url,
        sender(url, store) as city,
    ):
        await city.send(letter(f"{city.name}-1", "2026-10-01T09:00"))
    with store.reading() as session:
        query = select(INBOX.c.quiet_before).where(INBOX.c.source == city.name)
        assert session.scalars(query).one() == at("2026-11-01T00:00")


@pytest.mark.store(databases=["sqlite"], shared=True)
async def test_it_takes_what_a_feed_takes(store: Store, tmp_path: Path) -> None:
    """The same file, in a feed and here, is the same messages with the same reasons."""
    content = b"".join(
        [
            as_lines(letters("same", 2)),
            b'{"type": "ticket.received", "ticket": 7, "at": "2026-11-20T09:00", "id": 8}\n',
            b'{"type": "ticket.received", "ticket": "\\u0000", "at": "2026-11-20T09:00"}\n',
            b"[1]\n",
            b'{"at": "x", "ticket": "1", "type": "unit.accepted"}\n',
            b'{"a": NaN, "type": "unit.accepted", "ticket": "same-1", "at": "2199-01-01"}\n',
        ]
    )
    file = tmp_path / "feed.jsonl"
    file.write_bytes(content)
    readable = [record.message is not None for record in read_feed(file)]
    async with listening(store, tmp_path) as url, sender(url, store) as city:
        reply = await city.send(content, LINES)
    unreadable = [r.get("code") == "unreadable" for r in reply.content["results"]]
    assert unreadable == [not each for each in readable]
    assert reply.outcomes == ["enqueued"] * 3 + ["refused"] * 4
