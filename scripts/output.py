"""Write results to standard output, for people and for machines."""

import json
import sys
from datetime import date
from typing import Any

from models.i18n import _
from models.rules.text import one_line
from models.words import WEEKDAYS


def print_json(value: Any) -> None:
    """Write a value as JSON on one line."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=_plain) + "\n")


def weekday(day: date) -> str:
    """The short name of a day of the week."""
    name = WEEKDAYS[day.weekday()]
    return _(name)


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def event_fields(event: dict[str, Any]) -> str:
    """The fields of a log event beside its head, as `name=value`."""
    head = ("seq", "ticket", "at", "event")
    fields = (f"{name}={value}" for name, value in event.items() if name not in head)
    return "  ".join(map(one_line, fields))
