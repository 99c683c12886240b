"""Follow-up messages of a row, and the errors that real feeds have."""

from pathlib import Path
from typing import Any

import pytest

from scripts.ingest.mapping import load_mapping
from scripts.ingest.records import ColumnsRenamed, ColumnsUnknown, FeedRecord
from tests.feeds.feed_files import HEADERS, LETTER, delimited, messages, reason, records

CITY = """
name = "city"
headers = ["No", "Opened", "Title", "Closed", "State"]
dates = ["%d/%m/%Y %H:%M", "%d/%m/%Y", "excel"]
zone = "America/New_York"
empty = ["N/A", "Unspecified"]
key = []

[columns]
ticket = "No"
at = "Opened"
title = "Title"
unit = "Bureau"

[kept]
agency = "Agency"

[constants]
category = "complaint"

[[later]]
name = "closed"
type = "result.submitted"
at = "Closed"
when = { "State" = ["Closed"] }
columns = { facts = "Reply" }
constants = { measures = "-", remedies = "-", basis = "-", disposal = "ordinary" }

[[later]]
name = "approved"
type = "result.reviewed"
after = "closed"
at = "Closed"
constants = { approved = true }
"""
COLUMNS = ("No", "Opened", "Title", "Closed", "State", "Reply", "Bureau", "Agency")
ROW = ("7", "03/09/2026 08:05", "Lamp", "04/09/2026 10:00", "closed", "Mended", "城管局", "DOT")


def city(folder: Path, *rows: tuple[str, ...], mapping: str = CITY, columns: Any = COLUMNS) -> Any:
    path = folder / "city.toml"
    path.write_text(mapping, encoding="utf-8")
    return records(delimited([columns, *rows]).encode(), folder, mapping=path)


def note_texts(record: FeedRecord) -> list[str]:
    return [note.text.format(**note.args) for note in record.notes]


def changed(**cells: str) -> tuple[str, ...]:
    return tuple(cells.get(name, cell) for name, cell in zip(COLUMNS, ROW, strict=True))


def test_a_row_tells_of_its_letter_and_of_what_came_of_it(tmp_path: Path) -> None:
    (record,) = city(tmp_path, ROW)
    assert record.message["agency"] == "DOT"
    result, reviewed = record.later
    assert result | {"id": ""} == {
        "id": "",
        "type": "result.submitted",
        "ticket": "7",
        "at": "2026-09-04T10:00:00-04:00",
        "unit": "城管局",
        "facts": "Mended",
        "measures": "-",
        "remedies": "-",
        "basis": "-",
        "disposal": "ordinary",
    }
    assert (reviewed["type"], reviewed["approved"]) == ("result.reviewed", True)
    assert "unit" not in reviewed
    assert len({record.message["id"], result["id"], reviewed["id"]}) == 3


def test_the_same_reply_has_the_same_id_and_another_reply_another(tmp_path: Path) -> None:
    def id_of(**cells: str) -> object:
        (record,) = city(tmp_path, changed(**cells))
        return record.later[0]["id"]

    assert id_of() == id_of(Reply=" Mended\t", Title="Lamps", Bureau="")
    assert len({id_of(), id_of(Reply="Not mended"), id_of(Closed="05/09/2026 10:00")}) == 3


@pytest.mark.parametrize(
    "cells", [{"Closed": ""}, {"Closed": "N/A"}, {"Closed": "n / a"}, {"State": "Pending"}]
)
def test_what_has_not_happened_is_not_told(cells: dict[str, str], tmp_path: Path) -> None:
    (record,) = city(tmp_path, changed(**cells))
    assert (record.later, record.notes) == ((), ())


@pytest.mark.parametrize(
    ("closed", "expected"),
    [
        ("02/09/2026 10:00", '"Closed" is before the letter itself'),
        ("31/09/2026 10:00", '"Closed" holds no possible date'),
        ("soon", '"Closed" holds no possible date'),
    ],
)
def test_an_impossible_reply_costs_no_letter_and_is_flagged(
    closed: str, expected: str, tmp_path: Path
) -> None:
    (record,) = city(tmp_path, changed(Closed=closed))
    assert record.message["ticket"] == "7"
    assert record.later == ()
    assert expected in note_texts(record)[0]
    assert record.message["original"] == {"Closed": closed}
    assert len(record.message["flags"]) == 1


