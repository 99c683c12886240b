"""The columns of a bulletin in their order, and the format of each value."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from models.i18n import N_
from models.queries.bulletin import BulletinLine
from models.queries.figures import RATES
from models.rules.calendar import SHANGHAI
from models.rules.text import clean, redact_numbers
from models.rules.vocabulary import Code, DutyOutcome, Ground, Level, Rating, Status, label

COLUMNS = {
    "tickets": N_("tickets received"),
    "completed": N_("tickets completed"),
    "on_time_rate": N_("on time"),
    "first_contact_rate": N_("first contact"),
    "closing_contact_rate": N_("closing contact"),
    "satisfaction": N_("satisfaction"),
    "returns": N_("returns"),
    "reworks": N_("second handlings"),
    "extensions": N_("extensions"),
    "prewarning": N_("prewarning"),
    "yellow": N_("yellow"),
    "red": N_("red"),
}
"""The figures shown, with their headings."""

LISTED_FIGURES = {
    "tickets": N_("tickets received"),
    "completed": N_("tickets completed"),
    "late": N_("late"),
    "returns": N_("returns"),
    "reworks": N_("second handlings"),
    "extensions": N_("extensions"),
    "cards": N_("cards"),
    "recorded": N_("conduct"),
}
"""The figures whose tickets are listed."""

NOTES = {
    "handling": N_("handling"),
    "due": N_("due"),
    "ended_at": N_("submitted"),
    "first_contact": N_("first contact"),
    "closing_contact": N_("closing contact"),
    "rating": N_("rating"),
    "level": N_("level"),
    "status": N_("status"),
    "number": N_("number"),
    "ground": N_("ground"),
    "grave": N_("grave"),
    "suggested_unit": N_("suggested unit"),
    "run": N_("run"),
}
"""The notes on a listed ticket, with their headings."""

_NOTE_CODES: dict[str, type[Code]] = {
    "handling": DutyOutcome,
    "first_contact": DutyOutcome,
    "closing_contact": DutyOutcome,
    "rating": Rating,
    "level": Level,
    "status": Status,
    "ground": Ground,
}
"""The closed lists of the notes that are codes."""

_FORMULA = re.compile(r"^[=+\-@\t\r＝＋－＠]")


def figure_value(line: BulletinLine, column: str) -> float | int | None:
    """A figure of a unit; a rate is None where there is nothing to divide by."""
    return line.rate(column) if column in RATES else line.count(column)


def format_figure(line: BulletinLine, column: str) -> str:
    """A figure as a person reads it."""
    value = figure_value(line, column)
    if column not in RATES:
        return str(value or "")
    return "-" if value is None else f"{value:.1%}"


def format_instant(at: datetime) -> str:
    """An instant as a person reads it, Asia/Shanghai."""
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


def redacted_line(text: str) -> str:
    """A text from outside on one line: invisible characters removed, numbers redacted."""
    return " ".join(redact_numbers(clean(text)).split())


def without_formula(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def format_note(values: Mapping[str, Any], key: str) -> str:
    """The note on a ticket under this heading, blank where there is none."""
    match values.get(key):
        case None:
            return ""
        case True:
            return "✓"
        case False:
            return ""
        case datetime() as at:
            return format_instant(at)
        case str(code) if key in _NOTE_CODES:
            return label(_NOTE_CODES[key], code)
        case str(text):
            return redacted_line(text)
        case other:
            return str(other)
