"""Spreadsheets, with the traps that exports set."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import datetime, time
from pathlib import Path

import openpyxl
import pytest

from scripts.ingest.readers import workbook as module
from scripts.ingest.records import FeedRecord, FeedUnreadable
from tests.feeds.feed_files import (
    HEADERS,
    LETTER,
    changed,
    messages,
    reason,
    records,
    with_dimension,
    workbook,
)

DATE = "yyyy/m/d h:mm:ss"


def letters(*dates: object) -> list[tuple[object, ...]]:
    return [HEADERS] + [(1001 + n, *LETTER[1:3], at, *LETTER[4:]) for n, at in enumerate(dates)]


def test_a_letter_becomes_a_message(tmp_path: Path) -> None:
    (record,) = records(workbook(letters("2026/9/3 8:05:07")), tmp_path)
    assert (record.line, record.source) == (2, "provincial-board")
    assert record.message == {
        "type": "ticket.received",
        "ticket": "1001",
        "id": "1001",
        "at": "2026-09-03T08:05:07+08:00",
        "title": "路灯不亮",
        "content": "巷口的路灯坏了两周。",
        "claimant": {"name": "某女士"},
        "category": "complaint",
    }
    assert record.raw == dict(zip(HEADERS, LETTER, strict=True))


@pytest.mark.parametrize(
    ("cell", "number_format"),
    [
        ("2019/2/3 10:05:07", "General"),
        (datetime(2019, 2, 3, 10, 5, 7), DATE),  # noqa: DTZ001  (a spreadsheet knows no zones)
        (43499.420219907406, DATE),
        (43499.4202199074, DATE),
        (43499.42021990741, "General"),
        ("43499.4202199074", "General"),
        ("\u200b2019-02-03 10:05:07\u00a0", "@"),
    ],
)
def test_dates_as_text_and_as_serials_are_the_same_moment(
    cell: object, number_format: str, tmp_path: Path
) -> None:
    book = workbook(letters(cell), formats={4: number_format})
    (message,) = messages(book, tmp_path)
    assert message["at"] == "2019-02-03T10:05:07+08:00"


@pytest.mark.parametrize("cell", ["2019/2/30 10:00", "昨天", "0", -5, 60.5, time(10, 5), 9e9, True])
def test_an_impossible_date_is_refused_and_never_becomes_now(cell: object, tmp_path: Path) -> None:
    book = workbook(letters(cell, "2026/9/3 8:05"), formats={4: "General"})
    bad, good = records(book, tmp_path)
    assert 'The cell "留言时间" holds no possible date' in reason(bad)
    assert good.message is not None


@pytest.mark.parametrize("column", ["留言编号", "留言时间"])
def test_a_row_without_number_or_date_is_refused(column: str, tmp_path: Path) -> None:
    row = [None if header == column else cell for header, cell in zip(HEADERS, LETTER, strict=True)]
    (record,) = records(workbook([HEADERS, row]), tmp_path)
    assert f'"{column}" is blank' in reason(record)
    assert "某女士" not in reason(record)


def test_a_number_that_the_spreadsheet_rounded_is_refused(tmp_path: Path) -> None:
    exact, rounded = "202610091234567890", 202610091234567890.0
    rows = [HEADERS, (exact, *LETTER[1:]), (rounded, *LETTER[1:])]
    kept, refused = records(workbook(rows), tmp_path)
    assert kept.message is not None
    assert kept.message["ticket"] == exact
    assert "more than 15 digits" in reason(refused)


def test_blank_rows_are_skipped_by_the_ten_thousand(tmp_path: Path) -> None:
    rows = [*letters("2026/9/3 8:05"), *[()] * 64_707, ("\u200b", " "), ("1002", *LETTER[1:])]
    first, last = records(workbook(rows), tmp_path)
    assert (first.line, last.line) == (2, 64_711)


def test_headers_below_a_title_are_found_and_rows_are_counted_from_the_top(tmp_path: Path) -> None:
    rows: list[tuple[object, ...]] = [("九月留言汇总",), (), *letters("2026/9/3 8:05")]
    (record,) = records(workbook(rows, above=1), tmp_path)
    assert record.line == 5


@pytest.mark.parametrize("size", ["A1", "A1:XFD1048576"])
def test_the_size_that_a_sheet_says_is_not_believed(size: str, tmp_path: Path) -> None:
    book = workbook(letters(*["2026/9/3 8:05"] * 300))
    assert len(records(with_dimension(book, size), tmp_path)) == 300


def test_dates_survive_a_missing_style_sheet(tmp_path: Path) -> None:
    book = workbook(letters(datetime(2019, 2, 3, 10, 5, 7)))  # noqa: DTZ001  (as above)
    torn = changed(book, lambda name, part: None if name == "xl/styles.xml" else part)
    (message,) = messages(torn, tmp_path)
    assert message["at"] == "2019-02-03T10:05:07+08:00"


@pytest.mark.parametrize(
    "damage",
    [
        lambda book: book[: len(book) // 2],
        lambda _: b"PK\x03\x04 and no more",
        lambda _: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and no more",
        lambda book: changed(book, lambda n, c: None if "sheet1" in n else c),
        lambda book: changed(book, lambda n, c: c[:-40] if "sheet1.xml" in n else c),
    ],
    ids=["cut", "no zip", "no ole", "no sheet", "torn sheet"],
)
def test_a_damaged_file_is_one_error(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    with pytest.raises(FeedUnreadable, match="feed: is damaged"):
        records(damage(workbook(letters("2026/9/3 8:05"))), tmp_path)


def test_lost_texts_are_an_error_too(tmp_path: Path) -> None:
    texts = re.compile(rb't="inlineStr"><is><t>[^<]*</t></is>')
    book = workbook(letters("2026/9/3 8:05"))
    torn = changed(book, lambda _name, part: texts.sub(b't="s"><v>0</v>', part))
    with pytest.raises(FeedUnreadable):
        records(torn, tmp_path)


def test_line_ends_in_the_way_of_spreadsheets_are_line_ends(tmp_path: Path) -> None:
    rows = [HEADERS, (*LETTER[:4], "一_x000D_\n二&nbsp;<三>", "0")]
    (message,) = messages(workbook(rows), tmp_path)
    assert message["content"] == "一\n二&nbsp;<三>"


def test_every_sheet_with_the_headers_is_read_and_no_other(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(("说明",))
    book.create_chartsheet("图")
    for number in ("1001", "1002"):
        sheet = book.create_sheet()
        sheet.append(HEADERS)
        sheet.append((number, *LETTER[1:]))
    book.save(tmp_path / "book.xls.xlsx")
    bodies = messages((tmp_path / "book.xls.xlsx").read_bytes(), tmp_path)
    assert [message["ticket"] for message in bodies] == ["1001", "1002"]


@pytest.fixture(params=["laid out", "streamed"])
def either_reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the two readers in turn; a large workbook takes the second."""
    if request.param == "streamed":
        monkeypatch.setattr(module, "_FAST_BYTES", 0)


