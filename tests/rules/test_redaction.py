"""A claimant's name, address and telephone number are shown in no text about the ticket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.phones import find_phones, locate_phones, normalize_phone
from models.rules.redaction import Redactor

LANDLINE = ("+86 754 88968698", "0754-88968698", "(0754)88968698", "075488968698")
MOBILES = ("13812340001", "138 1234 0001", "+86 138-1234-0001")


@pytest.mark.parametrize("written", [*LANDLINE, "0754-88968698-801", "0754 8896 8698转8"])
@pytest.mark.parametrize("phone", LANDLINE)
def test_the_claimant_s_number_is_hidden_in_every_spelling(phone: str, written: str) -> None:
    redacted = Redactor({"phone": phone}).redact({"text": f"请回电{written}，谢谢"})["text"]
    assert redacted.startswith("请回电")
    assert redacted.endswith("，谢谢")
    assert "****" in redacted
    assert "8896" not in redacted


@pytest.mark.parametrize("written", [*LANDLINE, *MOBILES])
def test_each_of_two_numbers_in_the_field_is_hidden(written: str) -> None:
    redactor = Redactor({"phone": "13812340001/0754-88968698"})
    redacted = redactor.redact_text(f"打{written}")
    assert not [number for *_, number in locate_phones(redacted)]


def test_other_figures_are_left_as_they_are() -> None:
    """The number of an office that the letter names, a date and the ticket's own number."""
    text = "已拨0754-88123456，2026-11-02 10:30，工单2026110200017"
    assert Redactor({"phone": LANDLINE[0]}).redact_text(text) == text


def test_name_and_address_are_hidden_with_the_number() -> None:
    claimant = {"name": "张三", "phone": LANDLINE[0], "address": "濠江区达濠街道赤港路8号"}
    text = "张三住濠江区达濠街道赤港路8号，电话0754-88968698"
    assert Redactor(claimant).redact_text(text) == "张**住濠江区达濠街道****，电话075****98"


@given(
    st.sampled_from(["", "86", "+86 ", "86-"]),
    st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True),
    st.sampled_from(["", " ", "-"]),
)
def test_a_mobile_number_of_any_prefix_is_hidden(before: str, number: str, dash: str) -> None:
    """Also one that the numbering plan does not have."""
    written = f"{before}{number[:3]}{dash}{number[3:7]}{dash}{number[7:]}"
    assert normalize_phone(written) == number
    assert list(find_phones(f"打{written}。")) == [number]
    assert written not in Redactor({"phone": number}).redact_text(f"打{written}。")
