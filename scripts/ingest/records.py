"""What every reader gives, and what it raises when a file as a whole cannot be read."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import msgspec

from models.errors import HotlineError
from models.i18n import LazyText, _

TICKET_RECEIVED = "ticket.received"

Cell = str | int | float | bool | datetime | date | time | timedelta | None
"""What a table's cell can hold: a spreadsheet's are typed, a text file's are all text."""


class FeedRecord(msgspec.Struct, frozen=True):
    """One record of a feed: either a message ready for the inbox, or why it cannot be one.

    `line` is the line (a spreadsheet's row) where the record begins, from 1, headers counted.
    `later` are further messages that the same row tells of, such as the reply to a letter.
    `facts` are the fields of a table's letter whose change is news (a table of replies has none, a
    message that came as one None).
    `notes` say what was found wrong with a record that was taken all the same.
    """

    line: int
    source: str
    message: dict[str, Any] | None
    why: LazyText | None
    kept: "Callable[[], object] | object"
    later: tuple[dict[str, Any], ...] = ()
    facts: tuple[str, ...] | None = None
    notes: tuple[LazyText, ...] = ()

    @property
    def raw(self) -> object:
        """The record as it came, so that it can be kept, mended and sent again.

        It holds personal data, and so belongs in no log and no error.
        """
        return self.kept() if callable(self.kept) else self.kept


def cell_text(cell: Cell) -> str:
    """A cell as text, as the sheet shows it: whole numbers without a fraction."""
    match cell:
        case None:
            return ""
        case str():
            return cell
        case float() if cell.is_integer():
            return str(int(cell))
        case datetime():
            return cell.isoformat(" ")
        case date() | time():
            return cell.isoformat()
        case _:
            return str(cell)


class FeedError(HotlineError):
    """A feed that cannot be read at all; nothing of it was taken."""


class FeedUnreadable(FeedError):
    """The file is missing, damaged, locked, or in a format that is not read."""

    def __init__(self, feed: str, why: str) -> None:
        self.feed = feed
        super().__init__(f"{feed}: {why}")


class ColumnsUnknown(FeedError):
    """A table whose headers no mapping knows; lists the mappings and says how to write one.

    The file's own headers are not repeated: where they are missing, the first row is a letter.
    """

    def __init__(self, feed: str, known: dict[str, tuple[str, ...]]) -> None:
        self.feed = feed
        self.known = known
        mappings = "; ".join(f"{name} ({', '.join(headers)})" for name, headers in known.items())
        super().__init__(
            _(
                "{feed}: no mapping knows its columns. Known: {mappings}. Write one that says "
                "which column is what, as in {example}, and give it with --mapping FILE"
            ).format(feed=feed, mappings=mappings, example=MAPPINGS / "README.md")
        )


class ColumnsRenamed(FeedError):
    """A table that has most of a mapping's headers, but not all: nothing is guessed."""

    def __init__(self, feed: str, mapping: str, gone: list[str], new: list[str]) -> None:
        self.feed = feed
        self.gone = tuple(gone)
        super().__init__(
            _(
                "{feed}: looks like the source {mapping}, but its columns {gone} are not there; "
                "new are {new}. If a column was renamed, write both names into a mapping, as in "
                '"ticket = ["old", "new"]", and give it with --mapping FILE'
            ).format(feed=feed, mapping=mapping, gone=", ".join(gone), new=", ".join(new) or "-")
        )


class NoLetters(FeedError):
    """A table that is known and holds no letters."""

    def __init__(self, feed: str, about: str) -> None:
        self.feed = feed
        super().__init__(
            _("{feed}: {about}. It is for routing; nothing of it belongs into the inbox").format(
                feed=feed, about=about
            )
        )


class MappingsTied(FeedError):
    """A table that two mappings know equally well."""

    def __init__(self, feed: str, names: tuple[str, ...]) -> None:
        self.feed = feed
        self.names = names
        super().__init__(
            _("{feed}: fits the mappings {names}; choose one with --mapping FILE").format(
                feed=feed, names=", ".join(names)
            )
        )


MAPPINGS = Path(__file__).parent / "mappings"
"""Where the mappings that come with the project lie."""