def test_dates_are_read_day_first_where_the_mapping_says_so(tmp_path: Path) -> None:
    rows = city(tmp_path, changed(Opened="04/02/2026"), changed(Opened="13/02/2026"))
    assert [r.message["at"][:10] for r in rows] == ["2026-02-04", "2026-02-13"]
    (refused,) = city(tmp_path, changed(Opened="02/13/2026"))
    assert "no possible date" in reason(refused)


def test_a_missing_date_is_refused_unless_the_mapping_says_what_stands_in(tmp_path: Path) -> None:
    (refused,) = city(tmp_path, changed(Opened=""))
    assert '"Opened" is blank' in reason(refused)
    stands_in = CITY.replace("key = []", 'undated = "Closed"')
    (taken,) = city(tmp_path, changed(Opened=""), mapping=stands_in)
    assert taken.message["at"] == "2026-09-04T10:00:00-04:00"
    (refused,) = city(tmp_path, changed(Opened="", Closed=""), mapping=stands_in)
    assert '"Opened" is blank' in reason(refused)


def test_letters_under_one_number_are_told_apart_by_the_key(tmp_path: Path) -> None:
    mapping = CITY.replace("key = []", 'key = ["No", "Url"]').replace('"State"]', '"State", "Url"]')
    rows = [(*ROW, f"http://city/{n}") for n in range(15)]
    parsed = city(tmp_path, *rows, rows[0], mapping=mapping, columns=(*COLUMNS, "Url"))
    assert len({r.message["ticket"] for r in parsed}) == 15
    assert parsed[0].message == parsed[-1].message
    assert all(r.later[0]["ticket"] == r.message["ticket"] for r in parsed)


def test_two_units_in_one_cell_stay_as_they_are_written(tmp_path: Path) -> None:
    (record,) = city(tmp_path, changed(Bureau="住建局、城管局"))
    assert record.message["unit"] == "住建局、城管局"


def test_words_of_any_case_and_width_are_known_and_the_rest_by_a_star(tmp_path: Path) -> None:
    table = '[values.category]\n"Ｎoise" = "complaint"\n"*" = "help"\n'
    mapping = CITY.replace('category = "complaint"\n', f'category = "help"\n{table}')
    mapping = mapping.replace('title = "Title"', 'title = "Title"\ncategory = "Agency"')
    rows = city(tmp_path, *(changed(Agency=a) for a in ("NOISE", "no ise", "DOT")), mapping=mapping)
    assert [r.message["category"] for r in rows] == ["complaint", "complaint", "help"]


@pytest.mark.parametrize(
    ("written", "kept", "original"),
    [
        ("CafÃ© â€œLampâ€\x9d", "Café “Lamp”", True),
        ("路\u200b灯\u202e", "路灯", True),
        ("路\u00a0灯", "路 灯", True),
        ("\x1b[31m路灯\x07", "路灯", True),
        ("路灯\x85坏了\x9f", "路灯\n坏了", True),
        ("路灯\U0001f600", "路灯\U0001f600", False),
        ("\t路灯 ", "路灯", False),
        ("naïve Café", "naïve Café", False),
    ],
)
def test_what_cannot_be_seen_is_taken_out_and_the_original_kept(
    written: str, kept: str, original: bool, tmp_path: Path
) -> None:
    (record,) = city(tmp_path, changed(Title=written))
    assert record.message["title"] == kept
    if original:
        title = record.message["original"]["Title"]
        assert all(c.isprintable() for c in title)
        assert title.encode("latin-1", "backslashreplace").decode("unicode_escape") == written
    else:
        assert "original" not in record.message


def test_lost_characters_are_flagged(tmp_path: Path) -> None:
    (record,) = city(tmp_path, changed(Title="路\ufffd"))
    assert note_texts(record) == ['"Title" holds characters that were lost']


