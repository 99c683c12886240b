"""Configure the logs of the service: structured lines without what citizens wrote.

A line has a time (Asia/Shanghai), a level, the part of the program, what happened, and ids of
rows, tickets and messages. An exception is logged by its type and traceback only: its text may
quote a letter.
"""

import logging
import os
import sys
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from models.errors import describe_safely
from models.private_files import open_private
from models.rules.calendar import SHANGHAI
from models.rules.limits import LOGGED_CHARACTERS
from models.rules.text import one_line
from scripts.output import COMMAND_LOG

_FRAMES = 8
_CUT_OFF = "Consumer encountered a connection error"
"""How Dramatiq says, for each queue and every three seconds, that it is cut off from the broker."""
_MINUTE = 60.0


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
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.ExtraAdder(),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _add_time,
        _describe_exception,
        _cut_texts,
    ]
    renderer: Processor
    if form == "json":
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        renderer = _render_for_people
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
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


def _add_time(_logger: Any, _name: str, event: EventDict) -> EventDict:
    made_at = datetime.fromtimestamp(event["_record"].created, SHANGHAI)
    event["timestamp"] = made_at.isoformat(timespec="milliseconds")
    return event


def _render_for_people(_logger: Any, _name: str, event: EventDict) -> str:
    head = " ".join(str(event.pop(name, "-")) for name in ("timestamp", "level", "logger"))
    what = event.pop("event", "")
    return " ".join([f"{head}: {what}", *(f"{name}={value}" for name, value in event.items())])


def _describe_exception(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """Replace an exception by its type and traceback."""
    exc_info = event.pop("exc_info", None)
    event.pop("stack_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if isinstance(error, BaseException):
        event["exception"] = describe_safely(error, _FRAMES)
    return event


def _cut_texts(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """Keep what came from outside to one line of a limited length: logs are read in terminals."""
    for name, value in event.items():
        if isinstance(value, str):
            line = one_line(value)
            cut = len(line) > LOGGED_CHARACTERS
            event[name] = f"{line[:LOGGED_CHARACTERS]}…" if cut else line
    return event


def _log_unhandled(
    _kind: type[BaseException], error: BaseException, _traceback: TracebackType | None
) -> None:
    logging.getLogger("hotline").critical("unhandled error", exc_info=error)


def _log_unhandled_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _log_unhandled(args.exc_type, args.exc_value, args.exc_traceback)
