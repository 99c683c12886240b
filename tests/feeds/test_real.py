"""Real letters of real people, where they lie beside the repository: nothing of them is lost."""

from pathlib import Path

import pytest

from scripts.feeds.reading import Options, read
from scripts.feeds.rows import ColumnsUnknown
from tests.feeds.real import real_feed

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
    rows = list(read(real_feed(name)))
    assert len(rows) == count
    assert sum(row.message is None for row in rows) == 0
    assert {row.source for row in rows} == {"provincial-board"}
    made = [row.message for row in rows if row.message]
    assert len({message["id"] for message in made}) == distinct
    assert all(str(message["ticket"]).isdecimal() for message in made)
    assert all(message["title"] and message["content"] for message in made)


@pytest.mark.parametrize("name", ["replies_gbk.csv", "nyc311.csv", "topic_tree.xlsx"])
def test_other_tables_are_not_taken_for_letters(name: str) -> None:
    with pytest.raises(ColumnsUnknown):
        list(read(real_feed(name)))


def test_replies_in_gb18030_without_a_mark(tmp_path: Path) -> None:
    mapping = tmp_path / "replies.toml"
    mapping.write_text(
        'name = "replies"\nheaders = ["留言编号", "答复意见"]\n'
        '[columns]\nticket = "留言编号"\nat = "first"\ncontent = "答复意见"\n',
        encoding="utf-8",
    )
    rows = list(read(real_feed("replies_gbk.csv"), Options(mapping=mapping)))
    assert len(rows) == 2_816
    texts = [row.raw["答复意见"] for row in rows if isinstance(row.raw, dict)]
    assert sum("\ufffd" in text for text in texts) == 0
    assert any("您好" in text for text in texts)
