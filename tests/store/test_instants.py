"""Instants on SQLite: bytes that are read as they were, and sort as time does."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.tables.instants import from_bytes, to_bytes
from tests.examples import examples
from tests.store.factories import at

zones = st.sampled_from([UTC, timezone(timedelta(hours=8)), at("2026-11-23T08:30").tzinfo])
seconds = st.timedeltas(timedelta(days=1), timedelta(days=3_652_000))
instants = st.builds(
    lambda since, zone: (datetime(1, 1, 2, tzinfo=UTC) + since).astimezone(zone),
    seconds | st.integers(0, 3_000_000).map(lambda n: timedelta(days=700_000, microseconds=n)),
    zones,
)


@given(instants, instants)
@settings(max_examples=examples(200))
def test_bytes_are_the_instant_and_sort_as_it_does(earlier: datetime, later: datetime) -> None:
    assert from_bytes(to_bytes(earlier)) == earlier
    assert from_bytes(to_bytes(earlier)).tzinfo is UTC
    assert (to_bytes(earlier) < to_bytes(later)) == (earlier < later)
    assert (to_bytes(earlier) == to_bytes(later)) == (earlier == later)


def test_whole_seconds_are_five_bytes() -> None:
    """As nearly all messages and deadlines are."""
    assert len(to_bytes(at("2026-11-23T08:30"))) == 5
    assert len(to_bytes(at("2026-11-23T08:30") + timedelta(microseconds=1))) == 8


@pytest.mark.parametrize(
    "stored", [b"", b"1234", b"123456", b"123456789", b"\xff" * 5, b"\xff" * 8]
)
def test_other_bytes_are_none(stored: bytes) -> None:
    with pytest.raises(ValueError, match="instant"):
        from_bytes(stored)


def test_before_the_year_one_there_is_none() -> None:
    with pytest.raises(OverflowError):
        to_bytes(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=8))))
