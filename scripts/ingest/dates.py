"""Instants out of a city's dates, in whatever form they come."""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from models.rules.text import clean
from scripts.ingest.records import Cell, cell_text

FOUND = "found:"
"""Before a pattern: the last date of that form anywhere in the text, such as under a letter."""

_EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  (a spreadsheet knows no zones)
_YEARS = range(1970, 2201)
"""No hotline is older, and a calendar of working days must be able to go on from it."""

Reader = Callable[[str], datetime | None]
"""The moment that a text names in one form, or None."""

_PIECES = {
    "%Y": r"(?P<year>\d{4})",
    "%m": r"(?P<month>\d{1,2})",
    "%d": r"(?P<day>\d{1,2})",
    "%H": r"(?P<hour>\d{1,2})",
    "%M": r"(?P<minute>\d{1,2})",
    "%S": r"(?P<second>\d{1,2})",
    "%I": r"(?P<hour>\d{1,2})",
    "%p": r"(?P<half>[AaPp])[Mm]",
}
"""What most cities write; anything else of strptime's is left to strptime, which is slower."""


def instant(cell: Cell, forms: Sequence[str], zone: tzinfo) -> datetime | None:
    """The moment that a cell names, aware, in its own zone or else in `zone`; None if none.

    A date without a time is its midnight. `forms` are tried in turn: "iso", "excel" (a serial
    number of days from 1900), a pattern of strptime, or one that is looked for in a longer text
    ("found:%Y年%m月%d日"). A spreadsheet's own dates need none.
    """
    found: datetime | None = None
    match cell:
        case datetime():
            found = _whole_seconds(cell)
        case date():
            found = datetime.combine(cell, time())
        case str() | int() | float():
            text = clean(cell_text(cell))
            for form in forms:
                if (found := reader(form)(text)) is not None:
                    break
        case _:
            pass
    if found is None or found.year not in _YEARS:
        return None
    return found if found.tzinfo else found.replace(tzinfo=zone)


@lru_cache(maxsize=256)
def reader(form: str) -> Reader:
    """What reads dates of this form."""
    if form == "iso":
        return _guarded(datetime.fromisoformat)
    if form == "excel":
        return _guarded(lambda text: _whole_seconds(_EXCEL_EPOCH + timedelta(days=float(text))))
    pattern = form.removeprefix(FOUND)
    expression = _expression(pattern)
    if expression is None:
        return _guarded(lambda text: datetime.strptime(text, pattern))  # noqa: DTZ007  (the mapping names the zone)
    if form is not pattern:
        return _guarded(lambda text: _last(expression, text))
    return _guarded(lambda text: _moment(expression.fullmatch(text)))


def _guarded(read: Callable[[str], datetime | None]) -> Reader:
    def guarded(text: str) -> datetime | None:
        try:
            return read(text)
        except (ValueError, OverflowError):
            return None

    return guarded


def _expression(pattern: str) -> re.Pattern[str] | None:
    parts = re.split(r"(%.)", pattern)
    if any(part.startswith("%") and part not in _PIECES for part in parts):
        return None
    try:
        # white space in a pattern stands for any, as in strptime
        text = "".join(_PIECES.get(p) or re.sub(r"(\\ )+", r"\\s+", re.escape(p)) for p in parts)
        return re.compile(text, re.ASCII)
    except re.error:  # a piece that stands twice
        return None


def _moment(found: re.Match[str] | None) -> datetime | None:
    if found is None:
        return None
    parts = found.groupdict()
    half = parts.pop("half", None)
    numbers = {name: int(text) for name, text in parts.items()}
    if half:
        if not 1 <= numbers["hour"] <= 12:
            raise ValueError(half)
        numbers["hour"] = numbers["hour"] % 12 + (12 if half in "Pp" else 0)
    return datetime(**numbers)  # type: ignore[arg-type]  # noqa: DTZ001  (the mapping names the zone)


def _last(expression: re.Pattern[str], text: str) -> datetime | None:
    return _moment(max(expression.finditer(text), key=re.Match.start, default=None))


def _whole_seconds(moment: datetime) -> datetime:
    # A serial number is a float of days: 11:20:21 comes back as 11:20:20.999997.
    return (moment + timedelta(microseconds=500_000)).replace(microsecond=0)
