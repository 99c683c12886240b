"""Everything that the project raises on purpose, under one root; and how any error may be told."""

import sys
import traceback
from pathlib import Path


class HotlineError(Exception):
    """Something that a person can mend; its message is one line that says what to do."""


def describe_safely(wrong: BaseException, frames: int = 1) -> str:
    """The kind of an exception and the places it came through; its text may be a citizen's words.

    `frames` is how many places are told, the last one being where it was raised.
    """
    found = traceback.extract_tb(wrong.__traceback__)[-frames:]
    way = " > ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in found)
    return f"{type(wrong).__name__} in {way}" if way else type(wrong).__name__


def database_message(error: BaseException) -> str | None:
    """The first line of what the database said; None for an error from elsewhere.

    What follows that line may repeat a statement, and with it what a citizen wrote.
    """
    # without importing SQLAlchemy: where it is not loaded, no error can come from it
    loaded = sys.modules.get("sqlalchemy.exc")
    if loaded is None or not isinstance(error, loaded.DBAPIError):
        return None
    return (str(error.orig).splitlines() or [""])[0]
