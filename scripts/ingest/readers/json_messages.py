"""JSON: messages as other systems and operators send them, or a city's own objects.

Objects of a city are read by the mapping that knows their fields, as a table's rows are.
"""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import IO, Any

from msgspec.structs import replace

from models.i18n import lazy
from models.rules.calendar import SHANGHAI
from models.rules.messages import FIELDS
from scripts.ingest.dates import instant
from scripts.ingest.mapping import INSTANTS, Mapping
from scripts.ingest.readers import json_stream, json_values
from scripts.ingest.readers.json_values import CleanObject, RawRecord, UnusableJson
from scripts.ingest.records import Cell, ColumnsRenamed, FeedRecord
from scripts.ingest.row_messages import message
from scripts.ingest.table_layout import TableLayout, find_layout, unknown_table

SOURCE = "messages"

_BOM = "\ufeff".encode()
_OBJECT = re.compile(rb'\{\s*(?:"|\}|$)')
_WRAPPED = re.compile(
    rb'\{\s*"(?:service_requests|requests|results|records|data|items|rows)"\s*:\s*\['
)
_KEPT = {"feed", "source", "line", "why", "raw"}
"""What is kept of a refused row."""

_ENVELOPE = ("id", "ticket", "type", *INSTANTS)


def fits(head: bytes) -> bool:
    """Whether a file that begins so holds an object a line, also if its first line is torn."""
    lines = [line.strip() for line in head.removeprefix(_BOM).split(b"\n")]
    filled = [line for line in lines if line]
    if not filled:
        return False
    objects = [_OBJECT.match(line) is not None for line in filled]
    return objects[0] or 2 * sum(objects) > len(objects)


def fits_array(head: bytes) -> bool:
    """Whether a file that begins so is one list of objects, bare or in an object of its own."""
    start = head.removeprefix(_BOM).lstrip()
    return start.startswith(b"[") or _WRAPPED.match(start) is not None


def read(feed: str, stream: IO[bytes], mappings: Sequence[Mapping] = ()) -> Iterator[FeedRecord]:
    """The messages of a file or a pipe of lines, streamed; a line that is none is refused.

    Texts are cleaned, instants without an offset are read as Asia/Shanghai.
    """
    return _records(feed, json_stream.of_lines(stream), mappings)


def read_array(
    feed: str, stream: IO[bytes], mappings: Sequence[Mapping] = ()
) -> Iterator[FeedRecord]:
    """The same of a list of objects, such as a page of Open311 GeoReport v2, streamed."""
    return _records(feed, json_stream.of_array(stream), mappings)


def objects(
    feed: str, pieces: Iterator[RawRecord], mappings: Sequence[Mapping]
) -> tuple[TableLayout | None, Iterator[RawRecord]]:
    """Which mapping knows the objects, by the first one that is whole, and all of the objects."""
    before: list[RawRecord] = []
    for piece in pieces:
        before.append(piece)
        if isinstance(piece.value, dict):
            layout = None
            if mappings and not _is_message(piece.value) and piece.value.keys() != _KEPT:
                layout = _layout(feed, piece.value, mappings)
            return layout, chain(before, pieces)
    return None, iter(before)


def _is_message(read: dict[str, Any]) -> bool:
    kind = read.get("type")
    return (isinstance(kind, str) and kind in FIELDS) or ("ticket" in read and "at" in read)


def _layout(feed: str, read: dict[str, Any], mappings: Sequence[Mapping]) -> TableLayout | None:
    """The layout of objects like this one; a field that is null may be left out of others."""
    names = list(flat(read))
    layout = find_layout(feed, [names], mappings)
    if layout is None:
        if isinstance(near := unknown_table(feed, [names], mappings), ColumnsRenamed):
            raise near
        return None
    return _laid_out(feed, names, layout.mapping)


def _laid_out(feed: str, names: list[str], mapping: Mapping) -> TableLayout | None:
    more = [name for name in mapping.mentioned() if name not in names]
    return find_layout(feed, [names + more], [mapping])


def _records(
    feed: str, pieces: Iterator[RawRecord], mappings: Sequence[Mapping]
) -> Iterator[FeedRecord]:
    layout, pieces = objects(feed, pieces, mappings)
    layouts: dict[tuple[str, ...], TableLayout | None] = {}
    for piece in pieces:
        if isinstance(piece.value, dict) and piece.value.keys() == _KEPT:
            record = _again(feed, piece.line, piece.value, mappings, layouts)
        else:
            record = _record(piece, layout)
        if record is not None:
            yield record


