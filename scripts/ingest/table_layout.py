"""Tables: which mapping knows the headers, and where each of its columns stands."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import NamedTuple

from models.i18n import LazyText, lazy
from models.rules.text import clean, folded
from scripts.ingest.mapping import ARRIVAL, Column, FollowUp, Mapping, names
from scripts.ingest.records import (
    Cell,
    ColumnsRenamed,
    ColumnsUnknown,
    FeedError,
    MappingsTied,
    NoLetters,
    cell_text,
)

HEADER_WITHIN = 20
"""Rows searched for the headers: exports put titles and notes above them."""

_ENOUGH = 0.5
"""A table that has so many of a mapping's headers is that mapping's, with some of them renamed."""


class CellPlace(NamedTuple):
    """Where a field stands: its column's number and header."""

    field: str
    column: int
    header: str


class FollowUpLayout(NamedTuple):
    """Where the parts of a later message stand in one table."""

    later: FollowUp
    at: CellPlace
    when: tuple[tuple[int, frozenset[str]], ...]
    fields: tuple[CellPlace, ...]


class TableLayout(NamedTuple):
    """Where a mapping's fields stand in one particular table, and the row of its headers."""

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
        return next((p.header for p in self.fields if p.field == field), field)

    def renamed(self) -> LazyText | None:
        """What to tell where columns are missing and others have come: never guessed."""
        here = {folded(header) for header in self.headers}
        known = {folded(name) for name in self.mapping.mentioned()}
        new = [header for header in self.headers if header and folded(header) not in known]
        gone = [
            " / ".join(names(column))
            for column in (*self.mapping.columns.values(), *self.mapping.kept.values())
            if not here & set(map(folded, names(column)))
        ]
        if not new or not gone:
            return None
        return lazy(
            "of the columns that the mapping {mapping} knows {gone} are not there, and new are "
            "{new}: if one is another's new name, add it to the mapping",
            mapping=self.mapping.name,
            gone=", ".join(dict.fromkeys(gone)),
            new=", ".join(new[:10]),
        )


def find_layout(
    feed: str, first_rows: Sequence[Sequence[Cell]], mappings: Sequence[Mapping]
) -> TableLayout | None:
    """The layout of a table whose headers a mapping knows, by its first rows, or None.

    The mapping that names the most headers wins; raises MappingsTied if two do, and NoLetters for
    a table that is known and holds none.
    """
    for index, cells in enumerate(first_rows[:HEADER_WITHIN]):
        headers = tuple(clean(cell_text(cell)) for cell in cells)
        here = set(map(folded, headers))
        fits = [m for m in mappings if here.issuperset(map(folded, m.headers))]
        if not fits:
            continue
        most = max(len(mapping.headers) for mapping in fits)
        best = [mapping for mapping in fits if len(mapping.headers) == most]
        if len(best) > 1:
            raise MappingsTied(feed, tuple(mapping.name for mapping in best))
        if best[0].routing:
            raise NoLetters(feed, best[0].about)
        if (layout := lay_out(best[0], index, headers)) is not None:
            return layout
    return None


def unknown_table(
    feed: str, first_rows: Sequence[Sequence[Cell]], mappings: Sequence[Mapping]
) -> FeedError:
    """The error for a table that none of these mappings knows: a near one is named."""
    for cells in first_rows[:HEADER_WITHIN]:
        headers = [clean(cell_text(cell)) for cell in cells]
        here = set(map(folded, headers))
        for mapping in mappings:
            gone = [name for name in mapping.headers if folded(name) not in here]
            if len(gone) <= _ENOUGH * len(mapping.headers):
                known = set(map(folded, mapping.mentioned()))
                new = [h for h in headers if h and folded(h) not in known]
                return ColumnsRenamed(feed, mapping.name, gone, new[:10])
    return ColumnsUnknown(feed, {mapping.name: mapping.headers for mapping in mappings})


def lay_out(mapping: Mapping, row: int, headers: tuple[str, ...]) -> TableLayout | None:
    """Where the fields of a mapping stand under these headers; None if the number or the date
    stands nowhere.
    """
    found: dict[str, int] = {}
    for index, header in enumerate(headers):
        found.setdefault(folded(header), index)

    def place(field: str, column: Column) -> CellPlace | None:
        for name in names(column):
            index = found.get(folded(name))
            if index is not None:
                return CellPlace(field, index, headers[index])
        return None

    def places(columns: dict[str, Column]) -> tuple[CellPlace, ...]:
        placed = (place(field, column) for field, column in columns.items())
        return tuple(each for each in placed if each is not None)

    fields = places(mapping.columns)
    needed = {"ticket", "at"} if mapping.letters else {"ticket"}
    if not needed <= {each.field for each in fields}:
        return None
    later = []
    for each in mapping.later:
        at = place("at", each.at)
        if at is None:
            continue
        when = [(place("", name), words) for name, words in each.when.items()]
        if any(where is None for where, _words in when):
            continue
        conditions = tuple((w.column, frozenset(map(folded, words))) for w, words in when if w)
        later.append(FollowUpLayout(each, at, conditions, places(each.columns)))
    stands_in = None if mapping.undated == ARRIVAL else place("at", mapping.undated)
    return TableLayout(
        mapping,
        row,
        headers,
        mapping.tz(),
        fields,
        places(mapping.kept),
        places({name: name for name in mapping.key}),
        stands_in,
        tuple(later),
    )
