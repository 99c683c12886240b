"""Cleaning of citizens' texts, and redaction of personal data."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.redaction import (
    redact_address,
    redact_name,
    redact_numbers,
    redact_phone,
)
from models.rules.text import (
    clean,
    terminal_text,
)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("\x1b[31m红\x1b[0m", "红"),
        ("a\x1b]0;title\x07b\x1b]8;;http://x\x1b\\c", "abc"),
        ("a\x1b[2Jb\x1b(Bc\x1bcd", "abcd"),
        ("a\x1b]0;never ended", "a]0;never ended"),
        ("doubly encoded \xc3\x9b31m stays", "doubly encoded \xc331m stays"),
        ("\u200b\u00a0\t 标题\u3000\ufeff\n", "标题"),
        ("一\u00a0二", "一 二"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a\x00\x07b\x7f\x85c", "ab\nc"),
        ("left\u202eright\u2066", "leftright"),
        ("half \ud83d", "half \ufffd"),
        ("[/b] <i>😀\t全角", "[/b] <i>😀\t全角"),
        ("", ""),
    ],
)
def test_clean_keeps_what_a_reader_sees_and_nothing_that_a_terminal_obeys(
    written: str, kept: str
) -> None:
    assert clean(written) == kept


@given(st.text(alphabet=st.characters()) | st.text(alphabet="\x1b[]()0;1mc\x07\u200b\u202e \n"))
def test_a_clean_text_is_printable_storable_and_stays_as_it_is(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert cleaned == cleaned.strip()
    cleaned.encode()
    assert not any(ord(c) < 0x20 and c not in "\n\t" for c in cleaned)
    assert not any(0x7F <= ord(c) < 0xA0 for c in cleaned)


@pytest.mark.parametrize(
    ("written", "redacted"),
    [
        ("电话13812340000。", "电话138****0000。"),
        ("+8613812340000", "+86138****0000"),
        ("86 138-1234-0000", "86 138****0000"),
        ("１３８１２３４００００", "１３８****００００"),
        ("身份证440512199001011234", "身份证440***********1234"),
        ("44051219900101123x", "440***********123x"),
        ("440512 1990 0101 1234", "440***********1234"),
        ("440512-19900101-1234", "440***********1234"),
        (
            "单号138123400001，12345热线，2026年10月9日",
            "单号138123400001，12345热线，2026年10月9日",
        ),
        ("单号202610091234567890", "单号202610091234567890"),
    ],
)
def test_mask_hides_mobile_and_identity_numbers_and_nothing_else(
    written: str, redacted: str
) -> None:
    assert redact_numbers(written) == redacted
    assert redact_numbers(redacted) == redacted


def test_a_person_is_shown_by_one_character_a_district_and_a_few_digits() -> None:
    assert redact_name("张三") == redact_name("张三丰") == "张**"
    assert redact_name("") == ""
    assert redact_phone("13812340000") == "138****0000"
    assert redact_phone("0754-88001234") == "075****34"
    assert redact_phone("8800123") == "****"
    assert redact_phone("") == ""
    assert redact_address("濠江区达濠街道赤港路8号") == "濠江区达濠街道****"
    assert redact_address("濠江区赤港路8号东乡小区") == "濠江区****"
    assert redact_address("赤港路8号") == "****"
    assert redact_address("") == ""


@given(st.text(st.characters() | st.sampled_from("\x1b[]0;?123mHJ\x07\x9b\u202e"), max_size=60))
def test_a_terminal_gets_colours_and_nothing_else_to_obey(text: str) -> None:
    text_shown = terminal_text(f"\x1b[31m{text}\x1b[0m\n")
    assert text_shown.endswith("\x1b[0m\n")
    rest = re.sub(r"\x1b\[[0-9;]*m", "", text_shown)
    assert not set(rest) & {*map(chr, range(9)), *map(chr, range(11, 32)), "\x7f", "\u202e"}
    assert not set(rest) & set(map(chr, range(128, 160)))
    assert terminal_text(text_shown) == text_shown
