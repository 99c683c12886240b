"""A table's rows into messages: the half that spreadsheets, text files and objects share."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from models.i18n import LazyText, lazy
from models.rules.text import clean, folded
from scripts.ingest.cells import TableRow, UnusableRow, digest_of, moment_of, no_date, value_of
from scripts.ingest.dates import instant
from scripts.ingest.mapping import ARRIVAL, requires_unit
from scripts.ingest.records import TICKET_RECEIVED, Cell, FeedRecord, cell_text
from scripts.ingest.table_layout import FollowUpLayout, TableLayout

_LONGEST = 1 << 20
"""Characters that a row may have: more is no letter."""


def messages(
    layout: TableLayout, rows: Iterable[tuple[int, Sequence[Cell]]]
) -> Iterator[FeedRecord]:
    """The records of a table's numbered rows; the first one says what is odd about the columns."""
    renamed = layout.renamed()
    for line, cells in rows:
        record = message(layout, line, cells)
        if record is None:
            continue
        if renamed is not None:
            record, renamed = replace(record, notes=(renamed, *record.notes)), None
        yield record


def message(layout: TableLayout, line: int, cells: Sequence[Cell]) -> FeedRecord | None:
    """One row as a message or as a refusal; None for a blank row, which is neither."""
    if not any(clean(cell_text(cell)) for cell in cells if cell is not None and cell != ""):
        return None
    kept = partial(_raw, layout.headers, cells)
    source = layout.mapping.origin
    try:
        made, later, notes = _made(layout, cells)
    except UnusableRow as refused:
        return FeedRecord(line, source, None, refused.why, kept)
    facts = layout.mapping.facts if layout.mapping.letters else ()
    return FeedRecord(line, source, made, None, kept, later, facts, notes)


def _made(
    layout: TableLayout, cells: Sequence[Cell]
) -> tuple[dict[str, Any], tuple[dict[str, Any], ...], tuple[LazyText, ...]]:
    _check_shape(layout, cells)
    row = TableRow(layout, cells)
    made = _letter(row)
    later = _later(row, made)
    if not layout.mapping.letters:
        if not later:
            raise UnusableRow(
                lazy("The row says nothing that happened. Fill in what did, and when")
            )
        made, later = later[0], later[1:]
    if row.original:
        made["original"] = row.original
    if row.notes:
        made["flags"] = [msgspec.to_builtins(note) for note in row.notes]
    return made, tuple(later), tuple(row.notes)


def _check_shape(layout: TableLayout, cells: Sequence[Cell]) -> None:
    width = len(layout.headers)
    if len(cells) != width and (
        len(cells) < width or any(clean(cell_text(cell)) for cell in cells[width:])
    ):
        raise UnusableRow(
            lazy(
                "The row has {cells} cells and the table {columns} columns: the row is torn, or a "
                "cell holds the delimiter without quotes. Mend the row",
                cells=len(cells),
                columns=width,
            )
        )
    if sum(len(cell) for cell in cells if isinstance(cell, str)) > _LONGEST:
        raise UnusableRow(lazy("The row has more than {limit} characters", limit=_LONGEST))


def _letter(row: TableRow) -> dict[str, Any]:
    layout = row.layout
    mapping = layout.mapping
    made: dict[str, Any] = {"type": TICKET_RECEIVED}
    for field, value in mapping.constants.items():
        _put(made, field, value)
    for place in layout.fields:
        value = value_of(row, place, mapping.values)
        if value != "":
            _put(made, place.field, value)
    for place in layout.kept:
        if text := row.text(place):
            made.setdefault(place.field, text)
    if "at" not in made and layout.undated is not None and row.text(layout.undated):
        made["at"] = moment_of(row, layout.undated)
    for field in ("ticket", "at") if mapping.letters else ("ticket",):
        if field not in made and not (field == "at" and mapping.undated == ARRIVAL):
            raise UnusableRow(
                lazy(
                    'The cell "{column}" is blank, and no ticket can be without it. Fill it in',
                    column=layout.header(field),
                )
            )
    if layout.key:
        parts = [folded(row.text(place)) for place in layout.key]
        made["id"] = f"{made['ticket']}-{digest_of(parts)}"
        made["ticket"] = made["id"]
    made.setdefault("id", made["ticket"])
    return made


def _later(row: TableRow, letter: dict[str, Any]) -> list[dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for places in row.layout.later:
        later = places.later
        told = row.text(places.at)
        happened = told and all(
            folded(clean(cell_text(row.cells[column]))) in words for column, words in places.when
        )
        if happened and (not later.after or later.after in made):
            at = _later_at(row, places, letter)
            if at is not None:
                made[later.name] = _later_message(row, places, letter, at)
    return list(made.values())


def _later_at(row: TableRow, places: FollowUpLayout, letter: dict[str, Any]) -> str | None:
    """The moment of a later message; "" if it is that of its arrival, None if it has none."""
    mapping, header = row.layout.mapping, places.at.header
    moment = instant(row.cells[places.at.column], mapping.dates, row.layout.zone)
    if moment is None:
        if mapping.undated == ARRIVAL:
            return ""
        if not mapping.letters:
            raise UnusableRow(no_date(header))
        row.flag(lazy('"{column}" holds no possible date: not taken', column=header))
    elif "at" in letter and moment < datetime.fromisoformat(letter["at"]):
        row.flag(lazy('"{column}" is before the letter itself: not taken', column=header))
    else:
        return moment.isoformat()
    row.keep(places.at)
    return None


def _later_message(
    row: TableRow, places: FollowUpLayout, letter: dict[str, Any], at: str
) -> dict[str, Any]:
    later = places.later
    told = {p.field: v for p in places.fields if (v := value_of(row, p, later.values)) != ""}
    content = [f"{name}={folded(str(value))}" for name, value in told.items()]
    made = {
        "type": later.type,
        "ticket": letter["ticket"],
        "id": f"{letter['id']}#{later.name}#{digest_of([at, *content])}",
        **later.constants,
        **told,
    }
    if at:
        made["at"] = at
    if requires_unit(later.type) and "unit" in letter:
        made.setdefault("unit", letter["unit"])
    return made


def _put(made: dict[str, Any], field: str, value: str | int | bool) -> None:
    outer, _, inner = field.partition(".")
    if inner:
        made.setdefault(outer, {})[inner] = value
    else:
        made[outer] = value


def _raw(headers: Sequence[str], cells: Sequence[Cell]) -> dict[str, str]:
    raw: dict[str, str] = {}
    for index, cell in enumerate(cells):
        header = headers[index] if index < len(headers) else ""
        name = header if header and header not in raw else f"{header}#{index + 1}"
        raw[name] = cell_text(cell)
    return raw
