"""Find the mapping that knows a table's headers, and where each of its columns stands."""

from collections.abc import Sequence
from datetime import tzinfo
from functools import lru_cache
from typing import NamedTuple

from models.i18n import LazyText, lazy
from models.rules.text import clean, folded
from scripts.ingest.mapping import ARRIVAL, Column, FollowUp, Mapping
from scripts.ingest.records import (
    Cell,
    ColumnsRenamed,
    ColumnsUnknown,
    FeedError,
    MappingsTied,
    NoLetters,
    cell_text,
)
from scripts.output import some_names

HEADER_WITHIN = 20
"""Rows searched for the headers: exports put titles and notes above them."""

_MOST = 0.5
"""A table that lacks less than this share of a mapping's headers is that mapping's."""


@lru_cache(maxsize=4096)
def header_key(header: str) -> str:
    """Return a header as it is compared: `Unique Key` in a table is `unique_key` in an object."""
    return folded(header).replace("_", "")


class CellPlace(NamedTuple):
    """The column of a field: its number and its header.

    `again` are the numbers of further columns with the same header.
    """

    field: str
    column: int
    header: str
    again: tuple[int, ...] = ()


class FollowUpLayout(NamedTuple):
    """The columns of a follow-up message in one table."""

    later: FollowUp
    at: CellPlace
    when: tuple[tuple[int, frozenset[str]], ...]
    fields: tuple[CellPlace, ...]


class TableLayout(NamedTuple):
    """The columns of a mapping's fields in one table, and the row of its headers."""

    mapping: Mapping
    row: int
    headers: tuple[str, ...]
    zone: tzinfo
    fields: tuple[CellPlace, ...]
    kept: tuple[CellPlace, ...]
    key: tuple[CellPlace, ...]
    undated: CellPlace | None
    later: tuple[FollowUpLayout, ...]

    def header(self, field: str) -> str:
        """The header of a field's column."""
        return next((place.header for place in self.fields if place.field == field), field)

    def notes(self) -> list[LazyText]:
        """Return what is odd about the columns."""
        renamed = self.renamed()
        places = (*self.fields, *self.kept, *(p for later in self.later for p in later.fields))
        doubled = dict.fromkeys(place.header for place in places if place.again)
        notes = [
            lazy('the column "{column}" stands more than once: each is read', column=header)
            for header in doubled
        ]
        return [*notes, renamed] if renamed is not None else notes

    def renamed(self) -> LazyText | None:
        """A note where columns are missing and others have come: it is never guessed."""
        present = {header_key(header) for header in self.headers}
        known = {header_key(name) for name in self.mapping.known_headers()}
        new = [header for header in self.headers if header and header_key(header) not in known]
        missing = [
            " / ".join(column)
            for column in (*self.mapping.columns.values(), *self.mapping.kept.values())
            if not present & set(map(header_key, column))
        ]
        if not new or not missing:
            return None
        return lazy(
            "of the columns that the mapping {mapping} knows {gone} are not there, and new are "
            "{new}: if one is another's new name, add it to the mapping",
            mapping=self.mapping.name,
            gone=", ".join(dict.fromkeys(missing)),
            new=some_names(new),
        )


def find_layout(
    feed: str, first_rows: Sequence[Sequence[Cell]], mappings: Sequence[Mapping]
) -> TableLayout | None:
    """The layout of a table by its first rows; None if no mapping knows its headers.

    The mapping with the most headers wins. Raises MappingsTied if two do, and NoLetters for a table
    that is known and holds none.
    """
    for index, cells in enumerate(first_rows[:HEADER_WITHIN]):
        headers = tuple(clean(cell_text(cell)) for cell in cells)
        present = set(map(header_key, headers))
        fitting = [m for m in mappings if present.issuperset(map(header_key, m.headers))]
        if not fitting:
            continue
        most = max(len(mapping.headers) for mapping in fitting)
        best = [mapping for mapping in fitting if len(mapping.headers) == most]
        if len(best) > 1:
            raise MappingsTied(feed, tuple(mapping.name for mapping in best))
        if best[0].routing:
            raise NoLetters(feed, best[0].about)
        if (layout := lay_out(best[0], index, headers)) is not None:
            return layout
    return None


class NearestTable(NamedTuple):
    """A table that is nearly one of a mapping: its headers, their row, and what differs."""

    mapping: Mapping
    row: int
    headers: tuple[str, ...]
    missing: tuple[str, ...]
    new: tuple[str, ...]


def nearest_table(
    first_rows: Sequence[Sequence[Cell]], mappings: Sequence[Mapping]
) -> NearestTable | None:
    """Return what a table with other headers than a mapping's is like, or None."""
    for index, cells in enumerate(first_rows[:HEADER_WITHIN]):
        headers = tuple(clean(cell_text(cell)) for cell in cells)
        present = set(map(header_key, headers))
        for mapping in mappings:
            missing = [name for name in mapping.headers if header_key(name) not in present]
            if len(missing) < _MOST * len(mapping.headers):
                known = set(map(header_key, mapping.known_headers()))
                new = [h for h in headers if h and header_key(h) not in known]
                return NearestTable(mapping, index, headers, tuple(missing), tuple(new))
    return None


def unknown_table(
    feed: str, first_rows: Sequence[Sequence[Cell]], mappings: Sequence[Mapping]
) -> FeedError:
    """The error for a table that none of these mappings knows; it names a similar one."""
    nearest = nearest_table(first_rows, mappings)
    if nearest is not None:
        missing, new = list(nearest.missing), list(nearest.new)
        return ColumnsRenamed(feed, nearest.mapping.name, missing, new)
    return ColumnsUnknown(feed, {mapping.name: mapping.headers for mapping in mappings})


def lay_out(mapping: Mapping, row: int, headers: tuple[str, ...]) -> TableLayout | None:
    """Find the columns of a mapping under these headers; None if number or date has none."""
    columns: dict[str, list[int]] = {}
    for index, header in enumerate(headers):
        columns.setdefault(header_key(header), []).append(index)

    def place(field: str, column: Column) -> CellPlace | None:
        numbers = next((columns[header_key(n)] for n in column if header_key(n) in columns), None)
        if numbers is None:
            return None
        return CellPlace(field, numbers[0], headers[numbers[0]], tuple(numbers[1:]))

    def places(fields: dict[str, Column]) -> tuple[CellPlace, ...]:
        placed = (place(field, column) for field, column in fields.items())
        return tuple(each for each in placed if each is not None)

    def follow_up_layout(follow_up: FollowUp) -> FollowUpLayout | None:
        at = place("at", follow_up.at)
        conditions = [(place("", (name,)), words) for name, words in follow_up.when.items()]
        if at is None or any(where is None for where, _words in conditions):
            return None
        when = tuple((w.column, frozenset(map(folded, words))) for w, words in conditions if w)
        return FollowUpLayout(follow_up, at, when, places(follow_up.columns))

    fields = places(mapping.columns)
    required = {"ticket", "at"} if mapping.letters else {"ticket"}
    if not required <= {each.field for each in fields}:
        return None
    follow_ups = map(follow_up_layout, mapping.later)
    return TableLayout(
        mapping,
        row,
        headers,
        mapping.timezone(),
        fields,
        places(mapping.kept),
        places({name: (name,) for name in mapping.key}),
        None if mapping.undated == ARRIVAL else place("at", (mapping.undated,)),
        tuple(layout for layout in follow_ups if layout is not None),
    )
