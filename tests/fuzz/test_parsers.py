"""A short fuzz run of every parser; `make fuzz` runs each for ten minutes."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutations import nearly_valid
from tests.fuzz.target import failure_of
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_falls_out(name: str) -> None:
    """Every input is read, or refused with an error of the project."""
    target = TARGETS[name]
    for seed in target.seeds:
        target.run(seed)

    @settings(
        max_examples=target.examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**64))
    def run(number: int) -> None:
        data = nearly_valid(Random(number), target.seeds)
        assert failure_of(target, data) is None, data

    run()


@given(st.binary(max_size=40))
def test_a_target_that_falls_over_is_noticed(data: bytes) -> None:
    """The harness itself: an error that is not the project's is described with its place."""
    target = TARGETS["filter"]._replace(run=lambda data: (1 // 0, None)[1])
    failure = failure_of(target, data)
    assert failure is not None
    assert failure.startswith("ZeroDivisionError in ")


@pytest.mark.parametrize("name", ["policy", "units", "mapping", "channels", "roles"])
def test_nesting_without_end_is_refused(name: str) -> None:
    """Found by `make fuzz`: Python's TOML reader gives up by a RecursionError."""
    for deep in (b"a = " + b"[" * 5_000, b"a = " + b"{a=" * 5_000):
        assert failure_of(TARGETS[name], deep) is None


def test_an_edit_nested_without_end_is_refused() -> None:
    """Found by `make fuzz` in the monitor's editor."""
    assert failure_of(TARGETS["mending"], b"[" * 5_000) is None


def test_a_time_of_day_that_is_a_number_is_refused() -> None:
    """Found by `make fuzz` in the policy."""
    text = b'[slots]\nmorning_until = "12:00"\nafternoon_until = 2346'
    assert failure_of(TARGETS["policy"], text) is None


def test_more_time_than_there_is_is_refused() -> None:
    """Found by `make fuzz` in the monitor's filter."""
    for text in ("剩:<99999999999日", "left:>99999999999999999999h", "剩:<9999日"):
        assert failure_of(TARGETS["filter"], text.encode()) is None


def test_a_first_object_of_a_strange_type_is_read() -> None:
    """Found by `make fuzz`: the object by which a feed's layout is told named no type."""
    for kind in (b"{}", b"[]", b"null", b"1"):
        assert failure_of(TARGETS["feed of messages"], b'[{"id": "d", "type": %b}]' % kind) is None


@pytest.mark.parametrize(
    "place", ["RRRRRRR1", "C" + "r" * 100 + "1", "A999999999999", "&#90;&#90;&#90;9999999"]
)
def test_a_cell_that_is_nowhere_takes_no_memory(place: str) -> None:
    """Found by `make fuzz`: the fast reader asked for 260 GB, and the process was gone."""
    target = TARGETS["feed of a sheet"]
    (sheet,) = target.seeds
    data = sheet.replace(b'r="B3"', f'r="{place}"'.encode())
    assert data != sheet
    assert failure_of(target, data) is None
