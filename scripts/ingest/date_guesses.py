"""Guess in which forms the dates of a column are written."""

import re
from collections.abc import Sequence
from datetime import date

from models.rules.calendar import SHANGHAI
from scripts.ingest.column_guesses import is_date_header
from scripts.ingest.dates import day_and_month, parse_instant
from scripts.ingest.sample import FeedSample

_NEARLY_ALL = 0.8
_TIMES = ("", " %H:%M", " %H:%M:%S", " %p%I:%M", " %p%I:%M:%S")
_DAYS = (
    *("%Y/%m/%d", "%Y-%m-%d", "%Y.%m.%d"),
    *("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y"),
)
_CHINESE_CLOCK = ("时%M分", "时%M分%S秒", "点%M分", "时", "点")
_DATE_FORMS = (
    "iso",
    *(day + time for day in _DAYS for time in (*_TIMES, " %I:%M %p", " %I:%M:%S %p")),
    *("%Y年%m月%d日" + time for time in _TIMES),
    *(f"%Y年%m月%d日 %{hour}{rest}" for hour in ("H", "p%I") for rest in _CHINESE_CLOCK),
    *("%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y-%m-%d %H:%M:%S %Z"),
    "unix",
    "excel",
)


def date_forms(sample: FeedSample, index: int) -> list[str] | None:
    """The forms of the dates in a column, the most frequent first; None if it holds no dates.

    A column that is blank in the sample, and will have dates by its header, has no forms.
    """
    if not is_date_header(sample.headers[index]):
        return None
    cells = [row[index] for row in sample.rows if index < len(row) and row[index] not in (None, "")]
    if not cells:
        return [] if re.search(r"时间|日期|date|time", sample.headers[index], re.I) else None
    read: dict[str, set[int]] = {}
    for form in _DATE_FORMS:
        dates = (n for n, c in enumerate(cells) if parse_instant(c, (form,), SHANGHAI) is not None)
        read[form] = set(dates)
    # of two ways to read the same dates only the one that fits more of them
    day, month = (
        sum(len(read[f]) for f in read if day_and_month(f) == first) for first in ("%d", "%m")
    )
    rarer = "%m" if day >= month else "%d"
    likely = [form for form in _DATE_FORMS if day_and_month(form) != rarer]
    forms, known = list[str](), set[int]()
    for form in sorted(likely, key=lambda form: -len(read[form])):
        if read[form] - known:
            forms.append(form)
            known |= read[form]
    dated = {n for n, cell in enumerate(cells) if isinstance(cell, date)}
    return forms if len(known | dated) >= _NEARLY_ALL * len(cells) else None


def is_ambiguous(sample: FeedSample, column: int, forms: Sequence[str]) -> bool:
    """Return whether no date of a column tells if the day or the month comes first."""
    if not any(map(day_and_month, forms)):
        return False
    parts = (re.match(r"(\d+)\D(\d+)\D", text) for text in sample.column(column))
    return not any(max(int(p[1]), int(p[2])) > 12 for p in parts if p)
