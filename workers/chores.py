"""Chores of a main loop: one that fails ends neither the process nor the others."""

import logging
from collections.abc import Callable

from models.clock import monotonic
from models.errors import HotlineError, describe_safely
from models.schema import WrongSchema
from models.store_errors import is_store_fault, is_unreadable, outage_reason

log = logging.getLogger("hotline.main")

RESTS_FOR = 600.0
"""Real seconds after which a chore that failed is called again."""


class Chore:
    """Calls a job at each turn; where it fails, says so and leaves it for ten minutes.

    What is wrong with one row, as a value that nobody can read, would otherwise end the process
    again and again. `failed` counts it.
    """

    def __init__(self, name: str, job: Callable[..., object]) -> None:
        self._name, self._job = name, job
        self._next = 0.0
        self.failed = 0

    def __call__(self, *args: object) -> None:
        """Do the job, which decides for itself whether it is time to.

        Raises WrongSchema, and what the database itself is to blame for.
        """
        if monotonic() < self._next:
            return
        try:
            self._job(*args)
        except Exception as error:
            if is_store_fault(error) or isinstance(error, WrongSchema):
                raise
            self._next = monotonic() + RESTS_FOR
            self.failed += 1
            # the text of any other may be a citizen's words
            has_safe_text = isinstance(error, HotlineError) or is_unreadable(error)
            why = outage_reason(error) if has_safe_text else describe_safely(error, frames=3)
            log.error("%s failed: %s", self._name, why)
