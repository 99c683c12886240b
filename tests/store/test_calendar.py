"""Changes of the calendar under open tickets, by an operator or by an upgrade of its library."""

from collections.abc import Iterator
from datetime import date, timedelta

import chinese_calendar
import pytest

from models.database import Store
from models.operations.calendar import change_calendar, settle_provisional
from models.operations.rulebook_change import ChangedDecision, MovedClock
from models.rulebook import RulebookCache, load_calendar
from models.rules import calendar
from models.rules.calendar import DeclaredDay
from models.rules.vocabulary import EventName
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


pytestmark = pytest.mark.store(databases=["sqlite"], fill=_one_complaint, whole=True)


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


@pytest.mark.store(databases=["sqlite", "postgresql"], fill=_one_complaint, whole=True)
def test_a_whole_year_declared_is_no_guess(store: Store) -> None:
    """Only the days off are named: what nobody names follows the law, and the caches see it."""
    now = row_of(store, "C1").updated_at
    document = "国务院办公厅关于节假日安排的通知"
    days = {NEXT.replace(day=n): DeclaredDay(False, document) for n in (1, 2, 3)}
    cache = RulebookCache()
    with store.reading() as session:
        before = cache.current(session).calendar
    assert before.day(NEXT).provisional
    with store.writing() as session:
        change = change_calendar(session, days, now, (NEXT.year, document))
    assert (change.year, change.days) == (True, 3)
    assert not row_of(store, "C1").provisional
    with store.reading() as session:
        after = cache.current(session).calendar
    year = [date(NEXT.year, 1, 1) + timedelta(n) for n in range(365)]
    assert [day for day in year if after.day(day).provisional] == []
    named = [day for day in year if day in days]
    assert [after.is_working(day) for day in named] == [False] * 3
    rest = [day for day in year if day not in days]
    assert [after.is_working(day) for day in rest] == [before.is_working(day) for day in rest]
    assert after.provisional(date(NEXT.year + 1, 3, 1), date(NEXT.year + 1, 3, 2))
    assert after.version > before.version
    with store.writing() as session:
        again = change_calendar(session, days, now, (NEXT.year, document))
    assert (again.year, again.days, again.tickets) == (False, 0, 0)


def test_a_known_year_takes_only_the_named_days(store: Store) -> None:
    """Its holidays would become working days, if the law's rule stood for what nobody names."""
    known = NEXT.year - 1
    day = {date(known, 12, 30): DeclaredDay(False, "市府通知")}
    now = row_of(store, "C1").updated_at
    with store.writing() as session:
        change = change_calendar(session, day, now, (known, "市府通知"))
        calendar_now = load_calendar(session)
    assert (change.year, change.days) == (False, 1)
    assert calendar_now.years == {}
    assert not calendar_now.is_working(date(known, 10, 2))


@pytest.mark.store(databases=["sqlite", "postgresql"])
def test_a_change_tells_what_came_and_what_went(store: Store) -> None:
    """Clocks with both dues, a deemed acceptance and cards that came or were taken back."""
    feed(store, [letter("D1", "2026-11-27T09:00")], at("2026-11-27T09:00"))
    more = [letter("D2", "2026-11-16T09:00", category="consultation"),
            message("D2", "unit.accepted", "2026-11-16T10:00")]  # fmt: skip
    feed(store, more, at("2026-11-27T09:00"))
    advance_tickets(store, ["D1", "D2"], at("2026-11-30T12:00"))
    assert (row_of(store, "D1").status, row_of(store, "D2").level) == ("dispatched", "red")
    works = {date(2026, 11, 28): DeclaredDay(True, "区府通知")}
    with store.writing() as session:
        change = change_calendar(session, works, at("2026-11-30T12:00"))
    unit = "城市管理和综合执法局"
    deemed = ChangedDecision("D1", EventName.TICKET_DEEMED_ACCEPTED, unit, came=True)
    assert change.decisions[0] == deemed
    begun = {clock.clock: clock for clock in change.moved}
    assert begun["handling"] == MovedClock("D1", "handling", None, at("2026-12-08T17:30"))
    off = {date(2026, 11, 28): DeclaredDay(False, "区府通知"),
           **{date(2026, 11, n): DeclaredDay(False, "停工") for n in range(17, 28)}}  # fmt: skip
    with store.writing() as session:
        change = change_calendar(session, off, at("2026-11-30T12:00"))
    gone = {d.subject for d in change.decisions if d.ticket == "D2" and not d.came}
    assert gone == {"yellow", "red", "first_contact"}
    moved = [c for c in change.moved if (c.ticket, c.clock) == ("D2", "handling")]
    assert moved == [MovedClock("D2", "handling", at("2026-11-17T17:30"), at("2026-11-30T17:30"))]
    undone = [d for d in change.decisions if d.event == EventName.TICKET_DEEMED_ACCEPTED]
    assert undone == [ChangedDecision("D1", EventName.TICKET_DEEMED_ACCEPTED, unit, came=False)]


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
