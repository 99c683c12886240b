"""Dates as cities write them: each form is read, nothing is guessed, and zones are said."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from models.rules.calendar import SHANGHAI
from scripts.ingest.dates import Dated, is_date_form, parse_dated, parse_instant
from scripts.ingest.feed_reader import FeedOptions, read_feed
from scripts.ingest.mapping import InvalidMapping, load_mapping
from scripts.ingest.records import MAPPINGS, Cell
from tests.feeds.feed_files import delimited, lines, records

AT = datetime(2026, 10, 12, 8, 30, tzinfo=SHANGHAI)
OPEN311 = {
    "service_request_id": "1",
    "status": "open",
    "service_name": "Light",
    "requested_datetime": "2026-10-12T08:30:00",
}


@pytest.mark.parametrize(
    ("cell", "form"),
    [
        ("1791765000", "unix"),
        pytest.param(1791765000, "unix", id="a number"),
        (1791765000.0, "unix"),
        ("1791765000.25", "unix"),
        ("1791765000000", "unix"),
        (1791765000000.0, "unix"),
        ("/Date(1791765000000+0800)/", "unix"),
        ("2026.10.12 08:30", "%Y.%m.%d %H:%M"),
        ("2026.10.12 8:30:00", "%Y.%m.%d %H:%M:%S"),
        ("2026年10月12日 8时30分", "%Y年%m月%d日 %H时%M分"),
        ("2026年10月12日8时30分", "%Y年%m月%d日 %H时%M分"),
        ("2026 年 10 月 12 日 8 时 30 分", "%Y年%m月%d日 %H时%M分"),
        ("2026年10月12日 星期一 08:30", "%Y年%m月%d日 %H:%M"),
        ("2026-10-12（周一）08：30", "%Y-%m-%d %H:%M"),
        ("２０２６年１０月１２日 ８：３０", "%Y年%m月%d日%H:%M"),
        ("2026-10-12 8:30:00", "%Y-%m-%d %H:%M:%S"),
        ("2026-10-12 上午8:30", "%Y-%m-%d %p%I:%M"),
        ("2026/10/12 上午 08:30:00", "%Y/%m/%d %p%I:%M:%S"),
        ("2026/10/12 8:30 a.m.", "%Y/%m/%d %I:%M %p"),
        ("10/12/2026 08:30AM", "%m/%d/%Y %I:%M %p"),
        ("20261012083000", "%Y%m%d%H%M%S"),
        (20261012083000.0, "%Y%m%d%H%M%S"),
        ("202610120830", "%Y%m%d%H%M"),
        ("2026-10-12 00:30:00 UTC", "%Y-%m-%d %H:%M:%S %Z"),
        ("Mon Oct 12 00:30:00 UTC 2026", "%a %b %d %H:%M:%S %Z %Y"),
        ("Mon Oct 12 08:30:00 +0800 2026", "%a %b %d %H:%M:%S %z %Y"),
        ("2026-10-12 08:30:00.0", "iso"),
    ],
)
def test_each_way_to_write_a_moment_is_read(cell: Cell, form: str) -> None:
    assert is_date_form(form)
    at = parse_instant(cell, (form,), SHANGHAI)
    assert at is not None
    assert at.replace(microsecond=0) == AT


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("下午3:05", 15),
        ("下午 3:05", 15),
        ("下午15:05", 15),
        ("下午12:05", 12),
        ("上午12:05", 0),
        ("中午12:05", 12),
        ("中午1:05", 13),
        ("凌晨12:05", 0),
        ("凌晨3:05", 3),
        ("早上8:05", 8),
        ("晚上8:05", 20),
        ("3:05 pm", None),
        ("晚上12:05", None),  # of which day?
        ("上午15:05", None),
        ("早上12:05", None),
        ("凌晨8:05", None),
    ],
)
def test_parts_of_the_day_mean_their_hours(text: str, hour: int | None) -> None:
    at = parse_instant(f"2026-10-12 {text}", ("%Y-%m-%d %p%I:%M",), SHANGHAI)
    assert at == (None if hour is None else AT.replace(hour=hour, minute=5))


@pytest.mark.parametrize(
    ("cell", "form"),
    [
        ("2026101283000", "%Y%m%d%H%M%S"),  # a digit is gone: which?
        ("2026112", "%Y%m%d"),
        ("202610120830", "unix"),
        ("43000", "unix"),
        ("17917650000", "unix"),
        ("1791765000", "excel"),
        ("1791765000", "iso"),
        ("20261012083000", "iso"),
        ("2026-10-12 08:30:00 CST", "%Y-%m-%d %H:%M:%S %Z"),  # Beijing's or Chicago's
        ("Mon Oct 12 08:30:00 CST 2026", "%a %b %d %H:%M:%S %Z %Y"),
        ("2026-13-12 08:30", "%Y-%m-%d %H:%M"),
        ("", "unix"),
        (True, "unix"),
    ],
)
def test_what_may_mean_two_things_is_not_guessed(cell: Cell, form: str) -> None:
    assert parse_instant(cell, (form,), SHANGHAI) is None


def test_a_day_and_a_zone_are_told_from_a_moment() -> None:
    forms = ("iso", "unix", "%Y.%m.%d")
    new_york = ZoneInfo("America/New_York")
    assert parse_dated("2026.10.12", forms, SHANGHAI) == Dated(
        AT.replace(hour=0, minute=0), is_day=True, assumed=True
    )
    dated = parse_dated("1791765000", forms, new_york)
    assert dated is not None
    assert (dated.at, dated.assumed, dated.is_day) == (AT, False, False)


@pytest.mark.parametrize("forms", [("%m.%d.%Y", "%d.%m.%Y"), ("%m-%d-%Y %H:%M", "%d/%m/%Y")])
def test_day_first_and_month_first_are_not_in_one_mapping(
    forms: tuple[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "city.toml"
    path.write_text(
        f'name = "c"\nheaders = ["a"]\ndates = {list(forms)}\n[columns]\nticket = "a"\nat = "b"\n'
    )
    with pytest.raises(InvalidMapping, match="not both"):
        load_mapping(path)


def _san_francisco(folder: Path) -> Path:
    path = folder / "sf.toml"
    text = (MAPPINGS / "open311.toml").read_text(encoding="utf-8")
    path.write_text(f'zone = "America/Los_Angeles"\n{text}', encoding="utf-8")
    return path


def test_the_zone_of_times_without_an_offset_is_the_mappings(tmp_path: Path) -> None:
    content = lines(OPEN311)
    (record,) = records(content, tmp_path, mapping=_san_francisco(tmp_path))
    assert record.message is not None
    assert record.message["at"] == "2026-10-12T08:30:00-07:00"
    assert record.notes == ()


@pytest.mark.parametrize("written", ["json", "xml"])
def test_a_zone_that_is_assumed_is_said(written: str, tmp_path: Path) -> None:
    path = tmp_path / "page"
    if written == "json":
        path.write_bytes(lines(OPEN311))
    else:
        fields = "".join(f"<{name}>{value}</{name}>" for name, value in OPEN311.items())
        path.write_text(f"<service_requests><request>{fields}</request></service_requests>")
    (record,) = read_feed(path, FeedOptions())
    assert record.message is not None
    assert record.message["at"] == "2026-10-12T08:30:00+08:00"
    (note,) = [n.text.format(**n.args) for n in record.notes]
    assert "taken for times in Asia/Shanghai" in note
    assert '"zone" of the mapping open311' in note
    assert "flags" not in record.message, "it is told, and is no matter of the letter"


def test_dates_with_an_offset_need_no_zone(tmp_path: Path) -> None:
    (record,) = records(lines(OPEN311 | {"requested_datetime": "2026-10-12T08:30Z"}), tmp_path)
    assert record.notes == ()
    board = ("留言编号", "留言用户", "留言主题", "留言时间", "留言详情")
    table = [board, ("1", "某女士", "路灯不亮", "2026/10/12 8:30", "坏了。")]
    (record,) = records(delimited(table).encode(), tmp_path)
    assert record.notes == (), "the mapping of a Chinese board says it"
