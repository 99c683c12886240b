"""A units file that cannot be used is refused with the line and what to do."""

import pytest

from models.rules.routing.units_file import InvalidUnitsFile, load_units

_GOOD = """\
territory = ["某区"]

[[unit]]
name = "甲局"
aliases = ["甲"]
keywords = ["路灯"]
topics = ["城建"]

[[unit.rule]]
words = ["井盖"]
unless = ["小区"]

[[unit]]
name = "乙街道"
kind = "street"
streets = ["乙路"]
"""


def test_a_good_file_is_taken_whole() -> None:
    """Units in their order, with topics and rules."""
    units = load_units(_GOOD, "u.toml").unit
    assert [u.name for u in units] == ["甲局", "乙街道"]
    assert units[0].rule[0].words == ("井盖",)


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        ('name = "乙街道"', "name = 乙街道", 14, "Invalid value"),
        (
            'kind = "street"',
            'kind = "street"\nphon = "1"',
            16,
            "unit.2.phon: there is no such key",
        ),
        ("kind =", "phone = 1\nkind =", 15, "unit.2.phone: write a text in quotes"),
        ('words = ["井盖"]', 'word = ["井盖"]', 10, 'did you mean "words"?'),
        ('words = ["井盖"]\n', "", 9, "rule"),
        ('name = "乙街道"', 'name = "甲"', 14, "甲局"),
        ('name = "乙街道"', 'name = "甲局"', 14, "twice"),
        ('name = "乙街道"', 'name = " "', 14, "name"),
        ('kind = "street"', 'topics = ["城建"]', 15, "城建"),
        ('kind = "street"', 'keywords = ["路灯"]', 15, "路灯"),
        ('kind = "street"', 'kind = "street"\nparent = "丙局"', 16, "丙局"),
        ('"乙路"', '"乙路", ""', 16, "empty"),
        ("territory", "teritory", 1, 'did you mean "territory"?'),
    ],
)
def test_a_mistake_is_named_with_its_line(old: str, new: str, line: int, expected: str) -> None:
    """Whoever wrote the file finds the place and knows what to change."""
    with pytest.raises(InvalidUnitsFile) as refused:
        load_units(_GOOD.replace(old, new, 1), "u.toml")
    assert f"line {line}" in str(refused.value)
    assert expected in str(refused.value)