@pytest.mark.usefixtures("either_reader")
def test_both_readers_read_the_same(tmp_path: Path) -> None:
    rows = [
        *letters("2026/9/3 8:05:07", 43499.4202199074),
        (),
        (202610091234567890.0, *LETTER[1:]),
        ("202610091234567890", *LETTER[1:3], datetime(2019, 2, 3, 10, 5, 7), "一_x000D_\n二"),  # noqa: DTZ001  (as above)
    ]
    for book in (workbook(rows, above=2), with_dimension(workbook(rows, above=2), "A1")):
        parsed = records(book, tmp_path)
        assert [r.line for r in parsed] == [4, 5, 7, 8]
        assert [r.message and r.message["at"] for r in parsed] == [
            "2026-09-03T08:05:07+08:00",
            "2019-02-03T10:05:07+08:00",
            None,
            "2019-02-03T10:05:07+08:00",
        ]
        assert parsed[3].message is not None
        assert parsed[3].message["content"] == "一\n二"


@pytest.mark.usefixtures("either_reader")
def test_two_cells_at_the_corners_of_a_sheet_fill_no_memory(tmp_path: Path) -> None:
    rows = letters("2026/9/3 8:05")
    book = changed(
        workbook(rows),
        lambda _name, part: part.replace(
            b"</sheetData>",
            b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>'
            b"</sheetData>",
        ),
    )
    parsed = records(book, tmp_path)
    assert parsed[0].message is not None


