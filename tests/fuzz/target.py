"""A fuzz target: a parser of foreign input as a function of bytes, and what it may raise."""

from collections.abc import Callable
from typing import NamedTuple

from models.errors import HotlineError, describe_safely


class Target(NamedTuple):
    """The function, valid inputs to start from, and the errors that it may raise.

    `examples` is the number of inputs that a test tries; a slow function gets fewer.
    """

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    allowed: tuple[type[Exception], ...] = (HotlineError,)
    examples: int = 40


def failure_of(target: Target, data: bytes) -> str | None:
    """A description of the failure, or None where the target read or refused the input."""
    try:
        target.run(data)
    except target.allowed:
        return None
    except Exception as error:
        return describe_safely(error, 3)
    return None
