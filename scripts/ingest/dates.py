"""Parse the dates of cities, in whatever form they come, into instants."""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from models.rules.text import clean
from scripts.ingest.records import Cell, cell_text

ANYWHERE = "found:"
"""Before a pattern: the last date of that form anywhere in the text, such as under a letter."""

_EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  (a spreadsheet knows no zones)
_YEARS = range(1970, 2201)
"""No hotline is older, and the calendar of working days must cover what follows."""

Parser = Callable[[str], datetime | None]
"""Parses a text of one form; None if it has another."""

_DIRECTIVES = {
    "%Y": r"(?P<year>\d{4})",
    "%m": r"(?P<month>\d{1,2})",
    "%d": r"(?P<day>\d{1,2})",
    "%H": r"(?P<hour>\d{1,2})",
    "%M": r"(?P<minute>\d{1,2})",
    "%S": r"(?P<second>\d{1,2})",
    "%I": r"(?P<hour>\d{1,2})",
    "%p": r"(?P<half>[AaPp])[Mm]",
}
"""The directives that most cities need; others are left to strptime, which is slower."""


def parse_instant(cell: Cell, forms: Sequence[str], zone: tzinfo) -> datetime | None:
    """The instant that a cell names, aware, in its own zone or else in `zone`; None if it is none.

    A date without a time is its midnight. `forms` are tried in turn: "iso", "excel" (a serial
    number of days from 1900), a pattern of strptime, or one that is searched for in a longer text
    ("found:%Y年%m月%d日"). A spreadsheet's own dates need none.
    """
    dated = parse_dated(cell, forms, zone)
    return dated[0] if dated is not None else None


def parse_dated(cell: Cell, forms: Sequence[str], zone: tzinfo) -> tuple[datetime, bool] | None:
    """The instant that a cell names, and whether it is a day; tables write midnight for no time."""
    moment = _parse(cell, forms)
    if moment is None:
        return None
    if moment.tzinfo is not None:
        return moment, False
    return moment.replace(tzinfo=zone), moment.time() == time()


def _parse(cell: Cell, forms: Sequence[str]) -> datetime | None:
    moment: datetime | None = None
    match cell:
        case datetime():
            moment = _whole_seconds(cell)
        case date():
            moment = datetime.combine(cell, time())
        case str() | int() | float():
            text = clean(cell_text(cell))
            for form in forms:
                if (moment := parser_of(form)(text)) is not None:
                    break
        case _:
            pass
    return moment if moment is not None and moment.year in _YEARS else None


@lru_cache(maxsize=256)
def parser_of(form: str) -> Parser:
    """The parser of dates of this form."""
    if form == "iso":
        return _or_none(datetime.fromisoformat)
    if form == "excel":
        return _or_none(lambda text: _whole_seconds(_EXCEL_EPOCH + timedelta(days=float(text))))
    pattern = form.removeprefix(ANYWHERE)
    expression = _expression(pattern)
    if expression is None:
        return _or_none(lambda text: datetime.strptime(text, pattern))  # noqa: DTZ007  (the mapping names the zone)
    if form is not pattern:
        return _or_none(lambda text: _last_moment(expression, text))
    return _or_none(lambda text: _moment(expression.fullmatch(text)))


def _or_none(parse: Callable[[str], datetime | None]) -> Parser:
    """The same parser, with None where it raises."""

    def parse_or_none(text: str) -> datetime | None:
        try:
            return parse(text)
        except (ValueError, OverflowError):
            return None

    return parse_or_none


def _expression(pattern: str) -> re.Pattern[str] | None:
    parts = re.split(r"(%.)", pattern)
    if any(part.startswith("%") and part not in _DIRECTIVES for part in parts):
        return None
    try:
        # white space in a pattern stands for any, as in strptime
        text = "".join(
            _DIRECTIVES.get(part) or re.sub(r"(\\ )+", r"\\s+", re.escape(part)) for part in parts
        )
        return re.compile(text, re.ASCII)
    except re.error:  # a directive that stands twice
        return None


def _moment(match: re.Match[str] | None) -> datetime | None:
    if match is None:
        return None
    groups = match.groupdict()
    half = groups.pop("half", None)
    numbers = {name: int(text) for name, text in groups.items()}
    if half:
        if not 1 <= numbers["hour"] <= 12:
            raise ValueError(half)
        numbers["hour"] = numbers["hour"] % 12 + (12 if half in "Pp" else 0)
    return datetime(**numbers)  # type: ignore[arg-type]  # noqa: DTZ001  (the mapping names the zone)


def _last_moment(expression: re.Pattern[str], text: str) -> datetime | None:
    return _moment(max(expression.finditer(text), key=re.Match.start, default=None))


def _whole_seconds(moment: datetime) -> datetime:
    # a serial number is a float of days: 11:20:21 comes back as 11:20:20.999997
    return (moment + timedelta(microseconds=500_000)).replace(microsecond=0)
