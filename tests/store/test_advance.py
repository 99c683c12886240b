"""Advancing tickets, the one operation behind all work on them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, text

from models.database import Store
from models.operations.advance import advance
from models.operations.bells import ring_again
from models.rulebook import load_rulebook
from models.security.chain import first_link
from models.tables.core import BELL, EVENT, INBOX, NOTICE, TICKET
from tests.store.factories import (
    RESULT,
    advance_tickets,
    at,
    feed,
    letter,
    log_of,
    message,
    prepared_store,
    row_of,
)


def _bells(store: Store) -> list[tuple[str, int, datetime]]:
    with store.reading() as session:
        rows = session.execute(select(BELL.c.queue, BELL.c.row_id, BELL.c.ring_at)).all()
    return [(row.queue, row.row_id, row.ring_at) for row in rows]


def test_received_to_dispatched_in_one_transaction(store: Store) -> None:
    """A letter is a ticket with its unit, its clock and its notice after one advance."""
    feed(store, [letter("A1", "2026-11-02T09:00")], at("2026-11-02T09:01"))
    advance_tickets(store, ["A1"], at("2026-11-02T09:01"))
    names = [e.name for e in log_of(store, "A1")]
    assert names == [
        "ticket.received",
        "ticket.routed",
        "ticket.dispatched",
        "clock.started",
        "notice.queued",
    ]
    row = row_of(store, "A1")
    assert (row.status, row.unit, row.due) == (
        "dispatched",
        "城市管理和综合执法局",
        at("2026-11-03T17:30"),
    )
    assert _bells(store) == [("escalation", row.id, at("2026-11-03T17:30"))]


def test_what_has_been_done_is_not_done_again(store: Store) -> None:
    """A second and a third bell find nothing to do."""
    feed(store, [letter("A2", "2026-11-02T09:00")], at("2026-11-02T09:00"))
    advance_tickets(store, ["A2"], at("2026-11-10T09:00"))
    before = len(log_of(store, "A2"))
    for _ in range(2):
        advance_tickets(store, ["A2"], at("2026-11-10T09:00"))
    assert len(log_of(store, "A2")) == before


def test_a_message_before_its_ticket_waits_for_it(store: Store) -> None:
    """It is applied with the receipt; without one it is refused after a week."""
    now = at("2026-11-02T10:00")
    feed(store, [message("A3", "unit.accepted", "2026-11-02T09:30")], now)
    advance_tickets(store, ["A3"], now)
    assert row_of(store, "A3") is None
    feed(store, [letter("A3", "2026-11-02T09:00")], now)
    advance_tickets(store, ["A3"], now)
    assert row_of(store, "A3").status == "handling"
    feed(store, [message("A4", "unit.accepted", "2026-11-02T09:30")], now)
    advance_tickets(store, ["A4"], now)
    with store.reading() as session:
        waiting = session.execute(select(INBOX).where(INBOX.c.ticket == "A4")).one()
    assert waiting.state == "waiting"
    assert ("routing", waiting.id, now + timedelta(days=7)) in _bells(store)
    advance_tickets(store, ["A4"], now + timedelta(days=7))
    with store.reading() as session:
        refused = session.execute(select(INBOX).where(INBOX.c.ticket == "A4")).one()
    assert refused.state == "refused"
    assert row_of(store, "A4") is None


def test_an_unreadable_receipt_makes_no_ticket(store: Store) -> None:
    """It is kept with its reason; corrected under the same id it becomes the ticket."""
    now = at("2026-11-02T09:00")
    feed(store, [letter("A5", "2026-11-02T09:00", category="表扬")], now)
    assert advance_tickets(store, ["A5"], now).refused == 1
    assert row_of(store, "A5") is None
    assert feed(store, [letter("A5", "2026-11-02T09:00", category="表扬")], now).duplicate == 1
    assert feed(store, [letter("A5", "2026-11-02T09:00", category="求助")], now).enqueued == 1
    advance_tickets(store, ["A5"], now)
    assert row_of(store, "A5").category == "help"


def test_the_log_is_a_chain(store: Store) -> None:
    """Each line's hash covers it and the line before, recomputed here from the rows."""
    feed(store, [letter("A6", "2026-11-02T09:00")], at("2026-11-02T09:00"))
    advance_tickets(store, ["A6"], at("2026-11-20T09:00"))
    chain = first_link("A6")
    with store.reading() as session:
        session.load_salts(["A6"])
    for row in log_of(store, "A6"):
        line = (row.seq, row.name, row.at.astimezone(UTC), row.moment.astimezone(UTC), row.cause)
        secret = b""
        if row.private is not None:
            texts = session.decrypt(EVENT.c.private, row, "A6")
            secret = store.cipher.commitment(msgspec.json.encode(texts))[:16]
        data = msgspec.json.encode(row.data, order="sorted")
        chain = store.cipher.chain_hash(chain + msgspec.json.encode(line) + data + secret)[:16]
        assert row.hash == chain, row.seq
    assert row_of(store, "A6").hash == chain


def test_only_the_highest_of_several_levels_sends_its_notice(store: Store) -> None:
    """After an outage each level is in the log with its own moment, and one notice goes out."""
    feed(store, [letter("A7", "2026-11-02T09:00")], at("2026-11-02T09:00"))
    advance_tickets(store, ["A7"], at("2026-12-01T09:00"))
    events = log_of(store, "A7")
    levels = [e.data["level"] for e in events if e.name == "alert.raised"]
    assert levels == ["prewarning", "yellow", "red"]
    kinds = [e.data["kind"] for e in events if e.name == "notice.queued"]
    assert [k for k in kinds if k in levels] == ["red"]
    red = next(e for e in events if e.data.get("kind") == "red")
    assert red.data["role"] == "principal_leader"


