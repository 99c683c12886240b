"""The fuzz targets of what readers promise: nothing is lost, whatever stands beside it.

Valid letters stand beside the bytes, which say how their table, workbook, folder or endpoint is.
"""

import io
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO

from openpyxl import Workbook

from scripts.ingest.feed_reader import read_feed
from scripts.ingest.folder_watcher import FolderWatcher
from scripts.ingest.open311_client import Open311Client
from scripts.ingest.readers import workbook
from scripts.ingest.readers.workbook_parts import spread
from scripts.ingest.records import FeedUnreadable
from tests.fuzz.feed_targets import REQUESTS
from tests.fuzz.target import Target

_HEADERS = ("留言编号", "留言用户", "留言主题", "留言时间", "留言详情")
_NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


def _letter_row(number: int) -> tuple[str, ...]:
    """A letter whose number no input is likely to have."""
    return (f"9{number:08}", "某女士", "路灯不亮", "2026/9/3 8:05:07", f"坏了{number}周。")


# A row of a text table, between others


def _row_between(data: bytes) -> None:
    """Whatever a row is, those before and behind it are read as they are."""
    between = data.decode("utf-8", "replace")
    lines = [",".join(_letter_row(n)) for n in range(4)]
    text = "\n".join((",".join(_HEADERS), *lines[:2], between, *lines[2:]))
    contents: dict[str, list[object]] = {}
    for record in read_feed(io.BytesIO(text.encode("utf-8", "replace"))):
        if record.message is not None:
            contents.setdefault(record.message["ticket"], []).append(record.message.get("content"))
    for number in range(4):
        ticket, *_others, content = _letter_row(number)
        assert content in contents.get(ticket, ()), ticket


# Sheets: hidden, merged, with other headers


def _sheets(data: bytes) -> None:
    """The two readers of workbooks give the same rows of the same sheets."""
    book = io.BytesIO(_workbook(iter(data)))
    fast = [(s.name, s.hidden, s.hidden_rows, _cells(s)) for s in workbook._sheets("", book)]
    book.seek(0)
    slow = [(s.name, s.hidden, s.hidden_rows, _cells(s)) for s in workbook._streamed(book)]
    assert fast == slow
    book.seek(0)
    for record in read_feed(book):
        assert (record.message is None) == (record.why is not None)


def _cells(sheet: workbook._Sheet) -> list[list[str]]:
    """The rows of a sheet, merged cells spread, without what is blank around them."""
    cells = spread(sheet.rows(), sheet.merged, 0)
    rows = [["" if cell is None else str(cell) for cell in row] for row in cells]
    filled = [[n for n, cell in enumerate(row) if cell] for row in rows]
    first = min((row[0] for row in filled if row), default=0)
    last = max((row[-1] for row in filled if row), default=0)
    while rows and not any(rows[-1]):
        rows.pop()
    return [row[first : last + 1] if any(row) else [] for row in rows]


def _workbook(choices: Iterator[int]) -> bytes:
    """Write the workbook that these bytes choose."""

    def choose(most: int) -> int:
        return next(choices, 0) % most

    book = Workbook()
    book.remove(book["Sheet"])
    for number in range(1 + choose(3)):
        sheet = book.create_sheet(f"第{number}页")
        above, left = choose(4), choose(3)
        headers = [*_HEADERS]
        for _change in range(choose(3)):
            headers[choose(len(headers))] = (*_HEADERS, "反对数", "", "=1+1")[choose(8)]
        for row, cells in enumerate((headers, *map(_letter_row, range(3)))):
            for column, cell in enumerate(cells):
                sheet.cell(1 + above + row, 1 + left + column, cell)
        for _merge in range(choose(3)):
            row, column = 2 + above + choose(4), 1 + choose(6)
            sheet.merge_cells(
                start_row=row, start_column=column,
                end_row=row + choose(4), end_column=column + choose(3),
            )  # fmt: skip
        for _hidden in range(choose(3)):
            sheet.row_dimensions[1 + choose(8)].hidden = True
        if number and choose(2):
            sheet.sheet_state = ("hidden", "veryHidden")[choose(2)]
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


# A watched folder


