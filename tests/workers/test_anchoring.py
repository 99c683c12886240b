"""Workers anchor what moves, and copy the anchors to a folder outside of the store."""

import logging
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete

from models.anchor_file import AnchorFile
from models.database import Store
from models.queries.anchors import anchors
from models.queries.verification import verify
from models.tables.core import ANCHOR
from tests.store.factories import advance_tickets, at, feed, letter
from workers.anchoring import Anchoring

START = at("2026-11-20T09:00")


class _Clock:
    """A clock that stands where a test has put it."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at


def _numbers(store: Store) -> list[int]:
    with store.reading() as session:
        return [anchor.number for anchor in anchors(session)]


def _move(store: Store, number: str, now: datetime) -> None:
    feed(store, [letter(number, "2026-11-20T08:00")], now)
    advance_tickets(store, [number], now)


def test_an_anchor_for_each_minute_in_which_something_moved(store: Store, tmp_path: Path) -> None:
    """None where nothing did; several workers make one, and each host has a copy."""
    clock, file = _Clock(), AnchorFile(tmp_path / "here")
    workers = [Anchoring(store, clock, tmp_path / "here"), Anchoring(store, clock, tmp_path / "x")]
    _move(store, "C1", START)
    for minute in range(4):
        clock.at = START + timedelta(minutes=minute)
        if minute == 2:
            _move(store, "C2", clock.at)
        for worker in workers:
            worker.anchor()
    assert _numbers(store) == [1, 2, 3]
    assert [line and line.number for line in file.lines()] == [1, 2, 3]
    assert (tmp_path / "x" / "anchors.jsonl").read_bytes() == file.path.read_bytes()
    assert file.path.stat().st_mode & 0o777 == 0o600
    result = verify(store, outside=file.lines())
    assert result.findings == []
    assert result.holding is not None and result.holding.number == 3


def test_the_service_goes_on_where_they_cannot_be_copied(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so once; when the folder can be written, all that is missing is copied."""
    clock, folder = _Clock(), tmp_path / "outside"
    folder.write_text("a file in the place of the folder")
    worker = Anchoring(store, clock, folder)
    with caplog.at_level(logging.WARNING, "hotline.main"):
        for minute in range(3):
            clock.at = START + timedelta(minutes=minute)
            _move(store, f"C{minute}", clock.at)
            worker.anchor()
        assert _numbers(store) == [1, 2, 3, 4]
        assert len([r for r in caplog.records if "cannot be copied" in r.message]) == 1
        folder.unlink()
        worker.anchor()
        assert "copied" in caplog.records[-1].message
    assert [line and line.number for line in AnchorFile(folder).lines()] == [1, 2, 3, 4]


def test_none_is_begun_anew(store: Store, tmp_path: Path) -> None:
    """Where all anchors were taken away, the copy stays what it was."""
    clock, file = _Clock(), AnchorFile(tmp_path)
    worker = Anchoring(store, clock, tmp_path)
    _move(store, "C1", START)
    worker.anchor()
    with store.writing() as session:
        session.execute(delete(ANCHOR))
    clock.at = START + timedelta(minutes=5)
    worker.anchor()
    assert _numbers(store) == []
    assert len(list(file.lines())) == 2
    assert [f.harm for f in verify(store, outside=file.lines()).findings] == ["deleted", "deleted"]
