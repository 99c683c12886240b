"""A title is a short excerpt without anything personal, and never the letter itself."""

from typing import Any

import pytest

from models.rules.particulars import Particulars
from models.rules.redaction import redact_text
from models.rules.titles import redacted_title

PERSON = {"name": "林小满", "phone": "0754-88123456", "address": "濠江区建设路12号3栋501室"}


def title_of(title: str, content: str = "路灯坏了", **more: Any) -> str:
    """The title of a complaint in 达濠街道, of 40 characters at most."""
    values: dict[str, Any] = {
        "street": "达濠街道",
        "person": PERSON,
        "category": "complaint",
    } | more
    category = values.pop("category")
    return redacted_title(Particulars(title, content=content, **values), category, 40)


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("路灯不亮", "路灯不亮"),
        ("林小满请回电88123456", "林**请回电881****56"),
        ("建设路12号粤D12K45，lin88@163.com", "建设路****粤****，****@163.com"),
        ("路灯\n 不亮", "路灯 不亮"),
        ("路" * 40, "路" * 40),
        ("路" * 41, "路" * 39 + "…"),
    ],
)
def test_a_title_is_redacted_and_on_one_line(written: str, title: str) -> None:
    assert title_of(written) == title


def test_a_number_across_the_end_of_the_excerpt_is_hidden() -> None:
    """It is redacted first and cut then: half a number is none that anybody would recognise."""
    title = title_of("路" * 30 + "电话0754-87654321和13812340001")
    assert title == "路" * 30 + "电话075****…"
    assert redact_text(title) == title


@pytest.mark.parametrize("content", ["我叫林小满，家住建设路，路灯坏了三天没有人来修。", ""])
def test_a_letter_that_is_its_own_title_becomes_category_and_place(content: str) -> None:
    """With the street and address down to before the house number, and without the claimant."""
    letter = "我叫林小满，家住建设路，路灯坏了三天没有人来修。" * (1 if content else 3)
    assert title_of(letter, content) == "投诉举报 达濠街道 濠江区建设路"
    assert title_of(letter, f" {content}") == "投诉举报 达濠街道 濠江区建设路"
    assert title_of(letter, content, street="") == "投诉举报 濠江区建设路"
    assert title_of(letter, content, street="", person={}, category="help") == "求助"


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("达濠街道赤港路8号", "达濠街道赤港路"),
        ("三环路十二号", "达濠街道 三环路"),
        ("海湾花园３栋", "达濠街道 海湾花园"),
        ("林小满家", "达濠街道 林"),
        ("", "达濠街道"),
    ],
)
def test_a_place_ends_before_the_house(address: str, place: str) -> None:
    person = PERSON | {"address": address}
    assert title_of("路灯坏了", person=person) == f"投诉举报 {place}"