def _folder(data: bytes) -> None:
    """Whatever files are called, each finished one is fed once and kept, and none is lost."""
    names = {name[:200] for name in data.split(b"/") if name not in (b"", b".", b"..")}
    names = {name for name in names if b"\0" not in name}
    with tempfile.TemporaryDirectory(prefix="hotline-fuzz-") as place, ExitStack() as stack:
        inbox, kept = Path(place) / "inbox", Path(place) / "kept"
        inbox.mkdir(mode=0o700)
        for name in names:
            Path(os.fsdecode(bytes(inbox) + b"/" + name)).write_bytes(name)
        fed: list[bytes] = []

        def feed(file: IO[bytes], _name: str, _refused: Path) -> bool:
            fed.append(file.read())
            if len(fed) % 3 == 0:
                raise FeedUnreadable(_name, "no feed")
            return True

        watcher = FolderWatcher(inbox, kept, feed, calm=0)
        stack.enter_context(watcher.locked())
        for _poll in range(3):
            watcher.poll()
        left = [path.read_bytes() for path in inbox.iterdir()]
        kept_files = [*(kept / "done").iterdir(), *(kept / "failed").iterdir()]
        moved = [p.read_bytes() for p in kept_files if not p.name.endswith(".why.txt")]
        assert sorted(fed) == sorted(set(fed))
        assert {*left, *moved} >= names
        assert {*left} == names - {*fed}


# The pages of an endpoint


class _City(ThreadingHTTPServer):
    """Answers the page n by the n-th part of the bytes: a status, and a body."""

    daemon_threads = True

    def __init__(self, pages: list[bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.pages = pages


class _Answer(BaseHTTPRequestHandler):
    server: _City

    def do_GET(self) -> None:
        number = int(self.path.partition("page=")[2].partition("&")[0])
        page = self.server.pages[number - 1] if number <= len(self.server.pages) else b"200 []"
        status, _space, body = page.partition(b" ")
        code = int(status) if status in (b"200", b"304", b"404", b"500", b"302") else 200
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        if code == 302:
            self.send_header("Location", body.decode("latin-1").split("\n")[0].strip()[:80])
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: what matters is what comes in."""


def _endpoint(data: bytes) -> None:
    """All pages are read up to one that is empty, that comes again, or that is not there."""
    pages = data.split(b"\n---\n")[:6]
    taken: list[bytes] = []

    def feed(file: IO[bytes], _name: str) -> int:
        taken.append(file.read())
        file.seek(0)
        return sum(1 for _record in read_feed(file))

    with (
        tempfile.TemporaryDirectory(prefix="hotline-fuzz-") as home,
        _City(pages) as city,
        ExitStack() as stack,
    ):
        thread = threading.Thread(target=city.serve_forever, kwargs={"poll_interval": 0.005})
        thread.start()
        stack.callback(thread.join)
        stack.callback(city.shutdown)
        url = f"http://127.0.0.1:{city.server_address[1]}/requests.json"
        client = Open311Client(url, Path(home), private=True, sleep=lambda _seconds: None)
        stack.callback(client.close)
        client.poll(_NOW, feed)
    if not any(page.startswith(b"30") for page in pages):
        bodies = [page.partition(b" ")[2] for page in pages]
        assert taken[: len(bodies)] == bodies[: len(taken)], "in their order, none left out"


def _page(*numbers: int) -> bytes:
    made = [REQUESTS[0] | {"service_request_id": f"17-{n}"} for n in numbers]
    return b"200 " + json.dumps(made).encode()


READER_TARGETS = {
    "row between others": Target(
        _row_between,
        (
            b'5,a,b,2019/2/28 7:02:59,"c',
            b'"5,a,b,2019/2/28 7:02:59,c"d',
            b'5,a,"b\n6,a,b,2019/2/28 7:02:59,""c""\n',
            b'5,"a",b,2019/2/28 7:02:59,c\r\n",,,,"',
        ),
    ),
    "sheets": Target(_sheets, (bytes(range(60)), bytes(range(60, 0, -1)), b"\x02" * 60)),
    "folder": Target(
        _folder,
        (b"a.csv/.a.csv/a.csv.part/~$a.xlsx/Thumbs.db", "信件 九月.xlsx/\u202e".encode()),
    ),
    "endpoint": Target(
        _endpoint,
        (
            b"\n---\n".join((_page(1, 2), _page(3), _page(4))),
            b"\n---\n".join((_page(1), _page(1), b"404 ", b"200 []", b"500 ")),
            b"302 /requests.json?page=2",
        ),
        examples=6,
    ),
}
