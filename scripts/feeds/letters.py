"""A table's rows into messages: the half that spreadsheets, text files and objects share."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from models.labels import Said, say
from models.rules.text import clean, escaped, folded, is_plain, undoubled
from scripts.feeds.dates import instant
from scripts.feeds.mapping import ANY, ARRIVAL, INSTANTS, Words, must_name_a_unit
from scripts.feeds.rows import TICKET_RECEIVED, Cell, Read, shown
from scripts.feeds.table import LaterPlaces, Layout, Place

_NUMBERS = ("ticket", "id")
_WHOLE = ("statutory_limit.workdays", "statutory_limit.hours", "declined")
_EXACT = 10**15
_ROUNDED = re.compile(r"\d(\.\d+)?E\+\d+", re.IGNORECASE)
_LONGEST = 1 << 20
"""Characters that a row may have: more is no letter."""

_LINE_ENDS = re.compile(r"\r\n?")


class _Unusable(Exception):
    """The row cannot be a message."""

    def __init__(self, why: Said) -> None:
        self.why = why


class _Row:
    """One row while messages are made of it: its cells as text, and what was found in them."""

    def __init__(self, layout: Layout, cells: Sequence[Cell]) -> None:
        self.layout = layout
        self.cells = cells
        self.notes: list[Said] = []
        self.original: dict[str, str] = {}

    def text(self, place: Place) -> str:
        """A cell's text, tidy, or "" for what the mapping calls empty; the original is noted."""
        cell = self.cells[place.column]
        text = shown(cell)
        if is_plain(text):
            tidy = text.strip()
        else:
            tidy = clean(undoubled(text))
            if tidy != _LINE_ENDS.sub("\n", text).strip():
                self.original[place.header] = escaped(text)
        if "\ufffd" in tidy and place.field not in _NUMBERS:
            self.flag(say('"{column}" holds characters that were lost', column=place.header))
        empty = self.layout.mapping.empty
        return "" if empty and folded(tidy) in empty else tidy

    def flag(self, note: Said) -> None:
        """Take the row all the same, and say what is wrong with it."""
        if note not in self.notes:
            self.notes.append(note)

    def keep(self, place: Place) -> None:
        """Keep a cell as it came beside what is made of it."""
        self.original[place.header] = escaped(shown(self.cells[place.column]))


def messages(layout: Layout, rows: Iterable[tuple[int, Sequence[Cell]]]) -> Iterator[Read]:
    """The records of a table's numbered rows; the first one says what is odd about the columns."""
    renamed = layout.renamed()
    for line, cells in rows:
        record = message(layout, line, cells)
        if record is None:
            continue
        if renamed is not None:
            record, renamed = replace(record, notes=(renamed, *record.notes)), None
        yield record


def message(layout: Layout, line: int, cells: Sequence[Cell]) -> Read | None:
    """One row as a message or as a refusal; None for a blank row, which is neither."""
    if not any(clean(shown(cell)) for cell in cells if cell is not None and cell != ""):
        return None
    kept = partial(_raw, layout.headers, cells)
    source = layout.mapping.origin
    try:
        made, later, notes = _made(layout, cells)
    except _Unusable as refused:
        return Read(line, source, None, refused.why, kept)
    facts = layout.mapping.facts if layout.mapping.letters else ()
    return Read(line, source, made, None, kept, later, facts, notes)


def _made(
    layout: Layout, cells: Sequence[Cell]
) -> tuple[dict[str, Any], tuple[dict[str, Any], ...], tuple[Said, ...]]:
    _check_shape(layout, cells)
    row = _Row(layout, cells)
    made = _letter(row)
    later = _later(row, made)
    if not layout.mapping.letters:
        if not later:
            raise _Unusable(say("The row says nothing that happened. Fill in what did, and when"))
        made, later = later[0], later[1:]
    if row.original:
        made["original"] = row.original
    if row.notes:
        made["flags"] = [msgspec.to_builtins(note) for note in row.notes]
    return made, tuple(later), tuple(row.notes)


def _check_shape(layout: Layout, cells: Sequence[Cell]) -> None:
    width = len(layout.headers)
    if len(cells) != width and (
        len(cells) < width or any(clean(shown(cell)) for cell in cells[width:])
    ):
        raise _Unusable(
            say(
                "The row has {cells} cells and the table {columns} columns: the row is torn, or a "
                "cell holds the delimiter without quotes. Mend the row",
                cells=len(cells),
                columns=width,
            )
        )
    if sum(len(cell) for cell in cells if isinstance(cell, str)) > _LONGEST:
        raise _Unusable(say("The row has more than {limit} characters", limit=_LONGEST))


