"""Telephone numbers are compared in one form, and found in what citizens write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.blind_index import index_terms
from models.rules.phones import find_phones, normalize_phone


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("13800138000", "13800138000"),
        ("138 0013-8000", "13800138000"),
        ("+86 13800138000", "13800138000"),
        ("008613800138000", "13800138000"),
        ("１３８００１３８０００", "13800138000"),
        ("0754-88123456", "75488123456"),
        ("+86 754 88123456", "75488123456"),
        ("+86 (754) 88123456", "75488123456"),
        ("086-754-88123456", "75488123456"),
        ("0754-8812 3456", "75488123456"),
        ("０７５４－８８１２３４５６", "75488123456"),
        ("0754-88123456转801", "75488123456"),
        ("0754-88123456 ext. 801", "75488123456"),
        ("0754-88123456-801", "75488123456"),
        ("(0754)8812 3456-8", "75488123456"),
        ("+86 754 88123456-8001", "75488123456"),
        ("０７５４－８８１２３４５６－８０１", "75488123456"),
        ("0754-8812-3456", "75488123456"),
        ("010-6552-9988", "1065529988"),
        ("13812340000/0754-88123456", "13812340000"),
        ("400-800-1234", "4008001234"),
        ("+852 2123 4567", "+85221234567"),
        ("00852 2123 4567", "+85221234567"),
    ],
)
def test_a_number_has_one_form_however_written(written: str, normal: str) -> None:
    """Spaces, dashes, full-width digits, prefixes, extensions, several numbers in one field."""
    assert normalize_phone(written) == normal


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("86543210", "86543210"),
        ("8612", "8612"),
        ("110", "110"),
        ("00", "00"),
        ("138001380001234567890", "138001380001234567890"),
        (" 未留 ", "未留"),
        ("不详123", "123"),
        ("", ""),
    ],
)
def test_what_is_no_whole_number_stays_comparable(written: str, normal: str) -> None:
    """Its digits, or its words where it has none."""
    assert normalize_phone(written) == normal


@given(st.text())
def test_any_text_has_a_form(text: str) -> None:
    """Nothing that somebody types into the field makes a message fail."""
    assert isinstance(normalize_phone(text), str)


@given(
    st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.sampled_from(["", "+86", "0086 ", "86"])
)
def test_every_mobile_number_keeps_its_digits(number: str, prefix: str) -> None:
    """Also one of a prefix that is not in use: what was hashed of them stays as it was."""
    assert normalize_phone(prefix + number) == number


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("请打0754-88123456，或13812340001", ["75488123456", "13812340001"]),
        ("拨(0754)8812 3456", ["75488123456"]),
        ("拨0754-88123456-801，或86 138-1234-0001", ["75488123456", "13812340001"]),
        ("二〇二六年十一月，88号楼3单元", []),
        ("88123456", []),
        ("工单2026110200017，2026-11-02 10:30来电", []),
    ],
)
def test_numbers_are_found_in_a_text(text: str, phones: list[str]) -> None:
    """Valid ones with their area; dates and other figures are none."""
    assert list(find_phones(text)) == phones


def test_a_ticket_is_found_by_every_number_in_it() -> None:
    """The claimant's and those in what he wrote; not by what its envelope consists of."""
    body = {
        "id": "13500000001",
        "ticket": "13500000002",
        "at": "2026-11-02T10:30:00+08:00",
        "title": "路灯",
        "content": "请打0754-88123456，或13812340001；14000000000也行",
        "claimant": {"name": "张 三", "phone": "+86 754 8899 0011"},
    }
    assert index_terms(body) == {
        ("name", "张三"),
        ("phone", "75488990011"),
        ("phone", "75488123456"),
        ("phone", "13812340001"),
        ("phone", "14000000000"),
    }
