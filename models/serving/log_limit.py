"""A limit on lines of the log that visitors can cause."""

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from models.clock import monotonic

LINES_A_MINUTE = 3


class LogLimit(logging.Filter):
    """Lets a few lines a minute through, of each place in the code; the rest is left out."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._minute = -1
        self._lines: dict[tuple[str, int], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line is written."""
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._minute = minute
            self._lines.clear()
        place = record.pathname, record.lineno
        count = self._lines[place] = self._lines.get(place, 0) + 1
        if count == LINES_A_MINUTE:
            record.msg = f"{record.msg} (no more such lines this minute)"
        return count <= LINES_A_MINUTE


@contextmanager
def limited_lines(loggers: Collection[str], clock: Callable[[], float]) -> Iterator[None]:
    """Limit the lines of these loggers meanwhile."""
    limits = {logging.getLogger(name): LogLimit(clock) for name in loggers}
    for logger, limit in limits.items():
        logger.addFilter(limit)
    try:
        yield
    finally:
        for logger, limit in limits.items():
            logger.removeFilter(limit)
