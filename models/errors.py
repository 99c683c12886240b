"""The root of all errors that are raised on purpose, and how errors are described safely."""

import traceback
from pathlib import Path

from models.i18n import _


class HotlineError(Exception):
    """Something that a person can fix; its message is one line that says what to do."""


class UnreadableValue(HotlineError, ValueError):
    """A value in the store is none of its column's: something else has written it."""

    def __init__(self) -> None:
        text = _("the store has a value that hotline did not write and cannot read: run {verify}")
        super().__init__(text.format(verify="`hotline log --verify`"))


def describe_safely(error: BaseException, frames: int = 1) -> str:
    """Return an error's type and where it was raised; its text may be a citizen's words.

    `frames` is how many of the last places on the way are named. A violated constraint of
    PostgreSQL is named, too: it was named here, not by whoever wrote the value.
    """
    stack = traceback.extract_tb(error.__traceback__)[-frames:]
    places = " > ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in stack)
    diagnosis = getattr(getattr(error, "orig", None), "diag", None)
    constraint = getattr(diagnosis, "constraint_name", None)
    kind = f"{type(error).__name__} ({constraint})" if constraint else type(error).__name__
    return f"{kind} in {places}" if places else kind
