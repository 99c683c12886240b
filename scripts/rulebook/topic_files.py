"""Read and write a classification of requests as a table: a column a level, codes, aliases.

CSV in any encoding that spreadsheets write, or a workbook; told by its content.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from models.i18n import _
from models.rules.text import clean
from models.rules.topic_lists import InvalidTopics, ListedTopic
from models.rules.topics import LEVELS
from models.spreadsheets import csv_text
from scripts.ingest.readers import delimited, workbook
from scripts.ingest.records import Cell, FeedUnreadable, cell_text
from scripts.ingest.table_layout import HEADER_WITHIN

_HEADERS = ("代码", "一级分类", "二级分类", "三级分类", "别名")
"""The columns that an export has, in the words of the provinces' own tables."""

_LEVEL_WORDS = (r"一级|大类|1级|level ?1", r"二级|中类|2级|level ?2", r"三级|小类|3级|level ?3")
_CODE = re.compile(r"代码|编码|编号|\bcodes?\b", re.IGNORECASE)
_ALIASES = re.compile(r"别名|同义词|\balias(es)?\b", re.IGNORECASE)
_ALIAS_SIGNS = re.compile(r"[;；|｜\n]")
_MOST_ROWS, _MOST_BYTES = 20_000, 1 << 24
"""More than any province's classification has."""


class _Columns(NamedTuple):
    """The columns of a table: of the levels' labels and codes, the code, and the aliases."""

    labels: tuple[int, ...]
    codes: tuple[int | None, ...]
    code: int | None
    aliases: int | None


def read_topics(file: Path) -> list[ListedTopic]:
    """The topics that a file lists. Raises InvalidTopics, or FeedUnreadable."""
    rows = _rows(file)
    for place, (_line, cells) in enumerate(rows[:HEADER_WITHIN]):
        if (columns := _columns([clean(cell_text(cell)) for cell in cells])) is not None:
            return list(_listed(columns, rows[place + 1 :]))
    why = _("{file}: no column is called 一级分类 (or 大类); the levels of a topic need one each")
    raise InvalidTopics(why.format(file=file))


def topics_csv(rows: Sequence[ListedTopic]) -> str:
    """Return a list of topics as CSV, with a byte order mark, which `read_topics` takes again."""
    lines: list[Sequence[str]] = [_HEADERS]
    for row in rows:
        labels = [*row.labels, *[""] * (LEVELS - len(row.labels))]
        lines.append([row.codes[-1], *labels, ";".join(row.aliases or ())])
    return csv_text(lines)


def _rows(file: Path) -> list[tuple[int, Sequence[Cell]]]:
    try:
        with file.open("rb") as stream:
            head = stream.read(1 << 12)
            stream.seek(0)
            rows: list[tuple[int, Sequence[Cell]]]
            if workbook.fits(head):
                rows = list(enumerate(workbook.beginning(file.name, stream, _MOST_ROWS + 1), 1))
            else:
                rows = [*delimited.numbered_rows(stream, _MOST_ROWS + 1, _MOST_BYTES)]
    except OSError as error:
        raise FeedUnreadable(str(file), error.strerror or _("cannot be read")) from error
    if len(rows) > _MOST_ROWS or file.stat().st_size > _MOST_BYTES:
        raise InvalidTopics(_("{file} is too large for a classification").format(file=file))
    return rows


def _columns(headers: Sequence[str]) -> _Columns | None:
    """Return the columns that headers name; None where none is a first level."""
    labels, codes = [], []
    for words in _LEVEL_WORDS:
        level = [n for n, header in enumerate(headers) if re.search(words, header, re.IGNORECASE)]
        label = next((n for n in level if not _CODE.search(headers[n])), None)
        if label is None:
            break
        labels.append(label)
        codes.append(next((n for n in level if _CODE.search(headers[n])), None))
    if not labels:
        return None
    others = [n for n in range(len(headers)) if n not in (*labels, *codes)]
    code = next((n for n in others if _CODE.search(headers[n])), None)
    aliases = next((n for n in others if _ALIASES.search(headers[n])), None)
    return _Columns(tuple(labels), tuple(codes), code, aliases)


def _listed(columns: _Columns, rows: Sequence[tuple[int, Sequence[Cell]]]) -> Iterator[ListedTopic]:
    """Yield the rows as topics; a blank label before others is that of the row above."""
    above: list[str] = []
    for line, cells in rows:
        texts = [clean(cell_text(cell)) for cell in cells]
        labels = [_at(texts, column) for column in columns.labels]
        while labels and not labels[-1]:
            labels.pop()
        if not labels:
            continue
        for level, label in enumerate(labels):
            if not label:
                if level >= len(above):
                    why = _("line {line}: the level above {label} is blank")
                    raise InvalidTopics(why.format(line=line, label=labels[-1]))
                labels[level] = above[level]
        above = labels
        codes = [_at(texts, column) for column in columns.codes[: len(labels)]]
        codes[-1] = codes[-1] or _at(texts, columns.code)
        aliases = None
        if columns.aliases is not None:
            parts = _ALIAS_SIGNS.split(_at(texts, columns.aliases))
            aliases = tuple(part.strip() for part in parts if part.strip())
        yield ListedTopic(line, tuple(labels), tuple(codes), aliases)


def _at(texts: Sequence[str], column: int | None) -> str:
    return "" if column is None or column >= len(texts) else texts[column]
