"""Feeds made by the tests, of letters that nobody wrote."""

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import openpyxl

from scripts.ingest.feed_reader import FeedOptions, read_feed
from scripts.ingest.records import FeedRecord

HEADERS = ("留言编号", "留言用户", "留言主题", "留言时间", "留言详情", "反对数")
LETTER = ("1001", "某女士", "路灯不亮", "2026/9/3 8:05:07", "巷口的路灯坏了两周。", "0")
MESSAGE = {
    "id": "m-1",
    "at": "2026-09-29T16:00:00+08:00",
    "type": "ticket.received",
    "ticket": "T-1",
    "category": "complaint",
    "title": "路灯不亮",
    "content": "巷口的路灯坏了两周。",
}


def workbook(
    rows: Iterable[Sequence[object]], *, formats: dict[int, str] | None = None, above: int = 0
) -> bytes:
    """An XLSX of one sheet; `formats` are number formats by column, `above` blank rows on top."""
    book = openpyxl.Workbook()
    sheet = book.active
    for number, cells in enumerate(rows, start=1 + above):
        for column, value in enumerate(cells, start=1):
            cell = sheet.cell(number, column, value)
            if formats and column in formats and number > 1 + above:
                cell.number_format = formats[column]
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def changed(book: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """An XLSX with its parts changed, or left out where the change gives None."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return made.getvalue()


def with_dimension(book: bytes, size: str) -> bytes:
    """An XLSX whose sheets say that they are `size` large."""
    dimension = re.compile(rb'<dimension ref="[^"]*"')
    new = f'<dimension ref="{size}"'.encode()
    return changed(book, lambda _name, content: dimension.sub(new, content))


def delimited(rows: Iterable[Sequence[str]], delimiter: str = ",") -> str:
    """A text table without quotation marks."""
    return "".join(delimiter.join(cells) + "\r\n" for cells in rows)


def lines(*messages: object) -> bytes:
    """JSON Lines."""
    return "".join(json.dumps(m, ensure_ascii=False) + "\n" for m in messages).encode()


def records(content: bytes, folder: Path, **options: object) -> list[FeedRecord]:
    """Read a file with this content; its name says nothing about its format."""
    path = folder / "feed"
    path.write_bytes(content)
    return list(read_feed(path, FeedOptions(**options)))  # type: ignore[arg-type]


def messages(content: bytes, folder: Path, **options: object) -> list[dict[str, object]]:
    """The messages of a file of which nothing may be refused."""
    made = []
    for record in records(content, folder, **options):
        assert record.why is None
        assert record.message is not None
        made.append(record.message)
    return made


def reason(record: FeedRecord) -> str:
    """Why a record was refused."""
    assert record.message is None
    assert record.why is not None
    return record.why.text.format(**record.why.args)