def _letter(row: _Row) -> dict[str, Any]:
    layout = row.layout
    mapping = layout.mapping
    made: dict[str, Any] = {"type": TICKET_RECEIVED}
    for field, value in mapping.constants.items():
        _put(made, field, value)
    for place in layout.fields:
        value = _value(row, place, mapping.values)
        if value != "":
            _put(made, place.field, value)
    for place in layout.kept:
        if text := row.text(place):
            made.setdefault(place.field, text)
    if "at" not in made and layout.undated is not None and row.text(layout.undated):
        made["at"] = _moment(row, layout.undated)
    for field in ("ticket", "at") if mapping.letters else ("ticket",):
        if field not in made and not (field == "at" and mapping.undated == ARRIVAL):
            raise _Unusable(
                say(
                    'The cell "{column}" is blank, and no ticket can be without it. Fill it in',
                    column=layout.header(field),
                )
            )
    if layout.key:
        parts = [folded(row.text(place)) for place in layout.key]
        made["id"] = f"{made['ticket']}-{_digest(parts)}"
        made["ticket"] = made["id"]
    made.setdefault("id", made["ticket"])
    return made


def _later(row: _Row, letter: dict[str, Any]) -> list[dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for places in row.layout.later:
        later = places.later
        told = row.text(places.at)
        happened = told and all(
            folded(clean(shown(row.cells[column]))) in words for column, words in places.when
        )
        if happened and (not later.after or later.after in made):
            at = _later_at(row, places, letter)
            if at is not None:
                made[later.name] = _later_message(row, places, letter, at)
    return list(made.values())


def _later_at(row: _Row, places: LaterPlaces, letter: dict[str, Any]) -> str | None:
    """The moment of a later message; "" if it is that of its arrival, None if it has none."""
    mapping, header = row.layout.mapping, places.at.header
    moment = instant(row.cells[places.at.column], mapping.dates, row.layout.zone)
    if moment is None:
        if mapping.undated == ARRIVAL:
            return ""
        if not mapping.letters:
            raise _Unusable(_no_date(header))
        row.flag(say('"{column}" holds no possible date: not taken', column=header))
    elif "at" in letter and moment < datetime.fromisoformat(letter["at"]):
        row.flag(say('"{column}" is before the letter itself: not taken', column=header))
    else:
        return moment.isoformat()
    row.keep(places.at)
    return None


def _later_message(
    row: _Row, places: LaterPlaces, letter: dict[str, Any], at: str
) -> dict[str, Any]:
    later = places.later
    told = {p.field: v for p in places.fields if (v := _value(row, p, later.values)) != ""}
    content = [f"{name}={folded(str(value))}" for name, value in told.items()]
    made = {
        "type": later.type,
        "ticket": letter["ticket"],
        "id": f"{letter['id']}#{later.name}#{_digest([at, *content])}",
        **later.constants,
        **told,
    }
    if at:
        made["at"] = at
    if must_name_a_unit(later.type) and "unit" in letter:
        made.setdefault("unit", letter["unit"])
    return made


def _value(row: _Row, place: Place, words: Words) -> str | int:
    field = place.field
    text = row.text(place)
    if not text:
        return ""
    if field in INSTANTS:
        return _moment(row, place)
    if field in _NUMBERS:
        return _number(row.cells[place.column], text, place.header)
    if field in words:
        known = words[field].get(folded(text), words[field].get(ANY))
        if known is None:
            raise _Unusable(
                say(
                    'The cell "{column}" holds a word that the mapping {mapping} does not '
                    "translate. Mend it, or add it to [values] for {field}",
                    column=place.header,
                    mapping=row.layout.mapping.name,
                    field=field,
                )
            )
        return known
    return int(text) if field in _WHOLE and text.isascii() and text.isdecimal() else text


def _moment(row: _Row, place: Place) -> str:
    moment = instant(row.cells[place.column], row.layout.mapping.dates, row.layout.zone)
    if moment is None:
        raise _Unusable(_no_date(place.header))
    return moment.isoformat()


def _number(cell: Cell, text: str, column: str) -> str:
    rounded = isinstance(cell, float) and abs(cell) >= _EXACT
    if rounded or _ROUNDED.fullmatch(text):
        raise _Unusable(
            say(
                'The number in "{column}" has more than 15 digits and was rounded by a '
                "spreadsheet. Export the column as text",
                column=column,
            )
        )
    if "\ufffd" in text:
        raise _Unusable(
            say(
                'The number in "{column}" holds characters that cannot be read. Save the file as '
                "UTF-8 again",
                column=column,
            )
        )
    return text


def _no_date(column: str) -> Said:
    return say(
        'The cell "{column}" holds no possible date in a form that the mapping names. Mend the '
        'date, or add its form to "dates" of the mapping',
        column=column,
    )


def _put(made: dict[str, Any], field: str, value: str | int | bool) -> None:
    outer, _, inner = field.partition(".")
    if inner:
        made.setdefault(outer, {})[inner] = value
    else:
        made[outer] = value


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _raw(headers: Sequence[str], cells: Sequence[Cell]) -> dict[str, str]:
    raw: dict[str, str] = {}
    for index, cell in enumerate(cells):
        header = headers[index] if index < len(headers) else ""
        name = header if header and header not in raw else f"{header}#{index + 1}"
        raw[name] = shown(cell)
    return raw
