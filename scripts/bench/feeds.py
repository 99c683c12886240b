"""P9: reading a city's files into the inbox."""

import csv
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from time import sleep

import psutil
import psycopg

from models.child_environment import environment_for_child
from models.clock import monotonic, system_clock
from models.rules.calendar import SHANGHAI
from scripts.bench.context import BenchContext
from scripts.bench.figures import Figure, Goal, Row, measure_seconds
from scripts.bench.intake import feed
from scripts.bench.testbed import BenchFailed, Testbed
from scripts.demo.scenario import demo_letters
from scripts.ingest.feed_reader import read_feed

_XLSX_ROWS, _CSV_ROWS = 4_326, 1_000_000
_HEADERS = ("留言编号", "留言用户", "留言主题", "留言时间", "留言详情", "反对数", "点赞数")
"""The headers of the provincial board, whose files come as XLSX and as CSV."""

_BLOCK = 1 << 20


def measure_feeds(bench: BenchContext) -> Row:
    """P9: letters from XLSX and CSV, against the reader alone and COPY of the same rows."""
    xlsx, csv_ = bench.scaled(_XLSX_ROWS, 200), bench.scaled(_CSV_ROWS, 2_000)
    book, table = bench.folder / "letters.xlsx", bench.folder / "letters.csv"
    tenth = bench.folder / "tenth.csv"
    _write_book(book, xlsx)
    _write_table(table, csv_)
    _write_table(tenth, max(1_000, csv_ // 10))
    figures = [
        *_rates(bench, f"XLSX of {xlsx:,} rows to the inbox", book, xlsx),
        *_rates(bench, f"CSV of {csv_:,} rows to the inbox", table, csv_),
    ]
    with bench.testbed("P9") as testbed:
        small, large = _peak(testbed, tenth), _peak(testbed, table)
    figures.append(
        Figure("memory at most, the whole CSV", "MB", [large], "a tenth of it", [small],
               Goal(most=1.2))
    )  # fmt: skip
    return Row("P9", figures)


def _rates(bench: BenchContext, what: str, file: Path, count: int) -> Iterator[Figure]:
    ours, reader, copy = [], [], []
    for _run in range(bench.runs):
        with bench.testbed("P9") as testbed, bench.testbed("P9-limit") as other:
            ours.append(count / measure_seconds(partial(feed, testbed, file)))
            if testbed.sql("SELECT count(*) FROM inbox")[0][0] != count:
                raise BenchFailed(f"P9: {file.name} has {count} rows, not all of them came in")
            reader.append(count / measure_seconds(lambda: sum(1 for _ in read_feed(file))))
            copy.append(count / _copy_again(testbed, other, bench.folder / "inbox.copy"))
    limits = {"L: the reader alone": reader, "L: COPY of the same rows": copy}
    slower = min(limits, key=lambda name: median(limits[name]))
    for name, values in sorted(limits.items(), key=lambda pair: pair[0] != slower):
        goal = Goal(least=0.3) if name == slower else Goal()
        yield Figure(what, "rows/s", ours, name, values, goal)


def _copy_again(testbed: Testbed, other: Testbed, file: Path) -> float:
    """Seconds that COPY takes for the rows that a feed has put into the inbox."""
    out_, in_ = "COPY inbox TO STDOUT (FORMAT binary)", "COPY inbox FROM STDIN (FORMAT binary)"
    with (
        psycopg.connect(testbed.url) as source,
        file.open("wb") as rows,
        source.cursor().copy(out_) as copy,
    ):
        for block in copy:
            rows.write(block)
    began = monotonic()
    with (
        psycopg.connect(other.url) as target,
        file.open("rb") as rows,
        target.cursor().copy(in_) as copy,
    ):
        while block := rows.read(_BLOCK):
            copy.write(block)
    return monotonic() - began


def _peak(testbed: Testbed, file: Path) -> float:
    """The peak memory of `hotline feed` while it reads a file, in MB."""
    command = [sys.executable, "-P", "-m", "scripts", "feed", str(file)]
    with testbed.log.open("ab") as log:
        process = subprocess.Popen(
            command, env=environment_for_child(testbed.settings), stdout=log, stderr=log
        )
    most, watched = 0.0, psutil.Process(process.pid)
    while process.poll() is None:
        try:
            most = max(most, watched.memory_info().rss / 1e6)
        except psutil.NoSuchProcess:
            break
        sleep(0.05)
    if process.wait():
        raise BenchFailed(f"P9: `hotline feed` ended with {process.returncode}; see {testbed.log}")
    return most


def _rows(count: int) -> Iterator[Sequence[str]]:
    kept = demo_letters()
    first = (system_clock() - timedelta(days=30)).astimezone(SHANGHAI)
    for number in range(count):
        body = kept[number % len(kept)]
        at = first + timedelta(seconds=number % 2_000_000)
        yield (
            str(1_000_000 + number), body["claimant"]["name"], body["title"],
            f"{at:%Y/%m/%d %H:%M:%S}", f"{body['content']}（{number}）", "0", "1",
        )  # fmt: skip


def _write_table(file: Path, count: int) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(_HEADERS)
        writer.writerows(_rows(count))


def _write_book(file: Path, count: int) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(str(file), {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate([_HEADERS, *islice(_rows(count), count)]):
            sheet.write_row(number, 0, row)
