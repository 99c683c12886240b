"""The root of all errors that are raised on purpose, and how errors are described safely."""

import sys
import traceback
from pathlib import Path


class HotlineError(Exception):
    """Something that a person can fix; its message is one line that says what to do."""


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


def database_message(error: BaseException) -> str | None:
    """Return the first line of what the database said; None for an error from elsewhere.

    What follows that line may repeat a statement, and with it what a citizen wrote.
    """
    # without importing SQLAlchemy: where it is not loaded, no error can come from it
    loaded = sys.modules.get("sqlalchemy.exc")
    if loaded is None or not isinstance(error, loaded.DBAPIError):
        return None
    return (str(error.orig).splitlines() or [""])[0]
