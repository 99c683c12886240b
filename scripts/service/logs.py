"""What the processes of the service write into their logs: structured, and nobody's words.

A line has a time, a level, the part that speaks, what happened, and ids of rows, tickets and
messages. An exception is told by its kind and its places, never by its text: that may hold what a
citizen wrote.
"""

import logging
import sys
import threading
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from models.errors import describe_safely

_FRAMES = 8


def set_up(form: str) -> None:
    """Log to standard error, as JSON Lines (`json`) or for people (`text`)."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.ExtraAdder(),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_words,
    ]
    last: Processor
    if form == "json":
        last = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        order = ["timestamp", "level", "logger", "event"]
        last = structlog.processors.KeyValueRenderer(key_order=order, repr_native_str=False)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("hotline").setLevel(logging.INFO)
    sys.excepthook = _unhandled
    threading.excepthook = _unhandled_in_thread


def _without_words(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """Only kind and places of an exception."""
    given = event.pop("exc_info", None)
    event.pop("stack_info", None)
    if given is True:
        given = sys.exc_info()
    wrong = given[1] if isinstance(given, tuple) else given
    if isinstance(wrong, BaseException):
        event["exception"] = describe_safely(wrong, _FRAMES)
    return event


def _unhandled(
    _kind: type[BaseException], wrong: BaseException, _way: TracebackType | None
) -> None:
    sys.stderr.write(f"hotline: {describe_safely(wrong, _FRAMES)}\n")


def _unhandled_in_thread(given: threading.ExceptHookArgs) -> None:
    if given.exc_value is not None:
        _unhandled(given.exc_type, given.exc_value, given.exc_traceback)
