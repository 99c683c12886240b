"""Write results to standard output, for people and for machines."""

import json
import sys
from typing import Any


def print_json(value: Any) -> None:
    """Write a value as JSON on one line."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def event_fields(event: dict[str, Any]) -> str:
    """The fields of a log event beside its head, as `name=value`."""
    head = ("seq", "ticket", "at", "event")
    return "  ".join(f"{name}={value}" for name, value in event.items() if name not in head)
