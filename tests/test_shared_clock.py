"""One clock for all hosts, and a clock that is set otherwise is told of."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError

from models import shared_clock
from models.clock import system_clock
from models.database import Store
from models.shared_clock import SharedClock, store_clock
from tests.store.factories import prepared_store

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def test_time_goes_on_between_two_looks() -> None:
    """The source is asked once, and what it said is counted on."""
    asked = []

    def read() -> datetime:
        asked.append(NOON)
        return NOON

    clock = SharedClock(read)
    first, second = clock(), clock()
    assert NOON <= first < second < NOON + timedelta(seconds=5)
    assert len(asked) == 1


def test_a_jump_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A source that is suddenly an hour ahead is followed, and the log says by how much."""
    monkeypatch.setattr(shared_clock, "READ_INTERVAL", 0.0)
    answers = iter([NOON, NOON + timedelta(hours=1)])
    clock = SharedClock(lambda: next(answers))
    clock()
    with caplog.at_level(logging.WARNING, "hotline.clock"):
        assert clock() >= NOON + timedelta(hours=1)
    assert "the clock jumped by +3" in caplog.text


def test_a_store_that_is_away_stops_no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first look, time goes on without it; before it there is no time to tell."""
    monkeypatch.setattr(shared_clock, "READ_INTERVAL", 0.0)
    away = OperationalError("", None, Exception("away"))
    answers: list[datetime | Exception] = [away, NOON, away]

    def read() -> datetime:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    clock = SharedClock(read)
    with pytest.raises(OperationalError):
        clock()
    assert clock() >= NOON
    assert clock() >= NOON
    assert not answers


def test_the_clock_of_a_store_is_about_right(store_url: str) -> None:
    """On this machine the database and Python read the same clock."""
    with prepared_store(store_url) as store:
        assert isinstance(store, Store)
        assert abs(store_clock(store)() - system_clock()) < timedelta(seconds=2)
