"""One way in for every feed: files, pipes, and what the person who feeds says about them."""

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from scripts.ingest.feed_reader import FeedOptions, read_feed
from scripts.ingest.mapping import Mapping
from scripts.ingest.records import FeedUnreadable, MappingsTied
from scripts.ingest.table_layout import find_layout
from tests.feeds.feed_files import HEADERS, LETTER, MESSAGE, delimited, lines, messages, workbook

TABLE = [HEADERS, LETTER, ("1002", *LETTER[1:3], "2026/9/1 23:59:59", *LETTER[4:])]


@contextmanager
def pipe_of(content: bytes) -> Iterator[io.BufferedReader]:
    """A pipe into which a thread writes, as `cat feed | ...` does."""
    out, into = os.pipe()

    def write() -> None:
        with os.fdopen(into, "wb") as writer:
            writer.write(content)

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(out, "rb") as reader:
        yield reader
    thread.join()


@pytest.mark.parametrize(
    "content",
    [
        lines(MESSAGE, MESSAGE | {"id": "m-2"}),
        delimited(TABLE).encode("gb18030"),
        workbook(TABLE),
    ],
    ids=["messages", "delimited", "workbook"],
)
def test_a_pipe_gives_what_the_file_gives(content: bytes, tmp_path: Path) -> None:
    expected = messages(content, tmp_path)
    assert len(expected) == 2
    with pipe_of(content) as pipe:
        assert [row.message for row in read_feed(pipe)] == expected
    assert [row.message for row in read_feed(io.BytesIO(content))] == expected


def test_messages_of_a_pipe_are_there_before_it_ends() -> None:
    out, into = os.pipe()
    with os.fdopen(out, "rb") as reader, os.fdopen(into, "wb", buffering=0) as writer:
        writer.write(lines(MESSAGE))
        rows = read_feed(reader)
        assert next(rows).message == MESSAGE


def test_a_feed_is_played_as_if_it_had_begun_on_a_day(tmp_path: Path) -> None:
    start = date(2026, 10, 9)
    bodies = messages(delimited(TABLE).encode(), tmp_path, start=start)
    assert [m["at"] for m in bodies] == ["2026-10-11T08:05:07+08:00", "2026-10-09T23:59:59+08:00"]


def test_the_day_of_the_earliest_is_the_day_in_china(tmp_path: Path) -> None:
    late = MESSAGE | {"at": "2026-09-28T20:00:00+00:00", "arrived": "2026-10-01T09:00:00+08:00"}
    with pipe_of(lines(MESSAGE, late)) as pipe:
        bodies = [row.message for row in read_feed(pipe, FeedOptions(start=date(2026, 1, 1)))]
    assert [m and m["at"] for m in bodies] == [
        "2026-01-01T16:00:00+08:00",
        "2025-12-31T20:00:00+00:00",
    ]
    assert bodies[1] is not None
    assert bodies[1]["arrived"] == "2026-01-03T09:00:00+08:00"


def test_a_feed_of_refused_rows_alone_can_be_rebased(tmp_path: Path) -> None:
    path = tmp_path / "feed"
    path.write_bytes(b'{"torn\n')
    (row,) = read_feed(path, FeedOptions(start=date(2026, 1, 1)))
    assert row.why is not None


def test_unit_and_source_are_given_to_those_that_have_none(tmp_path: Path) -> None:
    other = {**MESSAGE, "type": "progress.reported"}
    content = lines(MESSAGE, MESSAGE | {"unit": "住建局"}, other)
    path = tmp_path / "feed"
    path.write_bytes(content)
    rows = list(read_feed(path, FeedOptions(unit="城管局", source="city")))
    assert [row.message and row.message.get("unit") for row in rows] == ["城管局", "住建局", None]
    assert {row.source for row in rows} == {"city"}


def test_the_format_can_be_said(tmp_path: Path) -> None:
    torn = b'"at": "2026-09-29"}\n' + lines(MESSAGE)
    path = tmp_path / "feed.csv"
    path.write_bytes(torn)
    rows = list(read_feed(path, FeedOptions(format="messages")))
    assert [row.message for row in rows] == [None, MESSAGE]
    with pytest.raises(FeedUnreadable, match="no format"):
        list(read_feed(path, FeedOptions(format="yaml")))


def test_a_torn_first_line_does_not_hide_the_messages(tmp_path: Path) -> None:
    path = tmp_path / "feed"
    path.write_bytes(b'5:00+08:00", "ticket": "T-0"}\n' + lines(MESSAGE, MESSAGE))
    assert [row.message is None for row in read_feed(path)] == [True, False, False]


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(FeedUnreadable, match=str(path)):
            list(read_feed(path))


def test_of_two_mappings_the_one_that_knows_more_is_taken() -> None:
    columns: dict[str, tuple[str, ...]] = {"ticket": ("a",), "at": ("b",)}
    small = Mapping(name="small", headers=("a", "b"), columns=columns)
    large = Mapping(name="large", headers=("a", "b", "c"), columns=columns)
    result = find_layout("feed", [["a", "b", "c"]], [small, large])
    assert result is not None
    assert result.mapping is large
    with pytest.raises(MappingsTied, match="small, small"):
        find_layout("feed", [["a", "b"]], [small, small])
