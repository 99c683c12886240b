"""The festivals that the law makes days off, as the State Council's regulation names them.

全国年节及纪念日放假办法 as amended on 2024-11-10; the days off that are arranged around them are
declared year by year. A test compares them with the package holidays, of which only the lunar
calendar is used: its class of China loads the holidays of all countries, 11 MB.
"""

from datetime import date, timedelta
from functools import cache

_DAY = timedelta(days=1)


@cache
def festivals(year: int) -> dict[date, str]:
    """Return the festival days of a year by name; those of the moon are known from 1901 to 2099."""
    from holidays.calendars import chinese  # noqa: PLC0415  (3 MB, and rarely needed)

    moon = chinese._ChineseLunisolar()
    qingming, _estimated = moon.qingming_date(year)
    days = {
        date(year, 1, 1): "New Year's Day",
        qingming: "Tomb-Sweeping Day",
        date(year, 5, 1): "Labor Day",
        date(year, 5, 2): "Labor Day",
        **{date(year, 10, day): "National Day" for day in (1, 2, 3)},
    }
    new_year, _estimated = moon.lunar_new_year_date(year)
    if new_year is not None:
        days[new_year - _DAY] = "Chinese New Year's Eve"
        days |= {new_year + n * _DAY: "Chinese New Year (Spring Festival)" for n in range(3)}
    for festival, (day, _estimated) in (
        ("Dragon Boat Festival", moon.dragon_boat_date(year)),
        ("Mid-Autumn Festival", moon.mid_autumn_date(year)),
    ):
        if day is not None:
            days[day] = festival
    return days
