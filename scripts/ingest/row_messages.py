"""Turn a table's rows into messages, the same way for spreadsheets, text files and objects."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from models.i18n import LazyText, lazy
from models.rules.limits import RECORD_BYTES
from models.rules.text import clean, folded
from models.rules.topics import SEPARATOR
from models.rules.vocabulary import MessageType
from scripts.ingest.cells import (
    FeedTableRow,
    UnusableRow,
    cell_value,
    digest_of,
    instant_of,
    unreadable_date,
)
from scripts.ingest.dates import Dated, parse_dated
from scripts.ingest.mapping import ARRIVAL, requires_unit
from scripts.ingest.records import Cell, FeedRecord, cell_text
from scripts.ingest.table_layout import FollowUpLayout, NearestTable, TableLayout

Message = dict[str, Any]

_STEERING = ("emergency", "statutory_limit")


def row_records(
    layout: TableLayout,
    rows: Iterable[tuple[int, Sequence[Cell]]],
    notes: Sequence[LazyText] = (),
) -> Iterator[FeedRecord]:
    """The records of a table's numbered rows; the first one carries notes on what is odd."""
    notes = (*notes, *layout.notes())
    for line, cells in rows:
        record = row_record(layout, line, cells)
        if record is None:
            continue
        if notes:
            record, notes = replace(record, notes=(*notes, *record.notes)), ()
        yield record


def unread_rows(
    table: NearestTable, rows: Iterable[tuple[int, Sequence[Cell]]], sheet: str
) -> Iterator[FeedRecord]:
    """The rows of a sheet that lacks columns of its mapping, each refused and kept."""
    why = lazy(
        'the sheet "{sheet}" looks like the source {mapping}, but its columns {gone} are not '
        "there; new are {new}. If a column was renamed, write both names into a mapping, as in "
        '"ticket = ["old", "new"]", and give it with --mapping FILE',
        sheet=sheet,
        mapping=table.mapping.name,
        gone=", ".join(table.missing),
        new=", ".join(table.new) or "-",
    )
    for line, cells in rows:
        if any(clean(cell_text(cell)) for cell in cells):
            kept = partial(_raw, table.headers, cells)
            yield FeedRecord(line, table.mapping.message_source, None, why, kept)


def row_record(layout: TableLayout, line: int, cells: Sequence[Cell]) -> FeedRecord | None:
    """One row as a message or a refusal; None for a blank row, which is neither."""
    if not any(clean(cell_text(cell)) for cell in cells if cell is not None and cell != ""):
        return None
    kept = partial(_raw, layout.headers, cells)
    source = layout.mapping.message_source
    try:
        message, later, row = _messages(layout, cells)
    except UnusableRow as unusable:
        return FeedRecord(line, source, None, unusable.why, kept)
    record = FeedRecord(
        line,
        source,
        message,
        None,
        kept,
        later,
        facts=(),
        notes=(*row.notes, *row.remarks),
        days=_places(row, (message, *later)) if row.days else frozenset(),
        dressed=row.dressed.get("id", row.dressed.get("ticket")),
    )
    if not layout.mapping.letters:
        return record
    return replace(
        record,
        facts=layout.mapping.facts,
        number=_written_number(layout, message),
        keyed=bool(layout.key),
        assumed=frozenset({*layout.mapping.constants, "title"} - row.filled),
        cleared=_cleared(row),
    )


def _cleared(row: FeedTableRow) -> tuple[str, ...]:
    """The fields that steer clocks and are blank here, though the table has their column."""
    placed = {place.field.partition(".")[0] for place in row.layout.fields}
    filled = {field.partition(".")[0] for field in (*row.filled, *row.layout.mapping.constants)}
    return tuple(field for field in _STEERING if field in placed and field not in filled)


def _places(row: FeedTableRow, messages: Sequence[Message]) -> frozenset[int]:
    """The places of the messages that are dated by a day."""
    return frozenset(n for n, message in enumerate(messages) if message["id"] in row.days)


def _written_number(layout: TableLayout, letter: Message) -> str | None:
    """The number of a letter without what the mapping's key has added; None if it has an id too."""
    if layout.key:
        return str(letter["ticket"].rpartition("-")[0])
    return str(letter["ticket"]) if letter["id"] == letter["ticket"] else None


def _messages(
    layout: TableLayout, cells: Sequence[Cell]
) -> tuple[Message, tuple[Message, ...], FeedTableRow]:
    """The first message of a row, its further messages, and the row. Raises UnusableRow."""
    _check_shape(layout, cells)
    row = FeedTableRow(layout, cells)
    message = _letter(row)
    later = _follow_ups(row, message)
    if not layout.mapping.letters:
        if not later:
            raise UnusableRow(
                lazy("The row says nothing that happened. Fill in what did, and when")
            )
        message, later = later[0], later[1:]
    if row.original:
        message["original"] = row.original
    if row.notes:
        message["flags"] = [msgspec.to_builtins(note) for note in row.notes]
    return message, tuple(later), row


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
    if sum(len(cell) for cell in cells if isinstance(cell, str)) > RECORD_BYTES:
        raise UnusableRow(lazy("The row has more than {limit} characters", limit=RECORD_BYTES))


