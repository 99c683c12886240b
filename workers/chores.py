"""Side jobs of a main loop: one that fails ends neither the process nor the other jobs."""

import logging
from collections.abc import Callable

from models.clock import monotonic
from models.errors import HotlineError, describe_safely
from models.schema import WrongSchema
from models.store_errors import is_store_fault, is_unreadable, outage_reason

log = logging.getLogger("hotline.main")

RESTS_FOR = 600.0
"""Real seconds after which a job that failed is tried again."""


class Chore:
    """Calls a side job at each turn; where it fails, says so and leaves it for ten minutes.

    What is wrong with one row, as a value that nobody can read, would otherwise end the process
    again and again. Raises WrongSchema, and what the database itself is to blame for.
    """

    def __init__(self, name: str, job: Callable[..., object]) -> None:
        self._name, self._job = name, job
        self._next = 0.0

    def __call__(self, *args: object) -> None:
        """Do the job, which decides for itself whether it is time to."""
        if monotonic() < self._next:
            return
        try:
            self._job(*args)
        except Exception as error:
            if is_store_fault(error) or isinstance(error, WrongSchema):
                raise
            self._next = monotonic() + RESTS_FOR
            is_told = isinstance(error, HotlineError) or is_unreadable(error)
            why = outage_reason(error) if is_told else describe_safely(error, frames=3)
            log.error("%s failed: %s", self._name, why)
