"""A number that spreadsheets dress is one ticket, also where an older release took it as it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.clock import system_clock
from models.database import Store
from models.operations.inbox import add_messages
from scripts.ingest.feed_reader import FeedOptions, read_feed
from scripts.ingest.pipeline import FeedCounts, IngestPipeline
from tests.feeds.feed_files import delimited
from tests.scripts.test_intake import stored
from tests.store.factories import advance_tickets, log_of

MAPPING = """
name = "city"
headers = ["编号", "时间", "内容"]
zone = "Asia/Shanghai"
[columns]
ticket = "编号"
id = "流水号"
at = "时间"
title = "内容"
content = "内容"
[constants]
category = "complaint"
unit = "城市管理和综合执法局"
"""
REPLIES = """
name = "replies"
source = "city"
letters = false
headers = ["编号", "答复"]
undated = "arrival"
[columns]
ticket = "编号"
[[later]]
name = "replied"
type = "progress.reported"
at = "答复"
columns = { text = "答复" }
"""
DRESSED = ["'347", '="347"', "３４７", "347.0"]
AT = "2026-10-12T08:30:00+08:00"
KNOWN, CHANGED = FeedCounts(1, 0, 1, 0), FeedCounts(1, 1, 0, 0)
Feed = Callable[..., FeedCounts]


@pytest.fixture
def take(store: Store, tmp_path: Path) -> Feed:
    """Feed rows under these columns."""

    def take(
        *rows: tuple[str, ...],
        columns: tuple[str, ...] = ("编号", "时间", "内容"),
        mapping: str = MAPPING,
    ) -> FeedCounts:
        file, path = tmp_path / "city.toml", tmp_path / "feed.csv"
        file.write_text(mapping, encoding="utf-8")
        path.write_text(delimited([columns, *rows]), encoding="utf-8")
        pipeline = IngestPipeline(store, tmp_path / "refused.jsonl")
        pipeline.take(list(read_feed(path, FeedOptions(mapping=file))))
        return pipeline.counts

    return take


def row(number: str, text: str = "路灯不亮", **more: str) -> tuple[str, ...]:
    return (number, AT, text, *more.values())


def taken_before(store: Store, ticket: str, letter_id: str, **more: Any) -> None:
    """A letter as an older release put it into the inbox."""
    letter = {"type": "ticket.received", "ticket": ticket, "id": letter_id, "at": AT}
    letter |= {"title": "路灯不亮", "content": "路灯不亮", "category": "complaint", **more}
    with store.writing() as session:
        assert add_messages(session, "city", [letter], system_clock()).enqueued == 1


def test_a_number_in_five_dresses_is_one_ticket(store: Store, take: Feed) -> None:
    rows = [row(number) for number in ("347", *DRESSED)]
    assert take(*rows) == FeedCounts(5, 1, 4, 0)
    assert [body["ticket"] for body in stored(store)] == ["347"]
    for number in ("347", *DRESSED):
        assert take(row(number)) == KNOWN
        assert take(row(number, text=f"路灯不亮{number}")) == CHANGED
        assert take(row(number)) == CHANGED, "taken back"
    assert {body["ticket"] for body in stored(store)} == {"347"}


@pytest.mark.parametrize("old", [*DRESSED, "12,347"])
@pytest.mark.parametrize("new", ["plain", "as before", "another dress"])
def test_a_ticket_that_is_in_under_a_dressed_number_stays_known(
    store: Store, take: Feed, old: str, new: str
) -> None:
    taken_before(store, old, old)
    plain = "12347" if "," in old else "347"
    number = {"plain": plain, "as before": old, "another dress": f"'{plain}"}[new]
    cell = f'"{number}"' if "," in number else number
    assert take(row(cell)) == KNOWN
    assert take(row(cell, text="还是不亮"), row("9")) == FeedCounts(2, 2, 0, 0)
    assert take(row(cell, text="还是不亮")) == KNOWN
    letters = stored(store, "ticket.received")
    assert [body["ticket"] for body in letters] == [old, "9"]
    (change,) = stored(store, "claimant.%")
    assert change["ticket"] == old
    assert change["id"].startswith(f"{old}#changed#")


def test_a_dressed_number_beside_an_id_stays_the_tickets(store: Store, take: Feed) -> None:
    taken_before(store, "'347", "77")
    taken_before(store, "348.0", "'78")
    advance_tickets(store, ["'347", "348.0"], system_clock())
    columns = ("编号", "时间", "内容", "流水号")
    changed = [row("347", text="还是不亮", id="77"), row("348", text="还是不亮", id="78")]
    assert take(*changed, columns=columns) == FeedCounts(2, 2, 0, 0)
    assert take(*changed, columns=columns) == FeedCounts(2, 0, 2, 0)
    assert [b["ticket"] for b in stored(store, "claimant.%")] == ["'347", "348.0"]


def test_letters_with_a_key_stay_known(store: Store, take: Feed) -> None:
    keyed = f'key = ["内容"]\n{MAPPING}'
    take(row("347"), mapping=keyed)
    (first,) = stored(store)
    digest = first["ticket"].removeprefix("347")
    taken_before(store, f"'348{digest}", f"'348{digest}")
    assert take(row("348"), mapping=keyed) == KNOWN
    assert take(row("348", text="井盖丢了"), mapping=keyed) == CHANGED


def test_a_reply_finds_its_ticket_under_the_dressed_number(store: Store, take: Feed) -> None:
    taken_before(store, "'347", "'347", unit="城市管理和综合执法局")
    advance_tickets(store, ["'347"], system_clock())
    answered = ("347", "正在处理")
    for counts in (CHANGED, KNOWN):
        assert take(answered, columns=("编号", "答复"), mapping=REPLIES) == counts
    advance_tickets(store, ["'347"], system_clock())
    assert [e.name for e in log_of(store, "'347")].count("progress.reported") == 1
    assert take(("999", "正在处理"), columns=("编号", "答复"), mapping=REPLIES).read == 1
