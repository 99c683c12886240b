"""Parse the dates of cities, in whatever form they come, into instants."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from models.rules.text import clean
from scripts.ingest.records import Cell, cell_text
from scripts.ingest.spreadsheet_numbers import without_formula

ANYWHERE = "found:"
"""Before a pattern: the last date of that form anywhere in the text, such as under a letter."""

UNIX = "unix"
"""The form of a count of seconds or milliseconds from 1970 (UTC), told apart by their digits."""

_EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  (a spreadsheet knows no zones)
_YEARS = range(1970, 2201)
"""No hotline is older, and the calendar of working days must cover what follows."""

Parser = Callable[[str], datetime | None]
"""Parses a text of one form; None if it has another."""

_HALVES = {
    "a": range(12),
    "p": range(12, 24),
    "凌晨": range(7),
    "清晨": range(4, 9),
    "早上": range(4, 12),
    "上午": range(12),
    "中午": range(11, 15),
    "下午": range(12, 24),
    "傍晚": range(16, 21),
    "晚上": range(17, 24),
}
"""The hours that a word for a part of the day can mean; its 12 o'clock may be the day's first."""

_DIRECTIVES = {
    "%Y": r"(?P<year>\d{4})",
    "%m": r"(?P<month>\d{1,2})",
    "%d": r"(?P<day>\d{1,2})",
    "%H": r"(?P<hour>\d{1,2})",
    "%M": r"(?P<minute>\d{1,2})",
    "%S": r"(?P<second>\d{1,2})",
    "%I": r"(?P<hour>\d{1,2})",
    "%p": rf"(?P<half>[AaPp](?=\.?[Mm])|{'|'.join(list(_HALVES)[2:])})(?:\.?[Mm]\.?)?",
    "%Z": r"(?P<utc>UTC|GMT|Z)",
}
"""The directives that most cities need; others are left to strptime, which is slower."""

_COUNT = re.compile(
    r"(?:/Date\()?(?:(?P<s>\d{10})(?:\.\d+)?|(?P<ms>\d{13})(?:\.0+)?)(?:[+-]\d{4})?(?:\)/)?"
)
"""Seconds, or milliseconds, from 1970, from 2001 on; also as `/Date(1760228100000+0800)/`."""
_UTC = re.compile(r"\b(?:UTC|GMT)\b")
_WEEKDAY = re.compile(r"[(\[]?(?:星期|周|礼拜)[一二三四五六日天][)\]]?")
_BESIDE_CHINESE = re.compile(r"(?<=[\u4e00-\u9fff])\s+|\s+(?=[\u4e00-\u9fff])")


def parse_instant(cell: Cell, forms: Sequence[str], zone: tzinfo) -> datetime | None:
    """The instant that a cell names, aware, in its own zone or else in `zone`; None if it is none.

    A date without a time is its midnight. `forms` are tried in turn: "iso", "excel" (a serial
    number of days from 1900), "unix" (seconds or milliseconds from 1970), a pattern of strptime,
    or one that is searched for in a longer text ("found:%Y年%m月%d日"). A spreadsheet's own dates
    need none.
    """
    dated = parse_dated(cell, forms, zone)
    return dated.at if dated is not None else None


class Dated(NamedTuple):
    """An instant that a cell names; `is_day` if it is a day, `assumed` if the cell has no zone."""

    at: datetime
    is_day: bool
    assumed: bool


def parse_dated(cell: Cell, forms: Sequence[str], zone: tzinfo) -> Dated | None:
    """The instant that a cell names, and what it leaves open; tables write midnight for no time."""
    moment = _parse(cell, forms)
    if moment is None:
        return None
    if moment.tzinfo is not None:
        return Dated(moment, is_day=False, assumed=False)
    return Dated(moment.replace(tzinfo=zone), moment.time() == time(), assumed=True)


def _parse(cell: Cell, forms: Sequence[str]) -> datetime | None:
    moment: datetime | None = None
    match cell:
        case datetime():
            moment = _whole_seconds(cell)
        case date():
            moment = datetime.combine(cell, time())
        case str() | int() | float():
            text = _tidied(cell_text(cell))
            for form in forms:
                if (moment := _parser_of(form)(text)) is not None:
                    break
        case _:
            pass
    return moment if moment is not None and moment.year in _YEARS else None


def _tidied(text: str) -> str:
    """The text of a date in one width, without a day of the week and spaces beside Chinese."""
    text = without_formula(clean(text)).lstrip("'")
    if text.isascii():
        return text
    return _BESIDE_CHINESE.sub("", _WEEKDAY.sub(" ", unicodedata.normalize("NFKC", text))).strip()


@lru_cache(maxsize=256)
def _parser_of(form: str) -> Parser:
    """The parser of dates of this form."""
    if form == "iso":
        return _or_none(datetime.fromisoformat)
    if form == "excel":
        return _or_none(lambda text: _whole_seconds(_EXCEL_EPOCH + timedelta(days=float(text))))
    if form == UNIX:
        return _or_none(_counted)
    pattern = form.removeprefix(ANYWHERE)
    expression = _expression(pattern)
    if expression is None:
        return _or_none(lambda text: _by_strptime(text, _BESIDE_CHINESE.sub("", pattern)))
    if form is not pattern:
        return _or_none(lambda text: _last_moment(expression, text))
    return _or_none(lambda text: _moment(expression.fullmatch(text)))


def is_date_form(form: str) -> bool:
    """Return whether dates may be said to have this form."""
    if form in ("iso", "excel", UNIX):
        return True
    pattern = form.removeprefix(ANYWHERE)
    if "%" not in pattern:
        return False
    try:
        datetime.strptime("", pattern)  # noqa: DTZ007  (only the pattern is tried)
    except ValueError as error:
        return "does not match format" in str(error)
    except re.error:  # a directive that stands twice
        return False
    return True


def day_and_month(form: str) -> str | None:
    """Return which of the two comes first in dates of a form that are ambiguous, "%d" or "%m"."""
    order = re.findall("%[Ymd]", form.removeprefix(ANYWHERE))
    return order[0] if order in (["%d", "%m", "%Y"], ["%m", "%d", "%Y"]) else None


def _or_none(parse: Callable[[str], datetime | None]) -> Parser:
    """The same parser, with None where it raises."""

    def parse_or_none(text: str) -> datetime | None:
        try:
            return parse(text)
        except (ValueError, OverflowError):
            return None

    return parse_or_none


def _expression(pattern: str) -> re.Pattern[str] | None:
    parts = [part for part in re.split(r"(%.)", pattern) if part]
    if any(part.startswith("%") and part not in _DIRECTIVES for part in parts):
        return None
    texts = []
    for place, part in enumerate(parts):
        beside = (parts[place - 1] if place else "", *parts[place + 1 : place + 2])
        if part not in _DIRECTIVES:
            # white space in a pattern stands for any, as in strptime; beside Chinese also for none
            loose = "%p" in beside or not part.isascii()
            texts.append(re.sub(r"(\\ )+", r"\\s*" if loose else r"\\s+", re.escape(part)))
        elif part != "%p" and any(p in _DIRECTIVES and p not in ("%p", "%Z") for p in beside):
            # without anything between them numbers have two digits, or 2026112 would be guessed
            texts.append(_DIRECTIVES[part].replace("{1,2}", "{2}"))
        else:
            texts.append(_DIRECTIVES[part])
    try:
        return re.compile("".join(texts), re.ASCII)
    except re.error:  # a directive that stands twice
        return None


def _moment(match: re.Match[str] | None) -> datetime | None:
    if match is None:
        return None
    groups = match.groupdict()
    half, utc = groups.pop("half", None), groups.pop("utc", None)
    numbers = {name: int(text) for name, text in groups.items()}
    if half:
        hour, hours = numbers["hour"], _HALVES[half.lower()]
        # ValueError where it means none of these hours, as 12 in the evening
        (numbers["hour"],) = {hour, (hour + 12) % 24 if hour <= 12 else hour} & set(hours)
    return datetime(**numbers, tzinfo=UTC if utc else None)


def _counted(text: str) -> datetime | None:
    match = _COUNT.fullmatch(text)
    if match is None:
        return None
    return datetime.fromtimestamp(int(match["s"] or match["ms"]) / (1 if match["s"] else 1000), UTC)


def _by_strptime(text: str, pattern: str) -> datetime | None:
    moment = datetime.strptime(text, pattern)  # noqa: DTZ007  (the mapping names the zone)
    if "%Z" in pattern:
        # strptime reads the names of zones, and forgets them
        return moment.replace(tzinfo=UTC) if _UTC.search(text) else None
    return moment


def _last_moment(expression: re.Pattern[str], text: str) -> datetime | None:
    return _moment(max(expression.finditer(text), key=re.Match.start, default=None))


def _whole_seconds(moment: datetime) -> datetime:
    # a serial number is a float of days: 11:20:21 comes back as 11:20:20.999997
    return (moment + timedelta(microseconds=500_000)).replace(microsecond=0)
