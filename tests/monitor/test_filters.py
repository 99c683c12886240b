"""The filter line as a function: inverted terms, wide characters, levels without a field."""

import string
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.i18n import render, speaking
from models.queries.ticket_filter import TicketFilter
from monitor.filters import Filter, FilterError, read_filter
from monitor.formatting import DEFAULT_OFFICE
from monitor.history import History
from monitor.preferences import Preferences
from tests.monitor.scene import NOW

TERMS = ["红", "黄", "急", "词:路灯", "单位:城管", "剩:超", "类型:投诉"]
WIDE = {ord(c): ord(c) + 0xFEE0 for c in map(chr, range(0x21, 0x7F))} | {0x20: 0x3000}


def _query(text: str) -> TicketFilter:
    result = read_filter(text)
    assert isinstance(result, Filter), text
    return result.at(NOW, DEFAULT_OFFICE, ("W1",))


@pytest.mark.parametrize(
    ("text", "inverted"),
    [
        ("!单位:城管", TicketFilter(units=("城管",))),
        ("!红", TicketFilter(levels=("red",))),
        ("！级别：黄，红", TicketFilter(levels=("yellow", "red"))),
        ("!路灯", TicketFilter(words=("路灯",))),
        ("!急", TicketFilter(emergency=True)),
        ("!我的", TicketFilter(numbers=("W1",))),
        ("!词:红", TicketFilter(words=("红",))),
    ],
)
def test_an_exclamation_mark_inverts_a_term(text: str, inverted: TicketFilter) -> None:
    """The others narrow as before."""
    assert _query(text) == TicketFilter(inverted=(inverted,))
    assert _query(f"黄 {text}") == TicketFilter(levels=("yellow",), inverted=(inverted,))


def test_a_bound_of_time_is_inverted_too() -> None:
    """As the span of due times that the term alone would be."""
    assert _query("!剩:超 红").inverted == (_query("剩:超"),)


@pytest.mark.parametrize(
    ("text", "column"), [("红 !", 4), ("!!红 级别:紫", 8), ("! 红", 2), ("红　！级别：紫", 7)]
)
def test_an_error_has_the_column_of_what_was_typed(text: str, column: int) -> None:
    """Also behind an exclamation mark and an ideographic space."""
    error = read_filter(text)
    assert isinstance(error, FilterError)
    assert error.column == column


@pytest.mark.parametrize(
    "text",
    [
        "单位:城管 级别:黄,红 剩:<3日",
        "!单位:城管 level:red left:>=2d",
        "剩:<10小时 2026101500077 A3",
    ],
)
def test_wide_characters_mean_what_narrow_ones_do(text: str) -> None:
    """As a Chinese input method sends letters, figures, signs and spaces."""
    assert _query(text.translate(WIDE)) == _query(text)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(TERMS), max_size=5),
    st.data(),
)
def test_every_term_is_either_wanted_or_inverted(terms: list[str], data: st.DataObject) -> None:
    """Whatever the order, the width and the number of terms."""
    signs = data.draw(st.lists(st.booleans(), min_size=len(terms), max_size=len(terms)))
    marked = ["!" * sign + term for sign, term in zip(signs, terms, strict=True)]
    wanted = " ".join(term for sign, term in zip(signs, terms, strict=True) if not sign)
    query = _query(" ".join(marked).translate(WIDE))
    inverted = [term for sign, term in zip(signs, terms, strict=True) if sign]
    assert query.inverted == tuple(map(_query, inverted))
    assert replace(query, inverted=()) == _query(wanted)


def test_a_title_keeps_its_wide_signs() -> None:
    """Letters and figures of a word are looked for narrow, brackets as they were typed."""
    assert _query("（一期）Ａ３栋").words == ("（一期）A3栋",)
    assert not set(string.ascii_letters) & set(_query("，。").words[0])


@pytest.mark.parametrize(
    ("text", "is_free"),
    [("单位:城管 !红", False), ("张三", True), ("!词:张三", True), ("单位:13800138000", True)],
)
def test_private_text_is_no_part_of_a_kept_history(
    text: str, is_free: bool, tmp_path: Path
) -> None:
    """Words may be a claimant's: they are recalled until the monitor ends, and not written down."""
    path = tmp_path / "monitor.json"
    result = read_filter(text)
    assert isinstance(result, Filter)
    assert result.has_free_text is is_free
    history = History(Preferences(path))
    history.add("林", "filter", "急")
    history.add("林", "filter", text, is_private=result.has_free_text)
    assert history.entries("林", "filter") == [text, "急"]
    kept = History(Preferences(path))
    assert kept.entries("林", "filter") == (["急"] if is_free else [text, "急"])
    assert kept.entries("陈", "filter") == []


def test_two_monitors_keep_what_both_remember(tmp_path: Path) -> None:
    """They share a file, as tabs of a browser do; each writes its own operator's lines."""
    path = tmp_path / "monitor.json"
    first, second = History(Preferences(path)), History(Preferences(path))
    first.add("林", "filter", "红")
    second.add("陈", "filter", "黄")
    first.add("林", "filter", "急")
    kept = History(Preferences(path))
    assert kept.entries("林", "filter") == ["急", "红"]
    assert kept.entries("陈", "filter") == ["黄"]


def test_words_of_both_languages_are_known_in_both() -> None:
    """Statuses, kinds and levels, by their beginnings too; the error lists those of the screen."""
    for language, listed in (("zh", "待受理, 退回待审"), ("en", "to be accepted, returned")):
        with speaking(language):
            for text in ("状态:待受理", "状态:dispatched", "status:to"):
                assert _query(text).statuses == ("dispatched",), text
            assert _query("级别:预警,YELLOW,红").levels == ("prewarning", "yellow", "red")
            assert _query("类型:咨询,consult").categories
            error = read_filter("状态:无此")
            assert isinstance(error, FilterError)
            assert listed in render(error.why)
