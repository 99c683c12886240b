"""The ladder beside an expiry: pre-warning, yellow, red."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.calendar import Calendar, DeclaredDay
from models.rules.levels import moments, provisional
from models.rules.policy import load_policy
from models.rules.terms import expiry
from models.rules.vocabulary import Level
from tests.rules import slow_calendar
from tests.rules.district import CALENDAR, LIVE_POLICY, POLICY, instant
from tests.rules.strategies import LAST, instants, overlays


@pytest.mark.parametrize(
    ("base", "due", "prewarning", "yellow", "red"),
    [
        (
            *("2026-09-29 16:00", "2026-10-14 17:30"),
            *("2026-10-13 08:30", "2026-10-15 08:30", "2026-10-16 08:30"),
        ),
        (
            *("2026-09-30 09:10", "2026-10-08 17:30"),
            *("2026-09-30 09:10", "2026-10-09 08:30", "2026-10-10 08:30"),
        ),
        (
            *("2026-09-18 18:40", "2026-09-22 17:30"),
            *("2026-09-21 08:30", "2026-09-23 08:30", "2026-09-24 08:30"),
        ),
        (
            *("2026-02-13 11:00", "2026-02-24 17:30"),
            *("2026-02-14 08:30", "2026-02-25 08:30", "2026-02-26 08:30"),
        ),
        (
            *("2025-01-24 17:29", "2025-02-10 17:30"),
            *("2025-02-08 08:30", "2025-02-11 08:30", "2025-02-12 08:30"),
        ),
    ],
)
def test_the_contracts_table(base: str, due: str, prewarning: str, yellow: str, red: str) -> None:
    expected = (
        (Level.PREWARNING, instant(prewarning)),
        (Level.YELLOW, instant(yellow)),
        (Level.RED, instant(red)),
    )
    assert moments(instant(base), instant(due), POLICY, CALENDAR) == expected
    in_utc = moments(instant(base).astimezone(UTC), instant(due).astimezone(UTC), POLICY, CALENDAR)
    assert in_utc == expected


def test_an_expiry_counted_in_hours_has_its_levels_by_its_calendar_day() -> None:
    base, due = instant("2026-11-06 10:00"), instant("2026-11-08 10:00")
    assert moments(base, due, POLICY, CALENDAR) == (
        (Level.PREWARNING, base),
        (Level.YELLOW, instant("2026-11-09 08:30")),
        (Level.RED, instant("2026-11-10 08:30")),
    )


def test_a_ladder_of_offsets() -> None:
    live = load_policy(LIVE_POLICY, "live.toml")
    base = instant("2026-10-03 23:00:00")
    due = expiry(base, live.terms.complaint, CALENDAR, live.office)
    assert due == instant("2026-10-03 23:00:30")
    assert moments(base, due, live, CALENDAR) == (
        (Level.PREWARNING, instant("2026-10-03 23:00:20")),
        (Level.YELLOW, instant("2026-10-03 23:00:40")),
        (Level.RED, instant("2026-10-03 23:00:50")),
    )
    assert moments(due, due, live, CALENDAR)[0] == (Level.PREWARNING, due), "not before the base"


def test_provisional_reaches_as_far_as_the_red_level() -> None:
    base = instant(f"{LAST}-12-24 10:00")
    short = expiry(base, POLICY.terms.consultation, CALENDAR, POLICY.office)
    assert not provisional(base, moments(base, short, POLICY, CALENDAR), CALENDAR), (
        "red comes before the year ends"
    )
    to_the_last = expiry(base, POLICY.terms.help, CALENDAR, POLICY.office)
    assert to_the_last.year == LAST
    later = instant(f"{LAST}-12-31 17:30")
    assert provisional(base, moments(base, later, POLICY, CALENDAR), CALENDAR), (
        "due this year, red in the next"
    )


@given(base=instants(), overlay=overlays(), n=st.integers(1, 15))
def test_moments_agree_with_the_slow_reading(
    base: datetime, overlay: dict[date, DeclaredDay], n: int
) -> None:
    due = slow_calendar.expiry(base, n, "workdays", overlay)
    expected = slow_calendar.ladder(base, due, overlay)
    assert moments(base, due, POLICY, Calendar(overlay)) == tuple(expected)
    guess = slow_calendar.guessed(base.date(), expected[-1][1].date(), overlay)
    ladder = [(Level(level), at) for level, at in expected]
    assert provisional(base, ladder, Calendar(overlay)) == guess
