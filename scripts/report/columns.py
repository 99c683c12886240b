"""What stands in a bulletin, in order, and how each value is written."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from models.i18n import N_, _
from models.queries.bulletin import BulletinLine
from models.queries.figures import RATES
from models.rules.calendar import SHANGHAI
from models.rules.text import clean, redact_numbers

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
"""The figures whose tickets are listed in full."""

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
"""What may be said of a ticket beside its number, with its heading."""

_FORMULA = re.compile(r"^[=+\-@\t\r＝＋－＠]")


def value(line: BulletinLine, column: str) -> float | int | None:
    """A figure of a unit; a rate is None where there is nothing to divide by."""
    return line.rate(column) if column in RATES else line.count(column)


def format_figure(line: BulletinLine, column: str) -> str:
    """A figure as a person reads it."""
    found = value(line, column)
    if column not in RATES:
        return str(found or "")
    return "-" if found is None else f"{found:.1%}"


def moment(at: datetime) -> str:
    """A moment as a person reads it, Asia/Shanghai."""
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


def one_line(text: str) -> str:
    """A text from outside on one line, without what a reader cannot see, numbers masked."""
    return " ".join(redact_numbers(clean(text)).split())


def without_formula(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def note(values: Mapping[str, Any], key: str) -> str:
    """What is said of a ticket under this heading."""
    match values.get(key):
        case None:
            return ""
        case True:
            return "✓"
        case False:
            return ""
        case datetime() as at:
            return moment(at)
        case str(text):
            return one_line(_(text))
        case other:
            return str(other)