@pytest.mark.parametrize("damaged", [0, 1])
def test_a_streamed_workbook_that_is_damaged_is_one_error(
    damaged: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FAST_BYTES", 0)
    book = workbook(letters("2026/9/3 8:05"))
    torn = [
        changed(book, lambda n, c: None if "sheet1" in n else c),
        changed(book, lambda n, c: c[:-40] if "sheet1.xml" in n else c),
    ]
    with pytest.raises(FeedUnreadable, match="is damaged"):
        records(torn[damaged], tmp_path)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORKBOOK_BYTES", 1 << 24)
    blank = b"<row></row>" * (1 << 21)
    bomb = changed(
        workbook(letters("2026/9/3 8:05")),
        lambda _name, part: part.replace(b"</sheetData>", blank + b"</sheetData>"),
    )
    text = changed(
        workbook(letters("2026/9/3 8:05")),
        lambda _name, part: part.replace("某女士".encode(), b"x" * (4 << 20)),
    )
    for book in (bomb, text):
        with pytest.raises(FeedUnreadable, match="unpacks to more"):
            records(book, tmp_path)


def test_an_archive_that_is_no_workbook_is_said_to_be_none(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("../../etc/passwd", "root")
    with pytest.raises(FeedUnreadable, match="no XLSX workbook"):
        records(made.getvalue(), tmp_path)


def _saved(book: openpyxl.Workbook) -> bytes:
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def _notes(parsed: list[FeedRecord]) -> list[str]:
    return [note.text.format(**note.args) for record in parsed for note in record.notes]


@pytest.mark.usefixtures("either_reader")
def test_a_sheet_with_a_renamed_header_is_refused_row_by_row(tmp_path: Path) -> None:
    """What it holds is kept and told; the other sheets are taken."""
    book = openpyxl.Workbook()
    book.active.append(HEADERS)
    book.active.append(LETTER)
    other = book.create_sheet("十月")
    other.append(("来信编号", *HEADERS[1:]))
    other.append(("1002", *LETTER[1:]))
    other.append(())
    other.append(("1003", *LETTER[1:]))
    taken, *refused = records(_saved(book), tmp_path)
    assert taken.message is not None
    assert [record.line for record in refused] == [2, 4]
    assert all("十月" in reason(r) and "来信编号" in reason(r) for r in refused)
    assert refused[0].raw == dict(
        zip(("来信编号", *HEADERS[1:]), ("1002", *LETTER[1:]), strict=True)
    )


@pytest.mark.usefixtures("either_reader")
def test_what_nobody_sees_is_read_and_told(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for number, sheet in enumerate((book.active, book.create_sheet("旧表")), 1):
        sheet.append(HEADERS)
        for row in range(3):
            sheet.append((f"100{number}{row}", *LETTER[1:]))
    book["旧表"].sheet_state = "hidden"
    book.active.row_dimensions[2].hidden = book.active.row_dimensions[4].hidden = True
    book.create_sheet("说明").append(("本表由系统导出",))
    parsed = records(_saved(book), tmp_path)
    assert len(parsed) == 6
    assert all(record.message for record in parsed)
    assert _notes(parsed) == [
        'the sheet "说明" is none of letters: not read',
        'the sheet "Sheet" has 2 hidden rows; they were read',
        'the sheet "旧表" is hidden; it was read',
    ]


@pytest.mark.usefixtures("either_reader")
@pytest.mark.parametrize("left", [0, 2])
def test_merged_cells_are_spread_over_their_rows(tmp_path: Path, left: int) -> None:
    """A title above the headers is not, and what is merged sideways stays where it stands."""
    book = openpyxl.Workbook()
    sheet = book.active
    rows = [("标题",), HEADERS, *((f"100{n}", *LETTER[1:]) for n in range(6))]
    for number, cells in enumerate(rows, 1):
        for column, value in enumerate(cells, 1 + left):
            sheet.cell(number, column, value)
    for column, first, last in ((2, 3, 5), (4, 3, 4), (4, 6, 8)):
        sheet.merge_cells(None, first, column + left, last, column + left)
    sheet.merge_cells(None, 1, 1 + left, 1, 6 + left)
    sheet.cell(6, 2 + left, "某先生")
    bodies = messages(_saved(book), tmp_path)
    assert [body["ticket"] for body in bodies] == [f"100{n}" for n in range(6)]
    assert {body["at"] for body in bodies} == {"2026-09-03T08:05:07+08:00"}
    assert [body["claimant"] for body in bodies] == [
        {"name": name} for name in ("某女士", "某女士", "某女士", "某先生", "某女士", "某女士")
    ]


@pytest.mark.usefixtures("either_reader")
def test_a_merged_cell_makes_no_row_of_a_blank_one(tmp_path: Path) -> None:
    """Found by `make fuzz`: it goes on over a blank row, and below the last letter."""
    book = openpyxl.Workbook()
    sheet = book.active
    for cells in (HEADERS, LETTER, ("", ""), ("1002", *LETTER[1:])):
        sheet.append(cells)
    sheet.merge_cells(None, 2, 2, 9, 2)
    assert [body["ticket"] for body in messages(_saved(book), tmp_path)] == ["1001", "1002"]


def test_a_column_that_stands_twice_is_read_twice(tmp_path: Path) -> None:
    """Texts are joined; of a number or a date only one can be meant."""
    headers = (*HEADERS, "留言详情", "留言编号")
    rows = [
        headers,
        ("1001", *LETTER[1:], "还有一个井盖。", "1001"),
        ("", *LETTER[1:], "", "1002"),
        ("1003", *LETTER[1:], LETTER[4], "1004"),
    ]
    parsed = records(workbook(rows), tmp_path)
    assert [r.message and (r.message["ticket"], r.message["content"]) for r in parsed] == [
        ("1001", f"{LETTER[4]}\n还有一个井盖。"),
        ("1002", LETTER[4]),
        None,
    ]
    assert "留言编号" in reason(parsed[2])
    assert len(_notes(parsed)) == 2
