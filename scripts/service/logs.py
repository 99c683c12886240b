"""Configure the logs of the service: structured lines without what citizens wrote.

A line has a time (Asia/Shanghai), a level, the part of the program, what happened, and ids of
rows, tickets and messages. An exception is logged by its type and traceback only: its text may
quote a letter.
"""

import json
import logging
import os
import sys
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType

from models.errors import describe_safely
from models.private_files import open_private
from models.rules.calendar import SHANGHAI
from models.rules.limits import LOGGED_CHARACTERS
from models.rules.text import one_line
from scripts.output import COMMAND_LOG
from workers.log_context import log_context

_FRAMES = 8
_CUT_OFF = "Consumer encountered a connection error"
"""How Dramatiq says, for each queue and every three seconds, that it is cut off from the broker."""
_MINUTE = 60.0
_OF_EVERY_RECORD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
"""The attributes of records that nobody has given as `extra`."""


class OncePerMinute(logging.Filter):
    """Lets lines that begin alike, and say the same, pass once in a minute."""

    def __init__(self, beginning: str) -> None:
        super().__init__()
        self._beginning = beginning
        self._passed_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write a line."""
        text = record.getMessage()
        if not text.startswith(self._beginning):
            return True
        recent = {t: at for t, at in self._passed_at.items() if record.created - at < _MINUTE}
        self._passed_at = {text: record.created} | recent
        return text not in recent


def configure_logging(form: str, file: Path | None = None, *, quiet: bool = False) -> None:
    """Log to standard error, as JSON Lines (`json`) or for people (`text`).

    With a file to its end too; to it alone where the process is to be `quiet`. Notes and errors of
    commands stay as they are where the log is for people (`scripts.output`).
    """
    formatter = LineFormatter(as_json=form == "json")
    handlers: list[logging.Handler] = [] if quiet else [logging.StreamHandler()]
    if file is not None:
        handlers.append(_LogFile(file))
    for handler in handlers:
        handler.setFormatter(formatter)
        handler.addFilter(OncePerMinute(_CUT_OFF))
    logging.basicConfig(handlers=handlers, level=logging.WARNING, force=True)
    logging.getLogger("hotline").setLevel(logging.INFO)
    if form == "json":
        notes = logging.getLogger(COMMAND_LOG)
        notes.handlers[:], notes.propagate = [], True
    sys.excepthook = _log_unhandled
    threading.excepthook = _log_unhandled_in_thread


class LineFormatter(logging.Formatter):
    """Writes a record as one line: an object of JSON, or for people."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        content = {name: _cut(value) for name, value in _content(record).items()}
        if self._as_json:
            return json.dumps(content, ensure_ascii=False, default=repr)
        head = " ".join(str(content.pop(name)) for name in ("timestamp", "level", "logger"))
        what = content.pop("event")
        return " ".join(
            [f"{head}: {what}", *(f"{name}={value}" for name, value in content.items())]
        )


def _content(record: logging.LogRecord) -> dict[str, object]:
    """Return what a record says: an exception only by its type and where it was raised."""
    extra = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
    content = {
        "event": record.getMessage(),
        **log_context(),
        **extra,
        "level": record.levelname.lower(),
        "logger": record.name,
        "timestamp": _time(record),
    }
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        content["exception"] = describe_safely(error, _FRAMES)
    return content


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, SHANGHAI).isoformat(timespec="milliseconds")


def _cut(value: object) -> object:
    """Keep a text, which may be from outside, to one line of a limited length."""
    if not isinstance(value, str):
        return value
    line = one_line(value)
    return f"{line[:LOGGED_CHARACTERS]}…" if len(line) > LOGGED_CHARACTERS else line


class _LogFile(logging.Handler):
    """Appends to a file that this user alone can read; it may be copied and emptied meanwhile."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def emit(self, record: logging.LogRecord) -> None:
        """Append a line; a full disk must not end the process that tells of it."""
        with suppress(OSError):
            file = open_private(self._path, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(file, f"{self.format(record)}\n".encode())
            finally:
                os.close(file)


def _log_unhandled(
    _kind: type[BaseException], error: BaseException, _traceback: TracebackType | None
) -> None:
    logging.getLogger("hotline").critical("unhandled error", exc_info=error)


def _log_unhandled_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _log_unhandled(args.exc_type, args.exc_value, args.exc_traceback)
