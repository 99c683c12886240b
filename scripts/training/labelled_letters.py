"""Read labelled letters from a table of any source."""

import csv
import hashlib
import io
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from models.errors import HotlineError
from models.i18n import _
from models.rules.text import clean
from scripts.ingest.records import cell_text

_TITLES = ("留言主题", "标题", "主题", "title", "subject", "summary")
_CONTENTS = (
    "留言详情",
    "留言内容",
    "内容",
    "正文",
    "详情",
    "诉求内容",
    "content",
    "text",
    "description",
    "body",
)
_LABELS = (
    "一级分类",
    "一级标签",
    "承办单位",
    "单位",
    "类别",
    "分类",
    "标签",
    "label",
    "unit",
    "topic",
    "category",
    "class",
)
_ENCODINGS = ("utf-8-sig", "gb18030")
_DELIMITERS = ",\t;|"
_HEAD = 1 << 14


class InvalidLetters(HotlineError):
    """A file of labelled letters or topics cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class LabelledLetter:
    """A past letter with its label: a topic, or the unit that accepted it."""

    title: str
    content: str
    label: str

    @property
    def digest(self) -> str:
        """A digest by which a model recognises the letter; nothing can be read from it."""
        text = "".join(f"{self.title}\n{self.content}".split())
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of the columns; those left out are found by their usual names."""

    title: str | None = None
    text: str | None = None
    label: str | None = None


def read_letters(file: Path, columns: Columns = Columns()) -> tuple[list[LabelledLetter], int]:
    """The labelled letters of a table (CSV, TSV, XLSX), and how many rows lack text or label.

    Raises InvalidLetters where the file cannot be read or a column cannot be found.
    """
    rows = iter(_rows(file))
    header = [clean(cell).strip() for cell in next(rows, [])]
    label = _column(file, header, columns.label, _LABELS, "--label")
    text = _column(file, header, columns.text, _CONTENTS, "--text")
    title = _column(file, header, columns.title, _TITLES, None)
    letters, lacking = [], 0
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        cells = [clean(cell).strip() for cell in row] + [""] * (len(header) - len(row))
        title_text = "" if title is None else cells[title]
        if not cells[label or 0] or not (title_text or cells[text or 0]):
            lacking += 1
            continue
        letters.append(LabelledLetter(title_text, cells[text or 0], cells[label or 0]))
    if not letters:
        raise InvalidLetters(_("{file}: no letter with a label").format(file=file))
    return letters, lacking


def _column(
    file: Path, header: Sequence[str], named: str | None, usual: Sequence[str], option: str | None
) -> int | None:
    """The index of a column: the named one, else the first with a usual name."""
    indexes = {_folded(name): n for n, name in reversed(list(enumerate(header)))}
    for name in (named,) if named else usual:
        if (index := indexes.get(_folded(name))) is not None:
            return index
    if option is None and not named:
        return None
    present = ", ".join(header)
    if named:
        why = _("{file}: no column {name}; there are: {there}")
        raise InvalidLetters(why.format(file=file, name=named, there=present))
    why = _("{file}: name the column with {option}; there are: {there}")
    raise InvalidLetters(why.format(file=file, option=option, there=present))


def _folded(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()


def _rows(file: Path) -> Iterator[list[str]]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InvalidLetters(f"{file}: {error.strerror}") from error
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        try:
            sheet = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0)
        except CalamineError as error:
            why = _("{file} is damaged or no spreadsheet; save it as XLSX again")
            raise InvalidLetters(why.format(file=file)) from error
        for cells in sheet.iter_rows():
            yield [cell_text(cell) for cell in cells]
        return
    text = _decode(file, data)
    # only the header line shows the delimiter: letters contain every one of them
    head = text[:_HEAD].lstrip("\r\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    except csv.Error as error:
        raise InvalidLetters(
            _("{file}: {why}; export it again").format(file=file, why=error)
        ) from error


def _decode(file: Path, data: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidLetters(_("{file}: neither UTF-8 nor GB18030; save it as one").format(file=file))
