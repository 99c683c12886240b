"""Changes of the calendar under open tickets, by an operator or by an upgrade of its library."""

from collections.abc import Iterator
from datetime import date

import chinese_calendar
import pytest

from models.database import Store
from models.operations.calendar import change_calendar, settle_provisional
from models.operations.rulebook_change import MovedClock
from models.rules import calendar
from models.rules.calendar import DeclaredDay
from tests.store.factories import (
    RESULT,
    advance_tickets,
    at,
    feed,
    letter,
    log_of,
    message,
    row_of,
)

NEXT = date(calendar.announced_years()[-1] + 1, 1, 4)
"""A day in the first week of the first year that nobody has announced."""


def _one_complaint(store: Store) -> None:
    """A ticket received in the last days before the year that nobody has announced."""
    year = NEXT.year - 1
    accepted = f"{year}-12-28T10:00"
    messages = [letter("C1", f"{year}-12-28T09:00"), message("C1", "unit.accepted", accepted)]
    feed(store, messages, at(accepted))
    advance_tickets(store, ["C1"], at(accepted))


pytestmark = pytest.mark.store(databases=["sqlite"], fill=_one_complaint)


@pytest.fixture
def the_library_learns(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """After the ticket was begun, `pip install -U chinesecalendar`: 1 and 4 January are off."""
    assert row_of(store, "C1").provisional
    for day in (NEXT.replace(day=1), NEXT):
        monkeypatch.setitem(chinese_calendar.holidays, day, "New year")
    last = date(NEXT.year, 12, 31)
    monkeypatch.setitem(chinese_calendar.workdays, last, "nothing")
    calendar.announced_years.cache_clear()
    yield
    monkeypatch.undo()
    calendar.announced_years.cache_clear()


def test_a_guess_stands_until_somebody_knows_better(store: Store) -> None:
    row = row_of(store, "C1")
    assert row.provisional
    with store.writing() as session:
        assert not settle_provisional(session, row.updated_at).moved
    assert row_of(store, "C1").provisional


@pytest.mark.usefixtures("the_library_learns")
def test_a_year_that_the_library_learns_moves_what_was_guessed(store: Store) -> None:
    before = row_of(store, "C1")
    with store.writing() as session:
        (moved,) = settle_provisional(session, before.updated_at).moved
    after = row_of(store, "C1")
    assert moved == MovedClock("C1", "handling", before.due, after.due)
    assert after.due > before.due
    assert not after.provisional
    (moved,) = [e for e in log_of(store, "C1") if e.name == "clock.moved"]
    assert moved.data["why"]["text"].startswith("the State Council")
    with store.writing() as session:
        assert not settle_provisional(session, before.updated_at).moved, "once"


def test_a_day_declared_working_takes_the_guess_away(store: Store) -> None:
    """With every day up to the red card declared, nothing is provisional, though nothing moves."""
    first = date(NEXT.year, 1, 1)
    guess = calendar.Calendar()
    days = [first.replace(day=n) for n in range(1, 21)]
    declared = {d: DeclaredDay(guess.is_working(d), "市府通知") for d in days}
    with store.writing() as session:
        result = change_calendar(session, declared, row_of(store, "C1").updated_at)
    assert not result.moved
    assert not row_of(store, "C1").provisional


def test_a_completed_ticket_goes_to_the_archive_by_the_new_days(store: Store) -> None:
    """The five working days before the archive count by the calendar as it is now."""
    now = at(f"{NEXT.year - 1}-12-29T10:00")
    more = [
        message("C1", "result.submitted", f"{NEXT.year - 1}-12-28T15:00", **RESULT),
        message("C1", "result.reviewed", f"{NEXT.year - 1}-12-28T16:00", approved=True),
        message("C1", "survey.rated", f"{NEXT.year - 1}-12-28T17:00", rating="satisfied"),
        message("C1", "contact.attempted", f"{NEXT.year - 1}-12-29T10:00", purpose="closing",
                outcome="reached", method="phone"),
    ]  # fmt: skip
    feed(store, more, now)
    advance_tickets(store, ["C1"], now)
    assert row_of(store, "C1").status == "completed"
    with store.writing() as session:
        change_calendar(session, {date(NEXT.year - 1, 12, 30): DeclaredDay(False, "市府通知")}, now)
    advance_tickets(store, ["C1"], at(f"{NEXT.year}-01-06T17:30"))
    assert row_of(store, "C1").status == "completed", "it would have gone today"
    advance_tickets(store, ["C1"], at(f"{NEXT.year}-01-07T17:30"))
    assert row_of(store, "C1").status == "archived"
