"""Write results to standard output, for people and for machines."""

import json
import sys
from collections.abc import Iterable
from datetime import date
from io import TextIOWrapper
from typing import Any, TextIO, cast

from models.i18n import _
from models.rules.text import one_line, terminal_text
from models.words import WEEKDAYS


class TerminalStream:
    """A terminal's stream that writes nothing which the terminal would obey, but colours."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, without escape sequences and control characters."""
        return self._stream.write(terminal_text(text))

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts one after the other."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def guard_terminal() -> None:
    """Let everything that a command prints on a terminal pass one function.

    What its encoding lacks, as GBK does, becomes `?` there and on standard error. Programs that
    read the output get it as it is.
    """
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr.reconfigure(errors="replace")
    if sys.stdout is not None and sys.stdout.isatty():
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")
        sys.stdout = cast(TextIO, TerminalStream(sys.stdout))


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
