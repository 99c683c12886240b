"""What a thread is at work on, which every line that it logs meanwhile says."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_context: ContextVar[Mapping[str, object]] = ContextVar("log_context")


@contextmanager
def logging_about(**what: object) -> Iterator[None]:
    """Name in every line of this thread what it is about, until the block ends."""
    token = _context.set({**log_context(), **what})
    try:
        yield
    finally:
        _context.reset(token)


def log_context() -> Mapping[str, object]:
    """Return what a line of this thread is about."""
    return _context.get({})
