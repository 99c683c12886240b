"""Numbers dressed by spreadsheets are one number, and one that lost digits is never guessed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.ingest.spreadsheet_numbers import DRESSES, is_rounded, undressed
from tests.feeds.feed_files import delimited, messages, reason, records, workbook

MAPPING = """
name = "city"
headers = ["No", "Opened", "Title"]
zone = "Asia/Shanghai"
[columns]
ticket = "No"
at = "Opened"
title = "Title"
category = "Kind"
"claimant.phone" = "Phone"
"statutory_limit.workdays" = "Days"
[values.category]
"1" = "help"
"""
COLUMNS = ("No", "Opened", "Title", "Kind", "Phone", "Days")


def city(folder: Path) -> Path:
    path = folder / "city.toml"
    path.write_text(MAPPING, encoding="utf-8")
    return path


def row(**cells: str) -> tuple[str, ...]:
    usual = {"No": "347", "Opened": "2026-10-12 08:30", "Title": "Lamp", "Kind": "1"}
    return tuple((usual | cells).get(name, "") for name in COLUMNS)


@pytest.mark.parametrize(
    "number",
    ["347", "'347", '="347"', '"=""347"""', "３４７", "347.0", "347.00", "’347", "\t347", "＇347"],
)
def test_one_number_in_any_dress(number: str, tmp_path: Path) -> None:
    content = delimited([COLUMNS, row(No=number)]).encode()
    (letter,) = messages(content, tmp_path, mapping=city(tmp_path))
    assert (letter["ticket"], letter["id"]) == ("347", "347")


def test_a_workbooks_numbers_are_those_of_the_text(tmp_path: Path) -> None:
    table = [COLUMNS, *[(number, *row()[1:]) for number in (347, 347.0, "347", "'347", "347.0")]]
    made = messages(workbook(table), tmp_path, mapping=city(tmp_path))
    assert {letter["ticket"] for letter in made} == {"347"}


@pytest.mark.parametrize(
    "number",
    [
        "DH-2026-347",
        "00347",
        "347.5",
        "1.2.0",
        "3,47",
        "濠城管〔2026〕347号",
        "347（补）",
        "a'b",
        "A 7",
    ],
)
def test_what_is_part_of_a_number_stays(number: str, tmp_path: Path) -> None:
    assert undressed(number) == number


@pytest.mark.parametrize(
    ("field", "written", "expected"),
    [
        ("Phone", "'13800001111", {"claimant": {"phone": "13800001111"}}),
        ("Phone", '="13800001111"', {"claimant": {"phone": "13800001111"}}),
        ("Phone", "13800001111.0", {"claimant": {"phone": "13800001111"}}),
        ("Phone", "１３８００００１１１１", {"claimant": {"phone": "13800001111"}}),
        ("Phone", "0754-88123456 转 801", {"claimant": {"phone": "0754-88123456 转 801"}}),
        ("Days", "5.0", {"statutory_limit": {"workdays": 5}}),
        ("Days", "'5", {"statutory_limit": {"workdays": 5}}),
        ("Kind", "1.0", {"category": "help"}),
        ("Kind", '="1"', {"category": "help"}),
        ("Opened", '="2026-10-12 08:30"', {"at": "2026-10-12T08:30:00+08:00"}),
        ("Opened", "'2026-10-12 08:30", {"at": "2026-10-12T08:30:00+08:00"}),
        ("Title", '="Lamp ""A"""', {"title": 'Lamp "A"'}),
        ("Title", "347.0", {"title": "347.0"}),
    ],
)
def test_other_fields_are_undressed_where_they_are_numbers(
    field: str, written: str, expected: dict[str, object], tmp_path: Path
) -> None:
    content = delimited([COLUMNS, row(**{field: written})]).encode()
    (letter,) = messages(content, tmp_path, mapping=city(tmp_path))
    assert letter.items() >= expected.items()


@pytest.mark.parametrize("written", ["1.38E+10", "1.38e10", "'1.38001E+10", "１.38E+10"])
def test_a_rounded_telephone_is_kept_and_flagged(written: str, tmp_path: Path) -> None:
    content = delimited([COLUMNS, row(Phone=written)]).encode()
    (record,) = records(content, tmp_path, mapping=city(tmp_path))
    assert record.message is not None
    assert record.message["claimant"] == {"phone": written}
    (note,) = [n.text.format(**n.args) for n in record.notes]
    assert '"Phone" was rounded by a spreadsheet' in note
    assert len(record.message["flags"]) == 1, "whoever calls sees it too"


def test_a_rounded_number_of_a_ticket_is_refused(tmp_path: Path) -> None:
    for number in ("3.47E+17", '="3.47E+17"'):
        content = delimited([COLUMNS, row(No=number)]).encode()
        (record,) = records(content, tmp_path, mapping=city(tmp_path))
        assert "rounded by a spreadsheet" in reason(record)


@given(st.integers(0, 10**18).map(str), st.sampled_from(sorted(DRESSES)))
def test_every_dress_comes_off(number: str, dress: str) -> None:
    assert undressed(DRESSES[dress].put_on(number)) == number


@given(st.text(max_size=20))
def test_nothing_is_undressed_twice(text: str) -> None:
    once = undressed(text)
    assert undressed(once) == once or is_rounded(once)