def _record(piece: RawRecord, layout: TableLayout | None) -> FeedRecord | None:
    source = SOURCE if layout is None else layout.mapping.origin
    if piece.why is not None:
        return FeedRecord(piece.line, source, None, piece.why, piece.text)
    if layout is not None and isinstance(piece.value, dict):
        return mapped(layout, piece.line, piece.value, piece.text)
    try:
        return FeedRecord(piece.line, source, _message(piece.value), None, piece.text)
    except UnusableJson as refused:
        return FeedRecord(piece.line, source, None, refused.why, piece.text)


def _again(
    feed: str,
    line: int,
    kept: dict[str, Any],
    mappings: Sequence[Mapping],
    layouts: dict[tuple[str, ...], TableLayout | None],
) -> FeedRecord | None:
    """A row that had been refused, from the file that it was kept in, mended or not."""
    raw = kept["raw"]
    if isinstance(raw, dict) and mappings and not _is_message(raw):
        headers = tuple(raw)
        if headers not in layouts:
            # a torn row has lost columns: its source says whose they were
            nearest = max(
                mappings,
                key=lambda m: (m.origin == kept["source"], len(set(headers) & set(m.mentioned()))),
            )
            layouts[headers] = _laid_out(feed, list(headers), nearest)
        record = _record(
            RawRecord(line, json.dumps(raw, ensure_ascii=False), raw), layouts[headers]
        )
    else:
        text = raw if isinstance(raw, str) else json.dumps(raw, ensure_ascii=False)
        record = _record(json_values.piece(line, text.encode("utf-8", "replace"), text), None)
    return record and replace(record, source=str(kept["source"]), kept=raw)


def mapped(layout: TableLayout, line: int, read: dict[str, Any], text: str) -> FeedRecord | None:
    """An object as the row that a mapping takes it for."""
    cells = flat(read)
    record = message(layout, line, [cells.get(name) for name in layout.headers])
    if record is None or record.message is None:
        return record and replace(record, kept=text)
    if isinstance(read, CleanObject) and read.original:
        record.message["original"] = read.original | record.message.get("original", {})
    return replace(record, kept=text)


def flat(read: dict[str, Any], before: str = "") -> dict[str, Cell]:
    """An object as one row: what lies in another object under both names, a list as its text."""
    cells: dict[str, Cell] = {}
    for name, value in read.items():
        match value:
            case dict():
                cells |= flat(value, f"{before}{name}.")
            case list():
                cells[before + name] = json.dumps(value, ensure_ascii=False)
            case _:
                cells[before + name] = value
    return cells


def _message(read: object) -> dict[str, Any]:
    if not isinstance(read, dict):
        raise UnusableJson(
            lazy("The line is no JSON object. Write one message as one object a line")
        )
    made: dict[str, Any] = {key: value for key, value in read.items() if key not in _ENVELOPE}
    for key in ("id", "ticket", "type"):
        made[key] = _text(read, key)
    for key in INSTANTS:
        made[key] = _instant(read, key)
    for key in ("ticket", "type", "at"):
        if made[key] is None:
            raise UnusableJson(lazy('The message has no "{field}". Add it', field=key))
    if isinstance(read, CleanObject) and read.original:
        made["original"] = read.original
    return {key: value for key, value in made.items() if value is not None or key not in _ENVELOPE}


def _text(read: dict[str, Any], key: str) -> str | None:
    match read.get(key):
        case None | "":
            return None
        case str(text):
            return text
        case bool():
            pass
        case int(number):
            return str(number)
    raise UnusableJson(lazy('"{field}" must be a text. Put it in quotation marks', field=key))


def _instant(read: dict[str, Any], key: str) -> str | None:
    given = read.get(key)
    if given is None or given == "":
        return None
    moment = instant(given, ("iso",), SHANGHAI) if isinstance(given, str) else None
    if moment is None:
        raise UnusableJson(
            lazy(
                '"{field}" is no possible instant. Write it as 2026-10-09T10:00:00+08:00', field=key
            )
        )
    return moment.isoformat()
