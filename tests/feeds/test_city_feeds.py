"""Real letters of real people, where they lie beside the repository: nothing of them is lost."""

from pathlib import Path
from typing import Any

import pytest

from scripts.ingest.feed_reader import FeedOptions, read_feed
from scripts.ingest.records import NoLetters
from tests.feeds.city_feeds import real_feed

pytestmark = pytest.mark.feeds


@pytest.mark.parametrize(
    ("name", "count", "distinct"),
    [
        ("messages_2019.xlsx", 4_326, 4_326),
        ("messages_with_replies.xlsx", 2_816, 2_816),
        ("labelled_topics.csv", 248, 247),
    ],
)
def test_every_letter_is_a_message(name: str, count: int, distinct: int) -> None:
    rows = list(read_feed(real_feed(name)))
    assert len(rows) == count
    assert sum(row.message is None for row in rows) == 0
    assert {row.source for row in rows} == {"provincial-board"}
    made = [row.message for row in rows if row.message]
    assert len({message["id"] for message in made}) == distinct
    assert all(str(message["ticket"]).isdecimal() for message in made)
    assert all(message["title"] and message["content"] for message in made)


def test_a_tree_of_topics_is_not_taken_for_letters() -> None:
    with pytest.raises(NoLetters):
        list(read_feed(real_feed("topic_tree.xlsx")))


@pytest.mark.parametrize(
    ("name", "source", "count"),
    [
        ("replies_gbk.csv", "provincial-board", 2_816),
        ("nyc311.csv", "nyc311", 1_999),
        ("chicago_open311.json", "open311", 50),
    ],
)
def test_other_feeds_need_no_option(name: str, source: str, count: int) -> None:
    rows = list(read_feed(real_feed(name)))
    assert {row.source for row in rows} == {source}
    assert sum(row.message is not None for row in rows) == len(rows) == count


def test_one_set_of_rows_in_five_dresses_is_one_set_of_tickets() -> None:
    def made(name: str) -> dict[Any, object]:
        rows = read_feed(real_feed(f"boston311/boston311-{name}"))
        return {row.message["id"]: (row.message, row.later) for row in rows if row.message}

    plain = made("100.csv")
    assert len(plain) == 100
    assert made("dmy-100.csv") == plain
    assert made("100.jsonl") == plain
    torn = made("100-bad.tsv")
    assert len(torn) == 99
    assert torn.items() <= plain.items()
    assert len(made("100-20dupes-random.csv")) == 80


def test_replies_in_gb18030_without_a_mark(tmp_path: Path) -> None:
    mapping = tmp_path / "replies.toml"
    mapping.write_text(
        'name = "replies"\nheaders = ["留言编号", "答复意见"]\n'
        '[columns]\nticket = "留言编号"\nat = "first"\ncontent = "答复意见"\n',
        encoding="utf-8",
    )
    rows = list(read_feed(real_feed("replies_gbk.csv"), FeedOptions(mapping=mapping)))
    assert len(rows) == 2_816
    texts = [row.raw["答复意见"] for row in rows if isinstance(row.raw, dict)]
    assert sum("\ufffd" in text for text in texts) == 0
    assert any("您好" in text for text in texts)
