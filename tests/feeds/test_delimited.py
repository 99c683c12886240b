"""Text tables: encodings, delimiters and torn rows."""

import codecs
from pathlib import Path

import pytest

from scripts.ingest.records import ColumnsUnknown, FeedUnreadable
from tests.feeds.feed_files import HEADERS, LETTER, delimited, messages, reason, records

TABLE = [HEADERS, LETTER]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"]
)
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|", "^", "~", "，", "\x1f"])
def test_encoding_and_delimiter_come_from_the_content(
    encoding: str, delimiter: str, tmp_path: Path
) -> None:
    (message,) = messages(delimited(TABLE, delimiter).encode(encoding), tmp_path)
    assert message["ticket"] == "1001"
    assert message["title"] == "路灯不亮"
    assert message["at"] == "2026-09-03T08:05:07+08:00"


def test_utf_16_big_endian_with_its_mark(tmp_path: Path) -> None:
    content = codecs.BOM_UTF16_BE + delimited(TABLE).encode("utf-16-be")
    assert len(messages(content, tmp_path)) == 1


def test_one_broken_byte_costs_one_character_and_no_letter(tmp_path: Path) -> None:
    for encoding in ("utf-8", "gb18030"):
        content = delimited([*TABLE, ("1002", *LETTER[1:])]).encode(encoding)
        at = content.index("两周".encode(encoding))
        bodies = messages(content[:at] + b"\xff" + content[at:], tmp_path)
        assert [m["ticket"] for m in bodies] == ["1001", "1002"]
        assert "\ufffd" in str(bodies[0]["content"])
        assert bodies[1]["content"] == LETTER[4]


def test_a_broken_byte_in_the_number_is_refused(tmp_path: Path) -> None:
    content = delimited(TABLE).encode().replace(b"1001", b"10\xff01")
    (record,) = records(content, tmp_path)
    assert "cannot be read" in reason(record)


def test_a_cell_may_hold_line_ends_and_delimiters_in_quotes(tmp_path: Path) -> None:
    quoted = (*LETTER[:4], '"一行，\r\n另一行, ""引""\u2028完"', "0")
    first, second = records(delimited([HEADERS, quoted, LETTER]).encode(), tmp_path)
    assert first.message is not None
    assert first.message["content"] == '一行，\n另一行, "引"\n完'
    assert (first.line, second.line) == (2, 4)


@pytest.mark.parametrize(
    "torn", [LETTER[:3], LETTER[:5], (*LETTER[:4], "一", "二", "三")], ids=["half", "short", "long"]
)
def test_a_torn_row_is_refused_and_the_rest_goes_on(torn: tuple[str, ...], tmp_path: Path) -> None:
    good, bad, last = records(delimited([*TABLE, torn, LETTER]).encode(), tmp_path)
    assert good.message == last.message
    assert "the row is torn" in reason(bad)
    assert bad.line == 3
    assert isinstance(bad.raw, dict)
    assert bad.raw["留言编号"] == "1001"


def test_blank_cells_beyond_the_last_column_are_nothing(tmp_path: Path) -> None:
    assert len(messages(delimited([HEADERS, (*LETTER, "", " ")]).encode(), tmp_path)) == 1


def test_an_open_quotation_mark_is_refused_and_does_not_eat_the_file(tmp_path: Path) -> None:
    letter = (*LETTER[:4], "很长" * 1_000, "0")
    open_quote = ("1002", *LETTER[1:4], '"' + LETTER[4], "0")
    content = delimited([HEADERS, letter, open_quote, *[letter] * 200])
    rows = records(content.encode(), tmp_path)
    assert rows[0].message is not None
    assert "quotation mark is not closed" in reason(rows[1])
    assert rows[1].line == 3
    assert str(rows[1].raw).startswith("1002")
    assert rows[-1].message is not None


def test_a_line_without_end_is_refused_in_pieces(tmp_path: Path) -> None:
    content = delimited(TABLE).encode() + b"x" * (3 << 20) + b"\n" + delimited([LETTER]).encode()
    rows = records(content, tmp_path)
    assert rows[0].message == (rows[-1].message or {})
    assert all(record.message is None for record in rows[1:-1])


