"""The timekeeper's log tells in time that next year's working days are only guessed."""

import logging
from datetime import timedelta

import pytest
from sqlalchemy import text

from models.database import Store
from models.operations.calendar import change_calendar
from models.rules.calendar import DeclaredDay, announced_years
from tests.store.factories import at
from workers.chores import Chore
from workers.housekeeping import CalendarWatch, Pruning

_YEAR = max(announced_years()) + 1
_FIRST = at(f"{_YEAR}-01-01T00:00")


@pytest.mark.store(databases=["sqlite"])
def test_the_log_warns_45_days_before_the_first_guess(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Not a day earlier, once a day, and no more when the year is declared."""

    def warned(days_before: int) -> int:
        caplog.clear()
        watch = CalendarWatch(store, lambda: _FIRST - timedelta(days=days_before))
        with caplog.at_level(logging.WARNING):
            watch()
            watch()
        return caplog.text.count(f"working days from {_YEAR}-01-01 on are a guess")

    assert [warned(46), warned(45), warned(1)] == [0, 1, 1]
    with store.writing() as session:
        change_calendar(session, {}, _FIRST, (_YEAR, "国办发明电"))
    assert warned(1) == 0


@pytest.mark.parametrize("forged", ["document = 'y'", "day = {unreadable}"])
def test_a_calendar_that_is_not_the_service_s_ends_no_timekeeper(
    store: Store, caplog: pytest.LogCaptureFixture, forged: str
) -> None:
    """Neither of its looks at the rulebook fails; the log says what to do."""
    with store.writing() as session:
        change_calendar(
            session, {_FIRST.date(): DeclaredDay(False, "x")}, _FIRST, (_YEAR, "国办发明电")
        )
        unreadable = "X'FF'" if session.dialect == "sqlite" else "'infinity'"
        session.execute(text(f"UPDATE calendar_day SET {forged.format(unreadable=unreadable)}"))
    pruning = Pruning(store, lambda: _FIRST)
    pruning._next = 0.0
    for look in (CalendarWatch(store, lambda: _FIRST), pruning):
        caplog.clear()
        Chore("looking", look)()
        assert "log --verify" in caplog.text
