"""The objects of a city: which mapping knows them, and each as a row of its table."""

import json
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

from msgspec.structs import replace

from models.rules.messages import FIELDS
from scripts.ingest.mapping import Mapping
from scripts.ingest.readers.json_values import CleanObject, RawRecord
from scripts.ingest.records import Cell, ColumnsRenamed, FeedRecord
from scripts.ingest.row_messages import row_record
from scripts.ingest.table_layout import TableLayout, find_layout, header_key, unknown_table

_FIRST = 20
"""Objects of a list by which it is known."""

REFUSED_ROW = {"feed", "source", "line", "why", "raw"}
"""The keys of a refused row, as `hotline refused --reveal --json` prints it."""


def unwrapped(raw: RawRecord) -> RawRecord:
    if isinstance(raw.value, dict):
        raw.value = properties(raw.value)
    return raw


def properties(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of a feature of GeoJSON; another object as it is."""
    properties = fields.get("properties")
    if fields.get("type") != "Feature" or not isinstance(properties, dict):
        return fields
    rest = {k: v for k, v in fields.items() if k not in ("type", "properties")}
    properties.update((k, v) for k, v in rest.items() if k not in properties)
    return properties


def known_objects(
    feed: str, raws: Iterator[RawRecord], mappings: Sequence[Mapping]
) -> Iterator[RawRecord]:
    """Return the objects of a list; raises FeedError where none of the first is any that is known.

    That is one error, and not as many refusals as there are letters.
    """
    first: list[RawRecord] = []
    unknown: list[str] = []
    for raw in islice(raws, _FIRST):
        first.append(raw)
        if isinstance(raw.value, dict) and raw.value:
            names = list(flatten(raw.value))
            if _is_known(feed, raw.value, names, mappings):
                break
            unknown = unknown or names
    else:
        if unknown:
            raise unknown_table(feed, [unknown], mappings)
    return chain(first, raws)


def _is_known(
    feed: str, fields: dict[str, Any], names: Sequence[str], mappings: Sequence[Mapping]
) -> bool:
    """Return whether an object may be a message, a refused row, or a letter of a mapping."""
    if not mappings or is_message(fields) or fields.keys() == REFUSED_ROW:
        return True
    return bool({"ticket", "at"} & fields.keys()) or (
        find_layout(feed, [list(names)], mappings) is not None
    )


def recognise_objects(
    feed: str, raws: Iterator[RawRecord], mappings: Sequence[Mapping]
) -> tuple[TableLayout | None, Iterator[RawRecord]]:
    """The layout of the objects, by the first that is whole, if a mapping knows it; and them all.

    Raises ColumnsRenamed where a mapping nearly knows it.
    """
    first: list[RawRecord] = []
    for raw in raws:
        first.append(raw)
        if isinstance(raw.value, dict):
            layout = None
            if mappings and not is_message(raw.value) and raw.value.keys() != REFUSED_ROW:
                try:
                    layout = _find_object_layout(feed, list(flatten(raw.value)), mappings)
                except ColumnsRenamed:
                    # what is null in one object is often absent from it, and in others
                    first += islice(raws, _FIRST)
                    values = [each.value for each in first if isinstance(each.value, dict)]
                    names = dict.fromkeys(name for value in values for name in flatten(value))
                    layout = _find_object_layout(feed, list(names), mappings)
            return layout, chain(first, raws)
    return None, iter(first)


def is_message(fields: dict[str, Any]) -> bool:
    kind = fields.get("type")
    return (isinstance(kind, str) and kind in FIELDS) or ("ticket" in fields and "at" in fields)


def _find_object_layout(
    feed: str, names: list[str], mappings: Sequence[Mapping]
) -> TableLayout | None:
    """The layout of objects with these fields; others may have more."""
    layout = find_layout(feed, [names], mappings)
    if layout is None:
        if isinstance(error := unknown_table(feed, [names], mappings), ColumnsRenamed):
            raise error
        return None
    return with_absent_fields(feed, names, layout.mapping)


def with_absent_fields(feed: str, names: list[str], mapping: Mapping) -> TableLayout | None:
    """The layout of these names and of all others that the mapping knows."""
    present = set(map(header_key, names))
    absent = [name for name in mapping.known_headers() if header_key(name) not in present]
    return find_layout(feed, [names + absent], [mapping])


def object_record(
    layout: TableLayout, line: int, fields: dict[str, Any], text: str
) -> FeedRecord | None:
    """An object as a row of the layout's table."""
    cells = flatten(fields)
    # a field that the first object lacked stands in the layout as the mapping writes it
    by_key = {header_key(name): cell for name, cell in cells.items()}
    row = [cells[n] if n in cells else by_key.get(header_key(n)) for n in layout.headers]
    record = row_record(layout, line, row)
    if record is None or record.message is None:
        return record and replace(record, kept=text)
    if isinstance(fields, CleanObject) and fields.original:
        record.message["original"] = fields.original | record.message.get("original", {})
    # a field that is absent may be in another object: it is not blank
    present = {p.field.partition(".")[0] for p in layout.fields if header_key(p.header) in by_key}
    cleared = tuple(field for field in record.cleared if field in present)
    return replace(record, kept=text, cleared=cleared)


def flatten(fields: dict[str, Any], prefix: str = "") -> dict[str, Cell]:
    """An object as one row: a field of an inner object under both names, a list as its text."""
    cells: dict[str, Cell] = {}
    for name, value in fields.items():
        match value:
            case dict():
                cells |= flatten(value, f"{prefix}{name}.")
            case list():
                cells[prefix + name] = json.dumps(value, ensure_ascii=False)
            case _:
                cells[prefix + name] = value
    return cells