def _letter(row: FeedTableRow) -> Message:
    """The letter that a row holds, or for a table of replies the ticket that they are about."""
    layout = row.layout
    mapping = layout.mapping
    message: Message = {"type": MessageType.TICKET_RECEIVED.value}
    for field, value in mapping.constants.items():
        _set(message, field, value)
    for place in layout.fields:
        value = cell_value(row, place, mapping.values)
        if value != "":
            _set(message, place.field, value)
            row.filled.add(place.field)
    if isinstance(levels := message.get("topic"), dict):
        message["topic"] = SEPARATOR.join(levels[level] for level in sorted(levels))
    for place in layout.kept:
        if text := row.text(place):
            message.setdefault(place.field, text)
    if "at" not in message and layout.undated is not None and row.text(layout.undated):
        message["at"] = instant_of(row, layout.undated)
    for field in ("ticket", "at") if mapping.letters else ("ticket",):
        if field not in message and not (field == "at" and mapping.undated == ARRIVAL):
            raise UnusableRow(
                lazy(
                    'The cell "{column}" is blank, and no ticket can be without it. Fill it in',
                    column=layout.header(field),
                )
            )
    stand_in = message.get("content") or message.get("address")
    if mapping.letters and "title" not in message and stand_in:
        # nobody is shown the letter: a title that repeats it becomes category and place
        message["title"] = stand_in
    if layout.key:
        parts = [folded(row.text(place)) for place in layout.key]
        message["id"] = f"{message['ticket']}-{digest_of(parts)}"
        message["ticket"] = message["id"]
    message.setdefault("id", message["ticket"])
    return message


def _follow_ups(row: FeedTableRow, letter: Message) -> list[Message]:
    messages: dict[str, Message] = {}
    for layout in row.layout.later:
        follow_up = layout.later
        happened = row.text(layout.at) and all(
            folded(clean(cell_text(row.cells[column]))) in words for column, words in layout.when
        )
        if happened and (not follow_up.after or follow_up.after in messages):
            dated = _follow_up_instant(row, layout, letter)
            if dated is not None:
                message = _follow_up_message(row, layout, letter, dated[0])
                messages[follow_up.name] = message
                if dated[1]:
                    row.days.add(message["id"])
    return list(messages.values())


def _follow_up_instant(
    row: FeedTableRow, layout: FollowUpLayout, letter: Message
) -> tuple[str, bool] | None:
    """The instant of a follow-up message, and whether it is a day; None if it has none.

    It is "" where the message is dated by its arrival.
    """
    mapping, header = row.layout.mapping, layout.at.header
    dated = parse_dated(row.cell(layout.at), mapping.dates, row.layout.zone)
    row.note_zone(dated)
    if dated is None:
        if mapping.undated == ARRIVAL:
            return "", False
        if not mapping.letters:
            raise UnusableRow(unreadable_date(header))
        row.note(lazy('"{column}" holds no possible date: not taken', column=header))
    elif "at" in letter and _is_before(dated, datetime.fromisoformat(letter["at"])):
        row.note(lazy('"{column}" is before the letter itself: not taken', column=header))
    else:
        return dated.at.isoformat(), dated.is_day
    row.keep_original(layout.at)
    return None


def _is_before(dated: Dated, letter: datetime) -> bool:
    """Return whether something is said to have happened before its letter; a day is compared."""
    at = dated.at
    if dated.is_day:
        return at.date() < letter.astimezone(at.tzinfo).date()
    return at < letter


def _follow_up_message(
    row: FeedTableRow, layout: FollowUpLayout, letter: Message, at: str
) -> Message:
    follow_up = layout.later
    values = {
        place.field: value
        for place in layout.fields
        if (value := cell_value(row, place, follow_up.values)) != ""
    }
    content = [f"{name}={folded(str(value))}" for name, value in values.items()]
    message = {
        "type": follow_up.type,
        "ticket": letter["ticket"],
        "id": f"{letter['id']}#{follow_up.name}#{digest_of([at, *content])}",
        **follow_up.constants,
        **values,
    }
    if at:
        message["at"] = at
    if requires_unit(follow_up.type) and "unit" in letter:
        message.setdefault("unit", letter["unit"])
    return message


def _set(message: Message, field: str, value: str | int | bool) -> None:
    """Set a field; one with a dot lies in an object of the message."""
    outer, _, inner = field.partition(".")
    if inner:
        message.setdefault(outer, {})[inner] = value
    else:
        message[outer] = value


def _raw(headers: Sequence[str], cells: Sequence[Cell]) -> dict[str, str]:
    """The row as it came, by its headers; what has none is numbered."""
    raw: dict[str, str] = {}
    for index, cell in enumerate(cells):
        header = headers[index] if index < len(headers) else ""
        name = header if header and header not in raw else f"{header}#{index + 1}"
        raw[name] = cell_text(cell)
    return raw
