"""Decision 34: history is fed without telling anybody, now and in every later telling."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models.clock import system_clock
from models.database import Store
from models.operations.inbox import add_messages
from models.rules.calendar import SHANGHAI
from models.tables.core import INBOX
from scripts.ingest.feed_reader import FeedOptions, read_feed
from scripts.ingest.mapping import load_mapping
from scripts.ingest.pipeline import IngestPipeline, QuietInFuture
from scripts.replay.replay import ReplaySetup, replay
from tests.rules.district import POLICY_TEXT
from tests.store.factories import RESULT, advance_tickets, at, feed, letter, message, simple_units
from tests.workers.dispatching import notices

R = letter("Q1", "2026-03-02T09:00")
ACCEPTED = message("Q1", "unit.accepted", "2026-03-02T10:00")
QUIET = at("2026-11-01T00:00")


def feed_quietly(store: Store, messages: list[dict[str, Any]], now: str) -> None:
    """Feed messages as history, and advance the ticket."""
    with store.writing() as session:
        add_messages(session, "messages", messages, at(now), quiet_before=QUIET)
    advance_tickets(store, ["Q1"], at(now))


def test_history_is_told_to_nobody(store: Store) -> None:
    """Neither its messages nor its cards; a late message does not tell of them either."""
    feed_quietly(store, [R, ACCEPTED], "2026-11-02T09:00")
    assert notices(store) == []
    late = [
        message("Q1", "contact.attempted", "2026-03-02T11:00", purpose="first", outcome="reached",
                method="phone"),
    ]  # fmt: skip
    feed(store, late, at("2026-11-02T10:00"))
    advance_tickets(store, ["Q1"], at("2026-11-02T10:00"))
    assert [n.kind for n in notices(store)] == []
    feed(
        store,
        [message("Q1", "result.submitted", "2026-11-02T11:00", **RESULT)],
        at("2026-11-02T11:00"),
    )
    advance_tickets(store, ["Q1"], at("2026-11-02T11:00"))
    assert {n.kind for n in notices(store)} == {"result_submitted"}


def test_replies_of_history_to_a_known_ticket_are_quiet_too(store: Store) -> None:
    """The day holds for the ticket from the first message of the feed that it takes."""
    feed(store, [R], at("2026-03-02T09:00"))
    advance_tickets(store, ["Q1"], at("2026-03-02T09:00"))
    before = len(notices(store))
    done = message("Q1", "result.submitted", "2026-03-02T15:00", **RESULT)
    feed_quietly(store, [ACCEPTED, done], "2026-11-02T09:00")
    assert len(notices(store)) == before


def test_a_feed_marks_its_messages_by_option_or_mapping(store: Store, tmp_path: Path) -> None:
    """A day of the option goes before that of the mapping; one in the future is refused."""
    mapping = tmp_path / "city.toml"
    mapping.write_text(
        'name = "city"\nheaders = ["编号", "时间", "内容"]\nquiet_before = 2026-01-05\n'
        '[columns]\nticket = ["编号"]\nat = ["时间"]\ntitle = ["内容"]\ncontent = ["内容"]\n'
        '[constants]\ncategory = "求助"\n',
        "utf-8",
    )
    assert str(load_mapping(mapping).quiet_before) == "2026-01-05"
    file = tmp_path / "letters.jsonl"
    file.write_text(json.dumps(R, ensure_ascii=False) + "\n", "utf-8")
    options = FeedOptions(mapping=mapping)
    now = system_clock()
    pipeline = IngestPipeline(store, tmp_path / "refused", quiet_before=options.quiet_day())
    pipeline.take(list(read_feed(file, FeedOptions())))
    with store.reading() as session:
        (quiet,) = session.scalars(select(INBOX.c.quiet_before))
    assert quiet == at("2026-01-05T00:00")
    given = FeedOptions(mapping=mapping, quiet_before=now.date())
    assert given.quiet_day() == now.date()
    future = now.astimezone(SHANGHAI).date().replace(year=now.year + 1, day=1)
    with pytest.raises(QuietInFuture, match=future.isoformat()):
        IngestPipeline(store, tmp_path / "refused", quiet_before=future)


def test_a_replay_is_quiet_too(tmp_path: Path) -> None:
    """It writes the log that the service would write."""
    file = tmp_path / "life.jsonl"
    file.write_text("".join(json.dumps(m) + "\n" for m in (R, ACCEPTED)), "utf-8")
    setup = ReplaySetup([(POLICY_TEXT, "policy")], simple_units(), quiet_before=QUIET.date())
    names = {event["event"] for event in replay(file, setup, at("2026-04-01T00:00"), 1)}
    assert "alert.raised" in names
    assert "notice.queued" not in names
