"""A first mapping from headers and data: it loads, and reads what it says it would."""

import gc
from datetime import datetime
from pathlib import Path

import pytest

from models.rules.calendar import SHANGHAI
from scripts.ingest.feed_reader import FeedOptions, read_feed
from scripts.ingest.mapping import load_mapping
from scripts.ingest.mapping_suggestion import suggest_mapping
from scripts.ingest.records import FeedUnreadable
from tests.feeds.feed_files import delimited, lines, workbook

TABLE = [
    (
        "工单编号",
        "来电人",
        "联系电话",
        "诉求类型",
        "标题",
        "诉求内容",
        "来电时间",
        "办结时间",
        "办理结果",
    ),
    (
        "S1",
        "张三",
        "13812340000",
        "咨询类",
        "社保",
        "怎么缴？",
        "03/09/2026 08:05",
        "04/09/2026 09:00",
        "已答",
    ),
    ("S2", "李四", "13900001111", "投诉", "路灯", "坏了。", "13/09/2026 08:05", "", ""),
    ("S3", "王五", "", "其他", "噪音", "太吵。", "14/09/2026 18:05", "", ""),
]


@pytest.mark.parametrize("form", ["delimited", "workbook", "lines"])
def test_a_suggestion_loads_and_reads_the_file(form: str, tmp_path: Path) -> None:
    content = {
        "delimited": delimited(TABLE, ";").encode("gb18030"),
        "workbook": workbook([(), ("九月",), *TABLE]),
        "lines": lines(*(dict(zip(TABLE[0], row, strict=True)) for row in TABLE[1:])),
    }[form]
    path = tmp_path / "九月 letters.txt"
    path.write_bytes(content)
    text = suggest_mapping(path, FeedOptions())
    written = tmp_path / "city.toml"
    written.write_text(text, encoding="utf-8")
    assert load_mapping(written).name == "九月-letters"
    rows = list(read_feed(path, FeedOptions(mapping=written)))
    made = [row.message for row in rows if row.message is not None]
    assert made[0] == {
        "type": "ticket.received",
        "ticket": "S1",
        "id": "S1",
        "at": "2026-09-03T08:05:00+08:00",
        "category": "consultation",
        "title": "社保",
        "content": "怎么缴？",
        "claimant": {"name": "张三", "phone": "13812340000"},
    }
    assert [m["category"] for m in made] == ["consultation", "complaint", "complaint"]
    assert [later["type"] for later in rows[0].later] == ["result.submitted"]
    assert '"其他" = "complaint"  # ?' in text


def test_the_preview_shows_nobody_in_clear(tmp_path: Path) -> None:
    path = tmp_path / "feed"
    path.write_text(delimited(TABLE), encoding="utf-8")
    preview = suggest_mapping(path, FeedOptions()).split("\n# ", 1)[1]
    assert "3" in preview
    assert "张**" in preview
    assert not any(word in preview.replace("标题", "") for word in ("张三", "13812340000", "李四"))


def test_a_sample_that_leaves_day_and_month_open_says_so(tmp_path: Path) -> None:
    path = tmp_path / "feed"
    path.write_text("id,created,title\n1,03/09/2026,a\n2,04/09/2026,b\n", encoding="utf-8")
    assert "Day or month first?" in suggest_mapping(path, FeedOptions())
    path.write_text("id,created,title\n1,03/09/2026,a\n2,24/09/2026,b\n", encoding="utf-8")
    assert "Day or month first?" not in suggest_mapping(path, FeedOptions())


def test_what_no_column_says_is_left_to_a_person(tmp_path: Path) -> None:
    path = tmp_path / "feed"
    path.write_text("title,content\na,b\n", encoding="utf-8")
    text = suggest_mapping(path, FeedOptions())
    assert 'ticket = "?"' in text
    assert 'at = "?"' in text


@pytest.mark.parametrize("content", [b"", b"[]", b"word\n", b"<a/>"])
def test_no_table_is_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "feed"
    path.write_bytes(content)
    with pytest.raises(FeedUnreadable, match="holds no table"):
        suggest_mapping(path, FeedOptions())


@pytest.mark.parametrize(
    "written",
    [
        "1791765000",
        "1791765000000",
        "2026.10.12 08:30",
        "2026年10月12日 8时30分",
        "2026年10月12日 上午8点30分",
        "2026-10-12 8:30:00",
        "2026/10/12 上午 8:30",
        "12-10-2026 08:30",
        "10/12/2026 08:30:00 AM",
        "20261012083000",
        "2026-10-12 00:30:00 UTC",
        "46307.354166667",
    ],
)
def test_a_suggestion_finds_the_form_of_dates(written: str, tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    dates = [written, written.replace("12", "28") if written.startswith("1") else written]
    rows = [("id", "created", "title"), *((str(n), at, "a") for n, at in enumerate(dates))]
    path.write_text(delimited(rows), encoding="utf-8")
    file = tmp_path / "city.toml"
    file.write_text(suggest_mapping(path, FeedOptions()), encoding="utf-8")
    first, *_others = read_feed(path, FeedOptions(mapping=file))
    assert first.message is not None
    at = datetime.fromisoformat(str(first.message["at"]))
    assert at == datetime(2026, 10, 12, 8, 30, tzinfo=SHANGHAI)


def test_a_long_file_is_read_no_further_than_the_preview(tmp_path: Path) -> None:
    """Whoever stops in the middle leaves no reader behind that fails."""
    path = tmp_path / "feed.csv"
    rows = [(f"S{n}", "03/09/2026 08:05", "a") for n in range(1_200)]
    path.write_text(delimited([("工单编号", "来电时间", "标题"), *rows]), encoding="utf-8")
    assert "1000" in suggest_mapping(path, FeedOptions())
    file = tmp_path / "city.toml"
    file.write_text(suggest_mapping(path, FeedOptions()), encoding="utf-8")
    records = read_feed(path, FeedOptions(mapping=file))
    next(records)
    del records
    gc.collect()
