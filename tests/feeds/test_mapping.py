"""Mappings: what they can say, and what is said to those who mistype."""

from pathlib import Path

import pytest

from scripts.ingest.mapping import FIELDS, InvalidMapping, load_mapping, shipped_mappings
from scripts.ingest.records import MAPPINGS, ColumnsUnknown
from tests.feeds.feed_files import delimited, messages, reason, records

CITY = """
name = "city"
headers = ["Case No", "Opened", "Kind"]
dates = ["%d/%m/%Y %H:%M"]
zone = "Asia/Urumqi"
empty = ["N/A"]

[columns]
ticket = ["Case No", "Case Number"]
at = "Opened"
category = "Kind"
street = "Street"
unit = ["Bureau", "Unit"]
"claimant.phone" = "Phone"
"statutory_limit.workdays" = "Days"

[constants]
unit = "城管局"
"claimant.contact" = "unwanted"

[values.category]
"A" = "consultation"
"B" = "complaint"
"""


TITLELESS = """
name = "city"
headers = ["编号", "时间", "内容"]
[columns]
ticket = "编号"
at = "时间"
content = "内容"
[constants]
category = "complaint"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "city.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_city_says_which_column_is_what(tmp_path: Path) -> None:
    mapping = written(tmp_path, CITY)
    table = [
        ("OPENED", "case  no", "Kind", "Unit", "Phone", "Days"),
        ("03/09/2026 08:05", "7", "B", "N/A", "13800000000", "5"),
        ("03/09/2026 08:05", "8", "A", "住建局", "N/A", "soon"),
    ]
    first, second = messages(delimited(table).encode(), tmp_path, mapping=mapping)
    assert first == {
        "type": "ticket.received",
        "ticket": "7",
        "id": "7",
        "at": "2026-09-03T08:05:00+06:00",
        "category": "complaint",
        "unit": "城管局",
        "claimant": {"phone": "13800000000", "contact": "unwanted"},
        "statutory_limit": {"workdays": 5},
    }
    assert second["unit"] == "住建局"
    assert second["claimant"] == {"contact": "unwanted"}
    assert second["statutory_limit"] == {"workdays": "soon"}


def test_a_word_that_is_not_translated_is_refused(tmp_path: Path) -> None:
    mapping = written(tmp_path, CITY)
    table = [("Case No", "Opened", "Kind"), ("7", "03/09/2026 08:05", "C")]
    (record,) = records(delimited(table).encode(), tmp_path, mapping=mapping)
    assert 'The cell "Kind" holds a word that the mapping city does not translate' in reason(record)


def test_only_the_mapping_that_was_given_is_tried(tmp_path: Path) -> None:
    table = [("留言编号", "留言用户", "留言主题", "留言时间", "留言详情")]
    with pytest.raises(ColumnsUnknown, match=r"Known: city \(Case No, Opened, Kind\)\."):
        records(delimited(table).encode(), tmp_path, mapping=written(tmp_path, CITY))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("headers =", "header =", 'line 3: header: there is no such key; did you mean "headers"?'),
        (
            "ticket =",
            "tiket =",
            "line 9: columns.tiket: there is no such key; did",
        ),
        ('"claimant.phone"', '"claimant.fone"', 'did you mean "claimant.phone"?'),
        (
            "[values.category]",
            "[values.categories]",
            "values.categories: there is no such key",
        ),
        ('"claimant.contact" =', '"id" =', "constants.id: there is no such key"),
        ('name = "city"', "name = 7", "line 2: name: write a text in quotes"),
        ('name = "city"', 'name = "monitor"', 'name: it must be a name of its own, not "monitor"'),
        ('name = "city"', "", "name: it is missing"),
        ('at = "Opened"', "", "line 8: columns.at: it is missing"),
        ('["Case No", "Opened", "Kind"]', "[]", "headers: it must list the columns"),
        ("%d/%m/%Y %H:%M", "%d/%m/%Q", 'line 4: dates.1: write "iso"'),
        ("%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%Y", 'not "%d/%m/%Y %H:%M:%Y"'),
        ("%d/%m/%Y %H:%M", "european", 'not "european"'),
        ("Asia/Urumqi", "Asia/Shantou", 'zone: this machine knows no zone "Asia/Shantou"'),
        ("[columns]", "[columns", "not valid TOML"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(
    old: str, new: str, expected: str, tmp_path: Path
) -> None:
    assert old in CITY
    path = written(tmp_path, CITY.replace(old, new))
    with pytest.raises(InvalidMapping) as caught:
        load_mapping(path)
    assert str(caught.value).startswith(str(path))
    assert expected in str(caught.value)


def test_a_mapping_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidMapping, match="No such file"):
        load_mapping(tmp_path / "none.toml")


def test_each_mapping_of_the_project_has_a_source_of_its_own() -> None:
    names = [mapping.name for mapping in shipped_mappings()]
    assert names == [path.stem for path in sorted(MAPPINGS.glob("*.toml"))]
    assert len(names) == len(set(names))


def test_the_guide_names_every_field() -> None:
    guide = (MAPPINGS / "README.md").read_text(encoding="utf-8")
    assert all(f"`{field}`" in guide for field in FIELDS)


def test_a_table_without_titles_has_the_letters_themselves(tmp_path: Path) -> None:
    """What is shown is made of category and place then (tests/store/test_titles.py)."""
    mapping = written(tmp_path, TITLELESS)
    table = [
        ("编号", "时间", "内容"),
        ("7", "2026-09-03 08:05", "路灯坏了"),
        ("8", "2026-09-03", ""),
    ]
    first, second = messages(delimited(table).encode(), tmp_path, mapping=mapping)
    assert (first["title"], first["content"]) == ("路灯坏了", "路灯坏了")
    assert "title" not in second
