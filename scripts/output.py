"""Write results to standard output, for people and for machines."""

import json
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from io import TextIOWrapper
from typing import Any, TextIO, cast

from models.i18n import _
from models.rules.text import clean, one_line, terminal_text
from models.words import WEEKDAYS

COMMAND_LOG = "hotline.command"
"""The logger of what commands say beside their output."""


_LISTED = 10
"""The names that a line lists before it says how many more there are."""


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


def open_closed_streams() -> None:
    """Open the null device in place of standard streams that were closed by who began this process.

    Whatever is opened next, a database or a socket, would have their numbers otherwise, and be
    written to by what is printed.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            # the least number that is free is this one
            os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(number, True)
            stream = os.fdopen(number, mode, encoding="utf-8", closefd=False)
            for each in (name, f"__{name}__"):
                setattr(sys, each, stream)


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


class NoteHandler(logging.Handler):
    """Writes a record to standard error as a command's note: `hotline: TEXT`."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write it; by then standard error may be another stream than at the start."""
        sys.stderr.write(f"hotline: {clean(record.getMessage())}\n")


def log_for_people() -> None:
    """Let notes and errors of a command, and warnings of libraries, be written as notes.

    Where a service configures the log of its process, notes stay as they are unless it is JSON.
    """
    logging.basicConfig(handlers=[NoteHandler()], level=logging.WARNING)
    notes = logging.getLogger(COMMAND_LOG)
    notes.handlers[:], notes.propagate = [NoteHandler()], False


def print_json(value: Any) -> None:
    """Write a value as JSON on one line."""
    sys.stdout.write(json_line(value))


def json_line(value: Any) -> str:
    """Return a value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False, default=_plain) + "\n"


def format_instant(at: datetime) -> str:
    """An instant as a person reads it, to the minute, Asia/Shanghai."""
    from models.rules.calendar import SHANGHAI

    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def weekday(day: date) -> str:
    """The short name of a day of the week."""
    name = WEEKDAYS[day.weekday()]
    return _(name)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        # imported here: most commands print no moment, and the calendar loads its years
        from models.rules.calendar import SHANGHAI

        return value.astimezone(SHANGHAI).isoformat()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def event_fields(event: dict[str, Any]) -> str:
    """The fields of a log event beside its head, as `name=value`."""
    head = ("seq", "ticket", "at", "event")
    fields = (f"{name}={value}" for name, value in event.items() if name not in head)
    return "  ".join(map(one_line, fields))


def some_names(names: Sequence[str], separator: str = ", ") -> str:
    """Return names on one line: the first ones, and how many more there are."""
    rest = len(names) - _LISTED
    more = _(" and {n} more").format(n=rest) if rest > 0 else ""
    return separator.join(names[:_LISTED]) + more
