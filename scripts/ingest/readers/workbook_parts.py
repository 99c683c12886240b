"""Look into the parts of an XLSX workbook for what its readers do not tell."""

import re
import zipfile
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from scripts.ingest.records import Cell

_CHUNK = 1 << 20
_HIDDEN_ROW = re.compile(
    rb"<(?:\w+:)?row\s(?=[^>]*\shidden\s*=\s*[\"'](?:1|true)[\"'])[^>]*?\br\s*=\s*[\"'](\d+)[\"'][^>]*>"
)
_MERGED = re.compile(
    rb"<(?:\w+:)?mergeCell\s[^>]*?ref\s*=\s*[\"']([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})[\"']"
)
_MAX_MERGED = 200_000


class MergedCells(NamedTuple):
    """Cells merged below each other: their first and last row and their column, from 0."""

    first: int
    last: int
    column: int


class SheetOddities(NamedTuple):
    """What is to be known of a sheet beside its cells."""

    hidden_rows: int = 0
    merged: tuple[MergedCells, ...] = ()


def oddities(stream: IO[bytes]) -> dict[str, SheetOddities]:
    """Return the hidden rows and merged cells of each sheet of an XLSX workbook, by its name."""
    with zipfile.ZipFile(stream) as book:
        return {name: _oddities_of(book, part) for name, part in _parts(book)}


def spread(
    rows: Iterator[Sequence[Cell]], merged: Sequence[MergedCells], below: int
) -> Iterator[Sequence[Cell]]:
    """Give each cell of merged ones below the row `below` their value; a blank row stays blank."""
    waiting = sorted((m for m in merged if m.first > below), reverse=True)
    values: dict[int, tuple[int, Cell]] = {}
    for number, row in enumerate(rows):
        while waiting and waiting[-1].first == number:
            place = waiting.pop()
            if place.column < len(row):
                values[place.column] = place.last, row[place.column]
        if values and any(cell not in (None, "") for cell in row):
            cells = list(row)
            for column, (last, value) in list(values.items()):
                if number > last:
                    del values[column]
                elif column < len(cells):
                    cells[column] = value
            yield cells
        else:
            yield row


def column_number(letters: bytes) -> int:
    """Return the number of a column from 1: 1 for A, 28 for AB."""
    place = 0
    for letter in letters:
        place = place * 26 + letter - 64
    return place


def _parts(book: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Yield the name of each sheet and the part that it is in; nothing where that is not told."""
    try:
        sheets = fromstring(book.read("xl/workbook.xml"))
        relations = fromstring(book.read("xl/_rels/workbook.xml.rels"))
    except (KeyError, ParseError, DefusedXmlException, ValueError):
        return
    targets = {each.get("Id"): each.get("Target") or "" for each in relations}
    for element in sheets.iter():
        if element.tag.rpartition("}")[2] == "sheet":
            ids = [v for k, v in element.attrib.items() if k.rpartition("}")[2] == "id"]
            target = targets.get(ids[0] if ids else None, "")
            part = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
            if part in book.namelist():
                yield element.get("name") or "", part


def _oddities_of(book: zipfile.ZipFile, part: str) -> SheetOddities:
    hidden: set[bytes] = set()
    merged: set[MergedCells] = set()
    rest = b""
    with book.open(part) as content:
        while chunk := content.read(_CHUNK):
            rest += chunk
            if b"hidden" in rest:
                hidden.update(_HIDDEN_ROW.findall(rest))
            if b"mergeCell" in rest and len(merged) < _MAX_MERGED:
                for column, first, last in _MERGED.findall(rest):
                    rows = int(first) - 1, int(last) - 1
                    if rows[0] < rows[1]:
                        merged.add(MergedCells(*rows, column_number(column) - 1))
            rest = rest[max(rest.rfind(b"<"), 0) :]
    return SheetOddities(len(hidden), tuple(merged))
