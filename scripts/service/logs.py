"""Configure the logs of the service: structured lines without what citizens wrote.

A line has a time, a level, the part of the program, what happened, and ids of rows, tickets and
messages. An exception is logged by its type and traceback only: its text may quote a letter.
"""

import logging
import sys
import threading
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from models.errors import describe_safely
from models.rules.limits import LOGGED_CHARACTERS
from models.rules.text import one_line

_FRAMES = 8


def configure_logging(form: str) -> None:
    """Log to standard error, as JSON Lines (`json`) or for people (`text`)."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.ExtraAdder(),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _describe_exception,
        _cut_texts,
    ]
    renderer: Processor
    if form == "json":
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        order = ["timestamp", "level", "logger", "event"]
        renderer = structlog.processors.KeyValueRenderer(key_order=order, repr_native_str=False)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("hotline").setLevel(logging.INFO)
    sys.excepthook = _log_unhandled
    threading.excepthook = _log_unhandled_in_thread


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
    sys.stderr.write(f"hotline: {describe_safely(error, _FRAMES)}\n")


def _log_unhandled_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _log_unhandled(args.exc_type, args.exc_value, args.exc_traceback)
