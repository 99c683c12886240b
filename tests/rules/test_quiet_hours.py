"""Quiet hours over nights, weekends and holidays, and time that does not count while quiet."""

from datetime import date, time, timedelta

import pytest

from models.rules.calendar import Calendar, DeclaredDay
from models.rules.policy import Policy, load_policy
from models.rules.quiet_hours import QuietHours
from tests.rules.district import policy_with
from tests.store.factories import at

HOURS = 'quiet_from = "21:00"\nquiet_until = "07:30"\n'
DAYS_OFF = ("quiet_days_off = true", "quiet_days_off = false")


def _quiet(*changes: tuple[str, str], calendar: Calendar | None = None) -> QuietHours:
    policy: Policy = load_policy(policy_with(*changes), "quiet.toml")
    return QuietHours.under(policy, calendar or Calendar())


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        ("2026-09-30T20:59", "2026-09-30T20:59"),
        ("2026-09-30T21:00", "2026-10-08T07:30"),  # the evening before a holiday
        ("2026-10-01T12:00", "2026-10-08T07:30"),  # noon of National Day
        ("2026-10-07T23:59", "2026-10-08T07:30"),
        ("2026-10-08T03:00", "2026-10-08T07:30"),
        ("2026-10-09T21:00", "2026-10-10T07:30"),  # Saturday the 10th is worked
        ("2026-10-10T09:00", "2026-10-10T09:00"),
        ("2026-10-11T09:00", "2026-10-12T07:30"),  # Sunday
        ("2030-10-05T09:00", "2030-10-07T07:30"),  # nobody has announced that year
    ],
)
def test_days_off_are_quiet_until_the_next_working_morning(moment: str, end: str) -> None:
    assert _quiet().end_after(at(moment)) == at(end)


def test_without_days_off_a_holiday_is_like_any_day() -> None:
    quiet = _quiet(DAYS_OFF)
    assert quiet.end_after(at("2026-10-01T12:00")) == at("2026-10-01T12:00")
    assert quiet.end_after(at("2026-10-01T22:00")) == at("2026-10-02T07:30")


def test_without_hours_a_day_off_ends_with_the_opening() -> None:
    """So it does where the quiet hours lie in the day; they hold after it too."""
    assert _quiet((HOURS, "")).end_after(at("2026-10-01T12:00")) == at("2026-10-08T08:30")
    by_day = _quiet((HOURS, 'quiet_from = "08:00"\nquiet_until = "09:15"\n'))
    assert by_day.end_after(at("2026-10-01T12:00")) == at("2026-10-08T09:15")


def test_a_declared_day_counts() -> None:
    """A Saturday that an operator declared working is not quiet, a Monday declared off is."""
    days = {
        date(2026, 10, 17): DeclaredDay(working=True, document="粤府办〔2026〕1号"),
        date(2026, 10, 19): DeclaredDay(working=False, document="台风停工通知"),
    }
    quiet = _quiet(calendar=Calendar(days))
    assert quiet.end_after(at("2026-10-17T12:00")) == at("2026-10-17T12:00")
    assert quiet.end_after(at("2026-10-18T12:00")) == at("2026-10-20T07:30")


def test_quiet_days_are_no_time_that_a_channel_was_down() -> None:
    day = timedelta(hours=24)
    assert _quiet().waited_since(at("2026-10-14T12:00"), day) == at("2026-10-13T12:00")
    assert _quiet().waited_since(at("2026-10-12T07:40"), day) == at("2026-10-10T07:40")
    assert _quiet().waited_since(at("2026-10-08T07:40"), day) == at("2026-09-30T07:40")
    assert _quiet(DAYS_OFF).waited_since(at("2026-10-08T07:40"), day) == at("2026-10-07T07:40")


def test_opening_is_the_policys() -> None:
    assert _quiet().opening == time(8, 30)
