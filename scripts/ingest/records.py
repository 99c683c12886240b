"""The records that every reader yields, and the errors for a feed that cannot be read."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from models.errors import HotlineError
from models.i18n import LazyText, _
from scripts.output import some_names

MAPPINGS = Path(__file__).parent / "mappings"
"""The folder of the mappings that come with the project."""

Cell = str | int | float | bool | datetime | date | time | timedelta | None
"""The content of a table's cell: typed in a spreadsheet, always text in a text file."""


class FeedRecord(msgspec.Struct, frozen=True):
    """One record of a feed: a message for the inbox, or the reason why it cannot be one.

    `line` is the line (in a spreadsheet the row) where the record begins, from 1, headers counted.
    `later` are further messages that the same row holds, such as the reply to a letter.
    `facts` are the fields of a table's letter whose change is news: none for a table of replies,
    None for a message that came as one.
    Instants stand in messages as ISO 8601 texts, not as `datetime`: a message is kept and hashed as
    the JSON that it is, and the ids of follow-up messages are made of these texts. What compares
    or shifts instants parses them again.
    `notes` say what was odd about a record that was taken all the same.
    `number` is the number of a table's letter as the city wrote it, without what the mapping's
    `key` adds to it; None where the table has an id beside it. `keyed` says that it has a key.
    `days` are the places, among all messages of the record, of those that are dated by a day; they
    have its midnight here.
    `continues` marks a further message of the line before it, which was sent for several tickets.
    `assumed` are the fields that the mapping or an option has given, and not the row itself.
    `dressed` is its number as a spreadsheet has dressed it, where it has.
    `cleared` are fields that steer clocks and are blank in the row, though it has their column.
    """

    line: int
    source: str
    message: dict[str, Any] | None
    why: LazyText | None
    kept: "Callable[[], object] | object"
    later: tuple[dict[str, Any], ...] = ()
    facts: tuple[str, ...] | None = None
    notes: tuple[LazyText, ...] = ()
    number: str | None = None
    keyed: bool = False
    days: frozenset[int] = frozenset()
    continues: bool = False
    assumed: frozenset[str] = frozenset()
    cleared: tuple[str, ...] = ()
    dressed: str | None = None

    @property
    def raw(self) -> object:
        """The record as it came, so that it can be kept, mended and sent again.

        It holds personal data: it must not get into a log or an error.
        """
        return self.kept() if callable(self.kept) else self.kept


class Outcome(StrEnum):
    """The outcome of a record; the inbox has what was enqueued and what it had before."""

    ENQUEUED = "enqueued"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


class TakenRecord(NamedTuple):
    """A record that was taken, what became of it, and why it was refused, where it was."""

    record: FeedRecord
    outcome: Outcome
    why: LazyText | None = None


def cell_text(cell: Cell) -> str:
    """A cell as the sheet shows it: whole numbers without a fraction."""
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
    """A feed cannot be read at all; nothing of it was taken. `why` does not name the feed."""

    def __init__(self, why: str, feed: str = "") -> None:
        self.feed, self.why = feed, why
        super().__init__(f"{feed}: {why}" if feed else why)


class FeedUnreadable(FeedError):
    """The file is missing, damaged, locked, or in a format that is not read."""

    def __init__(self, feed: str, why: str) -> None:
        super().__init__(why, feed)


class ColumnsUnknown(FeedError):
    """No mapping knows the table's headers; the message lists the mappings and how to write one.

    The file's own headers are not repeated: where they are missing, the first row is a letter.
    """

    def __init__(self, feed: str, known: dict[str, tuple[str, ...]]) -> None:
        self.known = known
        mappings = "; ".join(f"{name} ({', '.join(headers)})" for name, headers in known.items())
        super().__init__(
            _(
                "no mapping knows its columns. Known: {mappings}. Write one that says "
                "which column is what, as in {example}, and give it with --mapping FILE"
            ).format(mappings=mappings, example=MAPPINGS / "README.md"),
            feed,
        )


class ColumnsRenamed(FeedError):
    """A table has most of a mapping's headers, but not all: nothing is guessed."""

    def __init__(self, feed: str, mapping: str, missing: list[str], new: list[str]) -> None:
        self.missing = tuple(missing)
        super().__init__(
            _(
                "looks like the source {mapping}, but its columns {gone} are not there; "
                "new are {new}. If a column was renamed, write both names into a mapping, as in "
                '"ticket = ["old", "new"]", and give it with --mapping FILE'
            ).format(mapping=mapping, gone=", ".join(missing), new=some_names(new) or "-"),
            feed,
        )


class NoLetters(FeedError):
    """A table is known and holds no letters."""

    def __init__(self, feed: str, about: str) -> None:
        super().__init__(
            _("{about}. It is for routing; nothing of it belongs into the inbox").format(
                about=about
            ),
            feed,
        )


class MappingsTied(FeedError):
    """Two mappings fit a table equally well."""

    def __init__(self, feed: str, names: tuple[str, ...]) -> None:
        self.names = names
        super().__init__(
            _("fits the mappings {names}; choose one with --mapping FILE").format(
                names=", ".join(names)
            ),
            feed,
        )
