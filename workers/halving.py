"""Do the work of a batch by halves where it fails: what is wrong with one concerns it alone."""

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from models.errors import describe_safely
from models.queries.own_tables import ForgedTable
from models.rulebook import RulebookUnusable
from models.schema import WrongSchema
from models.security.encryption import KeyUnusable
from models.store_errors import is_store_fault

log = logging.getLogger("hotline.worker")

_T = TypeVar("_T")
_R = TypeVar("_R")


def is_nobodys_fault(error: Exception) -> bool:
    """Return whether no ticket is to blame.

    The store is away or newer than this program, or the rulebook is not the service's or cannot be
    used.
    """
    return is_store_fault(error) or isinstance(error, (ForgedTable, RulebookUnusable, WrongSchema))


def by_halves(
    items: Sequence[_T],
    work: Callable[[Sequence[_T]], _R],
    on_failure: Callable[[_T, Exception], None],
    *,
    is_half: bool = False,
) -> list[_R]:
    """Do the work of a batch; where that fails, by halves, down to single items.

    `on_failure` is called with each that fails alone, twice. Returns what came of each part. Raises
    what is nobody's fault.
    """
    try:
        return [work(items)]
    except Exception as error:
        if is_nobodys_fault(error):
            raise
        if not is_half:
            described = describe_safely(error)
            log.error("the batch failed: %s", described, extra={"of": len(items)})
        if len(items) == 1 and isinstance(error, KeyUnusable):
            # that is so until the key file comes, and thousands may wait for it
            on_failure(items[0], error)
            return []
    if len(items) > 1:
        # the others are together again soon: one by one they would hold up clocks for seconds
        middle = len(items) // 2
        halves = items[:middle], items[middle:]
        return [done for h in halves for done in by_halves(h, work, on_failure, is_half=True)]
    try:
        return [work(items)]
    except Exception as error:
        if is_nobodys_fault(error):
            raise
        on_failure(items[0], error)
        return []
