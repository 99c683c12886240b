"""Instants out of a city's dates, in whatever form they come."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, tzinfo

from models.rules.text import clean
from scripts.feeds.rows import Cell, shown

_EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  (a spreadsheet knows no zones)
_YEARS = range(1970, 2201)
"""No hotline is older, and a calendar of working days must be able to go on from it."""


def instant(cell: Cell, forms: Sequence[str], zone: tzinfo) -> datetime | None:
    """The moment that a cell names, aware, in its own zone or else in `zone`; None if none.

    A date without a time is its midnight. `forms` are tried in turn: "iso", "excel" (a serial
    number of days from 1900) or a pattern of strptime. A spreadsheet's own dates need none.
    """
    match cell:
        case datetime():
            found: datetime | None = _whole_seconds(cell)
        case date():
            found = datetime.combine(cell, time())
        case str() | int() | float():
            text = clean(shown(cell))
            tried = (_read(text, form) for form in forms)
            found = next((moment for moment in tried if moment is not None), None)
        case _:
            found = None
    if found is None or found.year not in _YEARS:
        return None
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _read(text: str, form: str) -> datetime | None:
    try:
        match form:
            case "iso":
                return datetime.fromisoformat(text)
            case "excel":
                return _whole_seconds(_EXCEL_EPOCH + timedelta(days=float(text)))
            case _:
                return datetime.strptime(text, form)  # noqa: DTZ007  (the mapping names the zone)
    except (ValueError, OverflowError):
        return None


def _whole_seconds(moment: datetime) -> datetime:
    # A serial number is a float of days: 11:20:21 comes back as 11:20:20.999997.
    return (moment + timedelta(microseconds=500_000)).replace(microsecond=0)
