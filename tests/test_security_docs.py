"""The threat model names tests that there are, and every limit with its value."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from models.rules import limits

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
UNITS = {"KiB": limits.KIB, "MiB": limits.MIB, "GiB": limits.GIB}

LIMITS = {
    name: value
    for name, value in vars(limits).items()
    if name.isupper() and name not in ("KIB", "MIB", "GIB")
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_stands_in_the_manual_with_its_value(name: str) -> None:
    row = re.search(rf"^\| `{name}`[^|]*\| ([^|]+) \|$", PAGE, re.MULTILINE)
    assert row is not None
    number, _space, unit = row.group(1).partition(" ")
    count = int(number.replace(",", ""))
    value = (
        timedelta(minutes=count) if unit in ("minute", "minutes") else count * UNITS.get(unit, 1)
    )
    assert value == LIMITS[name]


def test_every_test_that_is_named_is_there() -> None:
    names = set(re.findall(r"`(tests/[\w/.]+)`", PAGE))
    assert names
    assert [name for name in names if not (ROOT / name).exists()] == []
