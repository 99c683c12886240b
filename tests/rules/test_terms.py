"""From a base to an expiry: the table of the contract, and a slow second reading."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.i18n import render
from models.rules.calendar import Calendar, DeclaredDay
from models.rules.counted_days import count_days
from models.rules.terms import Moment, Term, describe_term, expiry
from tests.rules import slow_calendar
from tests.rules.district import CALENDAR, POLICY, day, instant
from tests.rules.strategies import instants, overlays

HOURS = POLICY.office


@pytest.mark.parametrize(
    ("base", "category", "due"),
    [
        ("2026-09-29 16:00", "complaint", "2026-10-14 17:30"),
        ("2026-09-30 09:10", "consultation", "2026-10-08 17:30"),
        ("2026-09-18 18:40", "help", "2026-09-22 17:30"),
        ("2026-02-13 11:00", "suggestion", "2026-02-24 17:30"),
        ("2025-01-24 17:29", "complaint", "2025-02-10 17:30"),
    ],
)
def test_working_days_as_the_contract_counts_them(base: str, category: str, due: str) -> None:
    term = getattr(POLICY.terms, category)
    assert expiry(instant(base), term, CALENDAR, HOURS) == instant(due)


@pytest.mark.parametrize(
    ("base", "due"),
    [
        ("2026-10-09 10:00", "2026-10-09 17:30"),
        ("2026-10-09 15:00", "2026-10-10 12:00"),
        ("2026-10-09 08:30", "2026-10-09 17:30"),
        ("2026-10-09 08:29:59", "2026-10-09 12:00"),
        ("2026-10-09 14:30", "2026-10-10 12:00"),
        ("2026-10-11 09:00", "2026-10-12 12:00"),
    ],
)
def test_half_a_working_day_ends_with_the_first_that_begins_after_it(base: str, due: str) -> None:
    assert expiry(instant(base), POLICY.terms.evidence, CALENDAR, HOURS) == instant(due)


@pytest.mark.parametrize(
    ("base", "days", "due"),
    [
        ("2026-11-02 09:00", 1, "2026-11-03 17:30"),
        ("2026-11-02 23:30", 3, "2026-11-05 17:30"),
        ("2026-11-02 09:00", 5, "2026-11-09 17:30"),  # the fifth day is a Saturday
        ("2026-09-25 09:00", 10, "2026-10-08 17:30"),  # the tenth lies in the holidays
        ("2026-10-01 09:00", 9, "2026-10-10 17:30"),  # a make-up Saturday works
    ],
)
def test_decision_37_calendar_days_end_at_closing_time_of_a_working_day(
    base: str, days: int, due: str
) -> None:
    assert expiry(instant(base), Term(days, "calendardays"), CALENDAR, HOURS) == instant(due)


def test_hours_run_day_and_night() -> None:
    base = instant("2026-10-01 23:00")
    assert expiry(base, POLICY.terms.on_site, CALENDAR, HOURS) == instant("2026-10-02 01:00")
    assert expiry(base, POLICY.terms.emergency_report, CALENDAR, HOURS) == instant(
        "2026-10-02 23:00"
    )


@pytest.mark.parametrize("base", ["2026-10-03 10:00", "2026-09-30 17:30:01", "2026-09-30 23:59"])
def test_a_base_after_hours_or_on_a_day_off_changes_nothing(base: str) -> None:
    one_day = Term.parse("1 workday")
    assert expiry(instant(base), one_day, CALENDAR, HOURS) == instant("2026-10-08 17:30")


def test_the_base_may_be_in_any_zone() -> None:
    local = instant("2026-09-30 07:00")
    term = Term.parse("1 workday")
    assert expiry(local.astimezone(UTC), term, CALENDAR, HOURS) == instant("2026-10-08 17:30")
    assert expiry(local.astimezone(UTC), Term.parse("1 half-day"), CALENDAR, HOURS) == instant(
        "2026-09-30 12:00"
    )


def test_a_declared_day_off_moves_the_expiry() -> None:
    calendar = Calendar({day("2026-11-04"): DeclaredDay(False, "台风停工")})
    term = Term.parse("3 workdays")
    assert expiry(instant("2026-11-02 10:00"), term, CALENDAR, HOURS) == instant("2026-11-05 17:30")
    assert expiry(instant("2026-11-02 10:00"), term, calendar, HOURS) == instant("2026-11-06 17:30")


@given(
    base=instants(),
    overlay=overlays(),
    count=st.integers(1, 30),
    unit=st.sampled_from(
        ["workdays", "halfdays", "calendardays", "days", "hours", "minutes", "seconds"]
    ),
)
def test_expiry_agrees_with_the_slow_reading(
    base: datetime, overlay: dict[date, DeclaredDay], count: int, unit: str
) -> None:
    term = Term(count, unit)  # type: ignore[arg-type]
    expected = slow_calendar.expiry(base, count, unit, overlay)
    assert expiry(base, term, Calendar(overlay), HOURS) == expected
    assert expiry(base.astimezone(UTC), term, Calendar(overlay), HOURS) == expected
    assert expected > base


@given(base=instants(), overlay=overlays(), n=st.integers(1, 12))
def test_the_explanation_counts_to_the_same_day(
    base: datetime, overlay: dict[date, DeclaredDay], n: int
) -> None:
    calendar = Calendar(overlay)
    term = Term(n, "workdays")
    due = expiry(base, term, calendar, HOURS)
    told_days = count_days(base, due, term, calendar, HOURS)
    assert [d.day for d in told_days] == [
        base.date() + timedelta(i) for i in range((due.date() - base.date()).days + 1)
    ]
    assert not told_days[0].counts, "the day of the base is not counted"
    assert sum(d.counts for d in told_days) == n
    assert [d.number for d in told_days if d.counts] == list(range(1, n + 1))
    assert all(d.why.text for d in told_days)


def counted(base: str, term: str) -> list[tuple[str, bool, int | None, str]]:
    """Every day of a term: the day, whether it counts, its number, and why."""
    parsed, begin = Term.parse(term), instant(base)
    due = expiry(begin, parsed, CALENDAR, HOURS)
    days = count_days(begin, due, parsed, CALENDAR, HOURS)
    return [(f"{d.day:%m-%d}", d.counts, d.number, render(d.why)) for d in days]


def test_hours_count_over_holidays_too() -> None:
    days = counted("2026-09-30 10:00", "48 hours")
    assert [day for day, *_ in days] == ["09-30", "10-01", "10-02"]
    assert {(counts, why) for _, counts, _, why in days} == {(True, "hours run day and night")}


def test_a_half_day_may_be_the_day_of_the_base() -> None:
    assert counted("2026-10-09 10:00", "1 half-day") == [("10-09", True, 1, "working day")]
    assert counted("2026-10-10 15:00", "3 half-days") == [
        ("10-10", False, None, "no working half-day begins after the base"),
        ("10-11", False, None, "weekend"),
        ("10-12", True, 2, "working day"),
        ("10-13", True, 3, "working day"),
    ]


def test_calendar_days_count_days_off_but_not_at_the_end() -> None:
    assert counted("2026-09-29 16:00", "3 calendar-days") == [
        ("09-29", False, None, "the day of the base is not counted"),
        ("09-30", True, 1, "calendar day"),
        ("10-01", True, 2, "calendar day"),
        *[(f"10-0{n}", False, None, "National Day") for n in range(2, 8)],
        ("10-08", True, 3, "the last day was off: the term ends on the next working day"),
    ]
    assert counted("2026-10-01 09:00", "8 calendar-days")[-1] == ("10-09", True, 8, "calendar day")


@pytest.mark.parametrize(
    ("text", "term", "words"),
    [
        ("7 workdays", Term(7, "workdays"), "7 working days"),
        ("1 workday", Term(1, "workdays"), "1 working day"),
        ("1 half-day", Term(1, "halfdays"), "1 working half-day"),
        ("24 hours", Term(24, "hours"), "24 hours"),
        ("30 minutes", Term(30, "minutes"), "30 minutes"),
        ("20 seconds", Term(20, "seconds"), "20 seconds"),
        ("7 days", Term(7, "days"), "7 days"),
        ("10 calendar-days", Term(10, "calendardays"), "10 calendar days"),
    ],
)
def test_terms_are_written_in_words(text: str, term: Term, words: str) -> None:
    assert Term.parse(text) == term
    assert str(term) == text
    assert render(describe_term(term)) == words


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0 days",
        "00 days",
        "9999999999 days",
        "200000 hours",
        "7",
        "seven days",
        "7 weeks",
        "-1 day",
        "1.5 days",
    ],
)
def test_a_wrong_term_says_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="workdays, half-days, calendar-days, days, hours"):
        Term.parse(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("workday -1", Moment(workday=-1)),
        ("workday +2", Moment(workday=2)),
        ("-2h", Moment(offset=timedelta(hours=-2))),
        ("+20s", Moment(offset=timedelta(seconds=20))),
        ("+15m", Moment(offset=timedelta(minutes=15))),
        ("-1d", Moment(offset=timedelta(days=-1))),
    ],
)
def test_moments_beside_an_expiry(text: str, moment: Moment) -> None:
    assert Moment.parse(text) == moment
    assert str(moment) == text


@pytest.mark.parametrize(
    "text", ["", "+99999999999d", "2h", "workday 1", "workday +0", "+1w", "-1.5h", "opening"]
)
def test_a_wrong_moment_says_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="workday -1"):
        Moment.parse(text)