def test_a_number_in_a_spreadsheets_short_form_is_refused(tmp_path: Path) -> None:
    (record,) = records(delimited([HEADERS, ("2.0261E+17", *LETTER[1:])]).encode(), tmp_path)
    assert "more than 15 digits" in reason(record)


def test_blank_lines_are_skipped(tmp_path: Path) -> None:
    content = "\r\n\r\n" + delimited([HEADERS, (), LETTER, ("",) * 6, (" ", "\u200b")])
    (record,) = records(content.encode(), tmp_path)
    assert record.line == 5


@pytest.mark.parametrize("content", [b"", b"\n \r\n"])
def test_an_empty_file_holds_nothing(content: bytes, tmp_path: Path) -> None:
    assert records(content, tmp_path) == []


def test_unknown_headers_name_the_mappings_and_never_a_letter(tmp_path: Path) -> None:
    with pytest.raises(ColumnsUnknown) as caught:
        records(delimited([LETTER, LETTER]).encode(), tmp_path)
    error = str(caught.value)
    assert "provincial-board (留言编号, 留言用户, 留言主题, 留言时间, 留言详情)" in error
    assert "--mapping FILE" in error
    assert "\n" not in error
    assert not any(cell in error for cell in LETTER[:5])


@pytest.mark.parametrize("content", [b"%PDF-1.7\n1 0 obj", b"\x00\x01\x7fELF\x00\x00"])
def test_other_formats_are_said_to_be_so(content: bytes, tmp_path: Path) -> None:
    with pytest.raises((FeedUnreadable, ColumnsUnknown)):
        records(content, tmp_path)


def _table(*lines: str) -> bytes:
    return "\n".join([",".join(HEADERS), *lines]).encode()


_ROW = "{},某女士,路灯不亮,2026/9/3 8:05:07,{},0"


def test_an_unbalanced_quote_takes_in_no_other_letter(tmp_path: Path) -> None:
    """Only the line in which it stands is refused, wherever the next quotation mark is."""
    torn, plain = _ROW.format("1001", '"路灯坏了'), _ROW.format("1002", "井盖没了")
    for end in (
        [],
        [_ROW.format("1003", '"一,二"')],
        [_ROW.format("1003", '一"')],
        ['1003,"某女士",路灯不亮,2026/9/3 8:05:07,一,0'],
    ):
        parsed = records(_table(torn, plain, *end), tmp_path)
        assert [r.message and r.message["ticket"] for r in parsed] == [
            None,
            "1002",
            *["1003" for _line in end],
        ]
        assert parsed[0].line == 2
        assert parsed[0].raw == torn + "\n"
        assert [r.line for r in parsed] == list(range(2, 2 + len(parsed)))


def test_an_unbalanced_quote_in_the_last_column_takes_in_no_other_letter(tmp_path: Path) -> None:
    """The row would have as many cells as it should have."""
    columns = ("留言编号", "留言用户", "留言主题", "留言时间", "留言详情")
    rows = [
        '1,甲,路灯,2026/9/3 8:05:07,"路灯坏了',
        "2,乙,井盖,2026/9/3 8:05:07,井盖没了",
        '3,丙,树木,2026/9/3 8:05:07,树倒了"',
    ]
    parsed = records("\n".join([",".join(columns), *rows]).encode(), tmp_path)
    assert [r.message and r.message["ticket"] for r in parsed] == [None, "2", "3"]


def test_text_after_a_closing_quote_is_refused(tmp_path: Path) -> None:
    """Whether it belongs to the cell nobody knows; spaces there mean nothing."""
    parsed = records(
        _table(_ROW.format("1001", '"他说"好"了"'), _ROW.format("1002", '"好, 好"  ')), tmp_path
    )
    assert "quotation mark" in reason(parsed[0])
    assert parsed[1].message is not None
    assert parsed[1].message["content"] == "好, 好"


def test_a_letter_of_several_lines_stays_one(tmp_path: Path) -> None:
    """Also with commas, and with numbers at the beginnings of its lines."""
    text = '"1、路灯, 坏了,\n2、井盖,没了,\n\n请修,谢谢,再见,一,二,三"'
    (message,) = messages(_table(_ROW.format("1001", text)), tmp_path)
    assert str(message["content"]).count("\n") == 3