def test_a_row_too_long_for_a_letter_is_refused(tmp_path: Path) -> None:
    wide = tuple(f"C{n}" for n in range(12))
    page = '"' + ("x" * 1_000 + "\n") * 100 + '"'
    long, good = city(tmp_path, (*ROW, *[page] * 12), (*ROW, *[""] * 12), columns=(*COLUMNS, *wide))
    assert "more than 1048576 characters" in reason(long)
    assert good.message["ticket"] == "7"


def test_renamed_columns_are_said_and_never_guessed(tmp_path: Path) -> None:
    renamed = tuple("Number" if name == "No" else name for name in COLUMNS)
    with pytest.raises(ColumnsRenamed, match=r"source city, but its columns No .* new are Number"):
        city(tmp_path, ROW, columns=renamed)
    many = (*renamed, *(f"Column {n}" for n in range(15)))
    with pytest.raises(ColumnsRenamed, match=r"Column 8 and 6 more\. If a column"):
        city(tmp_path, (*ROW, *["x"] * 15), columns=many)
    both = CITY.replace('ticket = "No"', 'ticket = ["No", "Number"]').replace('"No", ', "", 1)
    (record,) = city(tmp_path, ROW, columns=renamed, mapping=both)
    assert record.message["ticket"] == "7"


def test_a_renamed_column_that_a_letter_can_do_without_is_said_once(tmp_path: Path) -> None:
    renamed = tuple("Office" if name == "Bureau" else name for name in COLUMNS)
    first, second = city(tmp_path, ROW, changed(No="8"), columns=renamed)
    assert "Bureau are not there, and new are Office" in note_texts(first)[0]
    assert second.notes == ()


def test_a_table_of_replies_alone(tmp_path: Path) -> None:
    mapping = tmp_path / "replies.toml"
    mapping.write_text(
        'name = "replies"\nsource = "provincial-board"\nletters = false\n'
        'headers = ["留言编号", "答复"]\ndates = ["found:%Y年%m月%d日"]\nundated = "arrival"\n'
        '[columns]\nticket = "留言编号"\n'
        '[[later]]\nname = "replied"\ntype = "result.submitted"\nat = "答复"\n'
        'columns = { facts = "答复" }\n',
        encoding="utf-8",
    )
    table = [
        ("留言编号", "答复"),
        ("1", "2018年1月2日来信收悉。2019年5月9日"),
        ("2", "已修复。"),
        ("3", ""),
    ]
    dated, undated, blank = records(delimited(table).encode(), tmp_path, mapping=mapping)
    assert dated.source == undated.source == "provincial-board"
    assert dated.message is not None
    assert dated.message["at"] == "2019-05-09T00:00:00+08:00"
    assert undated.message is not None
    assert "at" not in undated.message
    assert "says nothing that happened" in reason(blank)


def test_the_board_names_no_option_for_its_replies(tmp_path: Path) -> None:
    table = [(*HEADERS, "答复意见", "答复时间"), (*LETTER, "已修复。", "2026/9/10")]
    path = tmp_path / "feed"
    path.write_text(delimited(table), encoding="utf-8")
    (record,) = records(delimited(table).encode(), tmp_path)
    assert record.later[0]["facts"] == "已修复。"
    assert record.message is not None
    assert record.message["reply"] == "已修复。"


def test_a_mapping_may_not_read_a_date_in_two_ways(tmp_path: Path) -> None:
    path = tmp_path / "city.toml"
    path.write_text(CITY.replace('"excel"', '"%m/%d/%Y"'), encoding="utf-8")
    with pytest.raises(Exception, match="not both"):
        load_mapping(path)


def test_a_wrong_field_of_a_later_message_is_named(tmp_path: Path) -> None:
    for old, new, expected in (
        ("facts =", "fact =", 'later.1.columns.fact: there is no such key; did you mean "facts"'),
        ('"result.submitted"', '"result.submited"', 'value; did you mean "result.submitted"'),
        ("after =", "aftr =", 'later.2.aftr: there is no such key; did you mean "after"'),
    ):
        path = tmp_path / "city.toml"
        path.write_text(CITY.replace(old, new), encoding="utf-8")
        with pytest.raises(Exception, match=expected):
            load_mapping(path)


def test_of_no_letters_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(ColumnsUnknown):
        messages(delimited([("a", "b"), ("1", "2")]).encode(), tmp_path)
