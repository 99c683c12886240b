"""The closed lists: each code once, with its words, and everything that must cover a list does."""

import tomllib
from importlib import resources

import msgspec
import pytest

from models.i18n import translator
from models.rules.lifecycle.decide import HANDLERS
from models.rules.notice_texts import HEADINGS
from models.rules.policy import Ladder, Terms
from models.rules.vocabulary import (
    CLOSED,
    LISTS,
    OPEN,
    Category,
    ClockName,
    Code,
    Ground,
    Level,
    MessageType,
    NoticeKind,
    Status,
)


@pytest.mark.parametrize("listed", LISTS)
def test_every_code_has_words(listed: type[Code]) -> None:
    """That each label has its Chinese is held by the test of all texts in the code."""
    assert all(code.label for code in listed)
    chinese = [code.chinese for code in listed if code.chinese]
    assert len(chinese) == len(set(chinese)), "a label means one code"


@pytest.mark.parametrize("listed", LISTS)
def test_what_a_message_may_write_is_what_is_shown(listed: type[Code]) -> None:
    chinese = translator("zh")
    assert {c.chinese: chinese(c.label) for c in listed if c.chinese} == {
        c.chinese: c.chinese for c in listed if c.chinese
    }


@pytest.mark.parametrize("listed", LISTS)
def test_a_code_is_its_text_wherever_a_text_is_wanted(listed: type[Code]) -> None:
    for code in listed:
        text = str(code.value)
        assert (str(code), f"{code}", repr(code)) == (text, text, repr(text))
        assert hash(code) == hash(text)
        assert msgspec.json.encode({code: code}) == msgspec.json.encode({text: text})
        assert msgspec.json.decode(msgspec.json.encode(text), type=listed) is code


def test_the_grounds_are_in_the_order_of_their_clause() -> None:
    """The bulletin counts the items of 6.1 by it."""
    assert [*Ground] == ["shirking", "perfunctory", "falsified", "attitude", "refused_assignment"]


def test_a_status_is_open_or_closed() -> None:
    assert {*OPEN, *CLOSED} == set(Status)
    assert not {*OPEN} & {*CLOSED}


def test_every_level_is_a_kind_of_notice() -> None:
    assert {*Level} <= {*NoticeKind}


def test_the_policy_has_a_term_for_every_category_and_clock() -> None:
    clocks = {*ClockName} - {ClockName.HANDLING}
    assert set(Terms.model_fields) == {*Category, *clocks, "archive"}
    assert set(Ladder.model_fields) == {*Level}


def test_every_type_of_message_has_a_handler() -> None:
    assert set(HANDLERS) == set(MessageType)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_kind_of_notice_has_a_text_and_a_heading(language: str) -> None:
    file = resources.files("models") / "policy" / "notices.toml"
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    assert set(tables["names"][language]) == {*NoticeKind}
    assert set(tables[language]) == {*NoticeKind, *HEADINGS}
