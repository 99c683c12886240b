"""Read JSON: messages as other systems and operators send them, or a city's own objects.

The objects of a city are read by the mapping that knows their fields, as a table's rows are.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import IO, Any

from msgspec.structs import replace

from models.i18n import _, lazy
from models.rules.calendar import SHANGHAI
from models.rules.messages import FIELDS
from scripts.ingest.dates import parse_instant
from scripts.ingest.mapping import INSTANTS, Mapping
from scripts.ingest.readers import json_stream, json_values
from scripts.ingest.readers.json_objects import (
    REFUSED_ROW,
    flatten,
    is_message,
    known_objects,
    object_record,
    properties,
    recognise_objects,
    unwrapped,
    with_absent_fields,
)
from scripts.ingest.readers.json_values import CleanObject, RawRecord, UnusableJson
from scripts.ingest.records import ColumnsRenamed, FeedRecord, FeedUnreadable
from scripts.ingest.table_layout import TableLayout, find_layout, unknown_table
from scripts.output import some_names

SOURCE = "messages"

_BOM = "\ufeff".encode()
_OBJECT = re.compile(rb'\{\s*(?:"|\}|$)')
_TEXTS = ("id", "ticket", "type")
_ENVELOPE = (*_TEXTS, *INSTANTS)


def fits(head: bytes) -> bool:
    """Return whether a file that begins so has an object a line, even if its first is torn."""
    lines = [line.strip() for line in head.removeprefix(_BOM).split(b"\n")]
    filled = [line for line in lines if line]
    if not filled:
        return False
    objects = [_OBJECT.match(line) is not None for line in filled]
    return objects[0] or 2 * sum(objects) > len(objects)


def fits_array(head: bytes) -> bool:
    """Return whether a file that begins so is one list of objects, bare or in an object.

    An object a line is none, also where the first is torn: that ends in the middle of a text.
    """
    start = head.removeprefix(_BOM).lstrip()
    if not start.startswith(b"{"):
        return start.startswith(b"[")
    first, _end, rest = start.partition(b"\n")
    try:
        value = json.loads(first)
    except ValueError:
        return not _end or first.rstrip().endswith((b"{", b"[", b",", b":"))
    return isinstance(value, dict) and not rest.strip() and json_stream.has_list(value)


def read(feed: str, stream: IO[bytes], mappings: Sequence[Mapping] = ()) -> Iterator[FeedRecord]:
    """The messages of a file or a pipe of lines, streamed; a line that is none is refused.

    Texts are cleaned, instants without an offset are read as Asia/Shanghai.
    """
    return _records(feed, json_stream.of_lines(stream), mappings)


def messages_of(raws: Iterator[RawRecord]) -> Iterator[FeedRecord]:
    """The messages that were parsed elsewhere; what is none is refused."""
    return _records("", raws, ())


def read_array(
    feed: str, stream: IO[bytes], mappings: Sequence[Mapping] = ()
) -> Iterator[FeedRecord]:
    """The messages of a list of objects, such as a page of Open311 GeoReport v2, streamed.

    It may lie in an object, at a place that a mapping names or where its objects are known. Raises
    FeedUnreadable where there are only other lists.
    """

    def is_wanted(value: object) -> bool:
        if not isinstance(value, dict):
            return False
        fields = properties(value)
        if is_message(fields) or fields.keys() == REFUSED_ROW:
            return True
        names = [list(flatten(fields))]
        unknown = find_layout(feed, names, mappings) is None if mappings else True
        return not unknown or isinstance(unknown_table(feed, names, mappings), ColumnsRenamed)

    path = next((mapping.path for mapping in mappings if mapping.path), "")
    raws = map(unwrapped, json_stream.of_whole(stream, is_wanted, path))
    try:
        yield from _records(feed, known_objects(feed, raws, mappings), mappings)
    except json_stream.ListsUnknown as error:
        text = _(
            "no list of letters is known in it; its lists are {lists}. Write a mapping for one, "
            'and say where it is: path = "{first}"'
        )
        lists = some_names(error.paths) or "-"
        first = error.paths[0] if error.paths else "data"
        raise FeedUnreadable(feed, text.format(lists=lists, first=first)) from error


def _records(
    feed: str, raws: Iterator[RawRecord], mappings: Sequence[Mapping]
) -> Iterator[FeedRecord]:
    layout, raws = recognise_objects(feed, raws, mappings)
    layouts: dict[tuple[str, ...], TableLayout | None] = {}
    for raw in raws:
        if isinstance(raw.value, dict) and raw.value.keys() == REFUSED_ROW:
            record = _resent_record(feed, raw.line, raw.value, mappings, layouts)
        else:
            record = _record(raw, layout)
        if record is not None:
            yield record


def _record(raw: RawRecord, layout: TableLayout | None) -> FeedRecord | None:
    source = SOURCE if layout is None else layout.mapping.message_source
    if raw.why is not None:
        return FeedRecord(raw.line, source, None, raw.why, raw.text)
    if layout is not None and isinstance(raw.value, dict):
        return object_record(layout, raw.line, raw.value, raw.text)
    try:
        return FeedRecord(raw.line, source, _message(raw.value), None, raw.text)
    except UnusableJson as unusable:
        return FeedRecord(raw.line, source, None, unusable.why, raw.text)


def _resent_record(
    feed: str,
    line: int,
    refused: dict[str, Any],
    mappings: Sequence[Mapping],
    layouts: dict[tuple[str, ...], TableLayout | None],
) -> FeedRecord | None:
    """A row from a file of refused rows, mended or not."""
    kept = refused["raw"]
    if isinstance(kept, dict) and mappings and not is_message(kept):
        headers = tuple(kept)
        if headers not in layouts:
            # a torn row has lost columns: its source says whose they were
            nearest = max(
                mappings,
                key=lambda mapping: (
                    mapping.message_source == refused["source"],
                    len(set(headers) & set(mapping.known_headers())),
                ),
            )
            layouts[headers] = with_absent_fields(feed, list(headers), nearest)
        raw = RawRecord(line, json.dumps(kept, ensure_ascii=False), kept)
        record = _record(raw, layouts[headers])
    else:
        text = kept if isinstance(kept, str) else json.dumps(kept, ensure_ascii=False)
        record = _record(json_values.parse(line, text.encode("utf-8", "replace"), text), None)
    return record and replace(record, source=str(refused["source"]), kept=kept)


def _message(fields: object) -> dict[str, Any]:
    """The message that an object is; what it lacks is found where it is taken into the inbox."""
    if not isinstance(fields, dict):
        raise UnusableJson(
            lazy("The line is no JSON object. Write one message as one object a line")
        )
    if isinstance(fields, CleanObject) and fields.numberless:
        known = FIELDS.get(str(fields.get("type")), {})
        if not fields.numberless.isdisjoint((*_ENVELOPE, *known)):
            raise UnusableJson(json_values.no_number())
    message: dict[str, Any] = {k: v for k, v in fields.items() if k not in _ENVELOPE}
    # a list of tickets is one message for each
    several = isinstance(fields.get("ticket"), list)
    envelope = {key: _text(fields, key) for key in _TEXTS if not (several and key == "ticket")}
    envelope |= {key: _instant(fields, key) for key in INSTANTS}
    message |= {key: value for key, value in envelope.items() if value is not None}
    if several:
        message["ticket"] = fields["ticket"]
    if isinstance(fields, CleanObject) and fields.original:
        message["original"] = fields.original
    return message


def _text(fields: dict[str, Any], key: str) -> str | None:
    match fields.get(key):
        case None | "":
            return None
        case str(text):
            return text
        case bool():
            pass
        case int(number):
            return str(number)
    raise UnusableJson(lazy('"{field}" must be a text. Put it in quotation marks', field=key))


def _instant(fields: dict[str, Any], key: str) -> str | None:
    text = fields.get(key)
    if text is None or text == "":
        return None
    at = parse_instant(text, ("iso",), SHANGHAI) if isinstance(text, str) else None
    if at is None:
        raise UnusableJson(
            lazy(
                '"{field}" is no possible instant. Write it as 2026-10-09T10:00:00+08:00', field=key
            )
        )
    return at.isoformat()