def test_a_level_that_a_result_kept_from_rising_is_told_after_an_outage(store: Store) -> None:
    """Yellow was reached and red was not, since the result was in: a late look raises yellow."""
    messages = [
        letter("AA", "2026-11-02T09:00", category="consultation"),
        message("AA", "unit.accepted", "2026-11-02T10:00"),
        message("AA", "result.submitted", "2026-11-04T10:00", **RESULT),
    ]
    feed(store, messages, at("2026-11-10T09:00"))
    advance_tickets(store, ["AA"], at("2026-11-10T09:00"))
    events = log_of(store, "AA")
    levels = [e.data["level"] for e in events if e.name == "alert.raised"]
    assert levels == ["prewarning", "yellow"]
    kinds = [e.data["kind"] for e in events if e.name == "notice.queued"]
    assert [k for k in kinds if k in ("prewarning", "yellow", "red")] == ["yellow"]


def _everything(store: Store, tickets: list[str]) -> list[tuple[Any, ...]]:
    """The log by effective moment, without notices and their recording."""
    return sorted(
        (n, e.moment, e.name, msgspec.json.encode(e.data, order="sorted"))
        for n in tickets
        for e in log_of(store, n)
        if not e.name.startswith("notice.")
    )


@pytest.mark.slow
def test_an_outage_changes_nothing_but_the_recording(store: Store) -> None:
    """Advancing every shift, twice a week or once at the end gives the same log by moments."""
    logs = []
    for name, step in (("S", timedelta(hours=8)), ("W", timedelta(hours=84)), ("E", None)):
        number = "same"
        messages = [
            letter(number, "2026-09-24T16:00", emergency="utilities", claimant={"name": name}),
            message(number, "contact.attempted", "2026-09-28T10:00", purpose="first",
                    outcome="no_answer", method="phone"),
            message(number, "extension.requested", "2026-09-30T15:00", facts="一", reasons="二",
                    progress="三", next_steps="四", claimant_told=True),
        ]  # fmt: skip
        renamed = [m | {"ticket": f"{number}{name}", "id": m["id"] + name} for m in messages]
        end = at("2026-11-20T09:00")
        if step is None:
            feed(store, renamed, end)
        else:
            now = at("2026-09-24T16:00")
            feed(store, renamed, now)
            while now < end:
                advance_tickets(store, [f"{number}{name}"], now)
                now += step
        advance_tickets(store, [f"{number}{name}"], end)
        rows = _everything(store, [f"{number}{name}"])
        logs.append([(moment, event, data) for _, moment, event, data in rows])
    assert logs[0] == logs[1] == logs[2]


def test_nothing_personal_lies_in_the_store_in_clear(store: Store, tmp_path: Path) -> None:
    """Name, phone and text of a claimant are in encrypted columns only; the title is redacted."""
    person = {"name": "测试者甲", "phone": "13900001111"}
    body = letter("A8", "2026-11-02T09:00", claimant=person, address="达濠某巷七号",
                  title="请回电13900001111", content="独一无二的正文")  # fmt: skip
    feed(store, [body], at("2026-11-02T09:00"))
    advance_tickets(store, ["A8"], at("2026-11-30T09:00"))
    words = ("测试者甲", "13900001111", "达濠某巷七号", "独一无二的正文")
    with store.reading() as session:
        for table in (INBOX, TICKET, EVENT, NOTICE):
            for row in session.execute(text(f"SELECT * FROM {table.name}")):
                row_text = repr(tuple(row))
                raw = b"".join(bytes(v) for v in row if isinstance(v, bytes | memoryview))
                for word in words:
                    assert word not in row_text
                    assert word.encode() not in raw
    assert row_of(store, "A8").title == "请回电139****1111"
    if store.url.startswith("sqlite"):
        kept = (tmp_path / "hotline.db").read_bytes()
        assert all(word.encode() not in kept for word in words)


def test_a_ticket_older_than_the_first_policy_says_so(store: Store) -> None:
    """It stays under the first policy, and its log says so (Regulation 7.2)."""
    feed(store, [letter("A9", "2019-03-04T09:00")], at("2026-11-02T09:00"))
    advance_tickets(store, ["A9"], at("2026-11-02T09:00"))
    first = log_of(store, "A9")[0]
    assert first.moment == at("2019-03-04T09:00")
    assert first.data["note"]["text"].startswith("older than the first policy")
    assert row_of(store, "A9").level == "red"


def test_a_worker_that_hangs_while_it_begins_tickets_keeps_nobody(postgres_database: str) -> None:
    """Another worker that is rung for the same new tickets skips them at once, and says so."""
    with prepared_store(postgres_database) as store:
        now = at("2026-11-02T09:00")
        numbers = [f"H{n}" for n in range(3)]
        feed(store, [letter(n, "2026-11-02T09:00") for n in numbers], now)
        with store.writing() as hanging:
            advance(hanging, numbers[:2], load_rulebook(hanging), now)
            drop = {"intake": [1, 2, 3]}
            with store.writing() as other:
                result = advance(other, numbers, load_rulebook(other), now)
                ring_again(other, drop, now)
            assert (result.skipped, result.tickets) == (numbers[:2], 1)
        assert all(row_of(store, n).status == "dispatched" for n in numbers)
