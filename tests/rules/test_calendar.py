"""Working days: overlay before chinese-calendar before a provisional guess."""

from datetime import date, timedelta

import pytest
from holidays.countries.china import China
from hypothesis import given
from hypothesis import strategies as st

from models.i18n import render
from models.rules.calendar import Calendar, DeclaredDay, announced_years
from models.rules.festivals import festivals
from tests.rules import slow_calendar
from tests.rules.district import CALENDAR, day
from tests.rules.strategies import days, overlays

UNKNOWN = announced_years().stop
"""The first year that nobody has announced yet, whatever release of the library is installed."""


@pytest.mark.parametrize(
    ("when", "counts"),
    [
        ("2026-09-18", True),
        ("2026-09-19", False),
        ("2026-09-20", True),
        ("2026-09-25", False),
        ("2026-10-01", False),
        ("2026-10-07", False),
        ("2026-10-08", True),
        ("2026-10-10", True),
        ("2026-10-11", False),
        ("2026-02-14", True),
        ("2026-02-23", False),
        ("2026-02-28", True),
        ("2025-01-26", True),
        ("2025-02-08", True),
        ("2025-02-09", False),
    ],
)
def test_holidays_and_make_up_days_of_the_state_council(when: str, counts: bool) -> None:
    assert CALENDAR.is_working(day(when)) is counts
    result = CALENDAR.day(day(when))
    assert (result.day, result.counts, result.provisional) == (day(when), counts, False)


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("2026-09-18", "working day"),
        ("2026-09-19", "weekend"),
        ("2026-09-20", "make-up working day for"),
        ("2026-10-01", "National Day"),
    ],
)
def test_every_day_says_why_it_counts_or_not(when: str, why: str) -> None:
    assert why in render(CALENDAR.day(day(when)).why)


def test_the_operators_overlay_wins_over_everything() -> None:
    off = DeclaredDay(working=False, document="停工通知〔2026〕3号")
    on = DeclaredDay(working=True, document="加班通知〔2026〕4号")
    next_year = date(UNKNOWN, 3, 1)
    calendar = Calendar(
        overlay={
            day("2026-09-18"): off,
            day("2026-09-20"): off,
            day("2026-09-19"): on,
            day("2026-10-01"): on,
            next_year: on,
        }
    )
    assert not calendar.is_working(day("2026-09-18")), "an ordinary Friday, declared off"
    assert not calendar.is_working(day("2026-09-20")), "a make-up Sunday, declared off"
    assert calendar.is_working(day("2026-09-19")), "a Saturday, declared working"
    assert calendar.is_working(day("2026-10-01")), "National Day, declared working"
    assert render(calendar.day(day("2026-09-18")).why).endswith("停工通知〔2026〕3号")
    assert render(calendar.day(day("2026-09-19")).why).endswith("加班通知〔2026〕4号")
    assert not calendar.day(next_year).provisional, "a declared day is no guess"
    assert calendar.day(next_year).counts


@pytest.mark.parametrize("year", [1, 1900, 1949, 2003, UNKNOWN, 2100, 2101, 9998])
def test_a_year_that_nobody_announced_never_raises(year: int) -> None:
    midsummer = date(year, 6, 30)
    assert CALENDAR.day(midsummer).provisional
    assert CALENDAR.after(midsummer, 7) > midsummer
    assert CALENDAR.after(midsummer, -7) < midsummer
    assert CALENDAR.provisional(midsummer, midsummer)
    assert CALENDAR.is_working(CALENDAR.after(midsummer, 1))


@pytest.mark.skipif(UNKNOWN != 2027, reason="2027 has been announced")
def test_a_provisional_year_leaves_out_the_festivals_fixed_by_law() -> None:
    """全国年节及纪念日放假办法, as amended for 2025: 13 days."""
    festivals = {
        day(f"2027-{text}")
        for text in (
            *("01-01", "02-05", "02-06", "02-07", "02-08", "04-05", "05-01", "05-02"),
            *("06-09", "09-15", "10-01", "10-02", "10-03"),
        )
    }
    start = date(2027, 1, 1)
    off = {d for n in range(365) if not CALENDAR.day(d := start + timedelta(n)).counts}
    weekends = {d for n in range(365) if (d := start + timedelta(n)).isoweekday() > 5}
    assert off == festivals | weekends
    assert "National Day" in render(CALENDAR.day(date(2027, 10, 1)).why)


def test_the_law_knows_the_festivals_that_the_library_knows() -> None:
    """For years whose arrangement nobody knows yet; an amended law is found out here."""
    for year in range(UNKNOWN, 2100):
        known = China(years=year, observed=False, language="en_US")  # type: ignore[no-untyped-call]
        assert festivals(year).keys() == known.keys()
        # one that falls on another has both names there
        assert all(name in known[on] for on, name in festivals(year).items())


def test_a_span_is_provisional_when_one_of_its_days_is() -> None:
    last, first = date(UNKNOWN - 1, 12, 31), date(UNKNOWN, 1, 1)
    assert not CALENDAR.provisional(last, last)
    assert CALENDAR.provisional(last, first)
    declared = Calendar(overlay={first: DeclaredDay(False, "元旦")})
    assert not declared.provisional(last, first)
    assert declared.provisional(last, first + timedelta(1))


@given(overlay=overlays(), when=days(), n=st.integers(1, 40), back=st.booleans())
def test_the_nth_working_day_is_found_like_with_a_finger_on_a_wall_calendar(
    overlay: dict[date, DeclaredDay], when: date, n: int, back: bool
) -> None:
    n = -n if back else n
    assert Calendar(overlay).after(when, n) == slow_calendar.nth_working_day(when, n, overlay)


@given(overlay=overlays(), when=days(), length=st.integers(0, 40))
def test_days_and_spans_agree_with_the_slow_reading(
    overlay: dict[date, DeclaredDay], when: date, length: int
) -> None:
    calendar, last = Calendar(overlay), when + timedelta(length)
    assert calendar.is_working(when) == slow_calendar.counts(when, overlay)
    assert calendar.day(when).counts == slow_calendar.counts(when, overlay)
    assert calendar.day(when).provisional == slow_calendar.guessed(when, when, overlay)
    assert calendar.provisional(when, last) == slow_calendar.guessed(when, last, overlay)


@given(overlay=overlays(), kept=st.dictionaries(days(), st.booleans(), max_size=3))
def test_a_declared_year_follows_the_law_and_is_no_guess(
    overlay: dict[date, DeclaredDay], kept: dict[date, bool]
) -> None:
    """As the guess, day for day, but known; also for a ticket that keeps days as they were."""
    year = announced_years()[-1] + 1
    plain = Calendar(overlay)
    declared = Calendar(overlay, 1, {year: "国办通知"})
    span = [date(year, 1, 1) + timedelta(n) for n in range(365)]
    assert [declared.day(d).counts for d in span] == [plain.day(d).counts for d in span]
    assert not any(declared.day(d).provisional for d in span)
    assert not any("provisional" in render(declared.day(d).why) for d in span)
    assert not declared.provisional(date(year - 1, 6, 1), date(year, 12, 31))
    assert declared.provisional(date(year, 12, 1), date(year + 1, 12, 31))
    assert not declared.keeping_days(kept).provisional(span[0], span[-1])
