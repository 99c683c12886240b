"""`hotline anchors`, and what `log --verify` and `doctor` say of their copy outside."""

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text, update

from models.anchor_file import AnchorFile
from models.clock import system_clock
from models.database import Store
from models.migrations import upgrade
from models.operations.anchors import make_anchor
from models.operations.outside_anchors import copy_outside
from models.operations.processes import report_process
from models.queries.anchors import anchor_overdue
from models.security.encryption import load_cipher
from models.settings import load_settings
from models.tables.core import ANCHOR
from scripts.service.anchor_checks import OVERDUE
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import advance_tickets, at, feed, letter


@pytest.fixture
def hotline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> InProcessHotline:
    """A home with a new store."""
    command = InProcessHotline(
        tmp_path / "home", monkeypatch, capsys, ANCHORS=str(tmp_path / "outside")
    )
    command("db", "upgrade")
    return command


def _live(home: Path, folder: Path, number: str) -> None:
    """A ticket, an anchor over it, and its copy, as a worker makes them."""
    store = Store(f"sqlite:///{home / 'hotline.db'}", load_cipher(home / "hotline.key"))
    upgrade(store)
    now = system_clock()
    feed(store, [letter(number, (now - timedelta(hours=1)).isoformat())], now)
    advance_tickets(store, [number], now)
    with store.writing() as session:
        assert make_anchor(session, now) is not None
    with store.reading() as session:
        copy_outside(session, AnchorFile(folder))
    store.close()


def test_anchors_can_be_checked_without_the_store(
    hotline: InProcessHotline, tmp_path: Path
) -> None:
    """With the public key alone; the printed ones are those of the copy."""
    _live(hotline.home, tmp_path / "outside", "C1")
    key = hotline("anchors", "key").stdout.strip()
    printed = [json.loads(line) for line in hotline("anchors", "list").stdout.splitlines()]
    copy = (tmp_path / "outside" / "anchors.jsonl").read_text("utf-8").splitlines()
    assert [entry["signature"] for entry in printed] == [json.loads(c)["signature"] for c in copy]
    lines = [line for line in AnchorFile(tmp_path / "outside").lines() if line is not None]
    previous = b""
    for line in lines:
        anchor = line.anchor()
        assert anchor.is_signed_by(bytes.fromhex(key))
        assert anchor.previous == previous
        previous = anchor.digest()
    assert [line.number for line in lines] == [1, 2]
    assert hotline.json("log", "--verify")["public_key"] == key
    printed = hotline("anchors", "list", "--since", "2").stdout.splitlines()
    assert [json.loads(line)["number"] for line in printed] == [2]


def test_an_anchor_that_is_overdue_is_told(hotline: InProcessHotline, tmp_path: Path) -> None:
    """Where a worker is there that should have made it."""
    now = system_clock()
    _live(hotline.home, tmp_path / "outside", "C1")
    store = Store(
        f"sqlite:///{hotline.home / 'hotline.db'}", load_cipher(hotline.home / "hotline.key")
    )
    upgrade(store)
    copies = AnchorFile(tmp_path / "outside").path
    since = now - timedelta(hours=10)
    with store.writing() as session:
        session.execute(update(ANCHOR).values(at=since))

    def states() -> list[str]:
        checks = hotline.json("doctor", "--json", code=1)
        return [check["state"] for check in checks if check["check"] == "anchors"]

    def change(number: str, at: datetime) -> None:
        feed(store, [letter(number, since.isoformat())], at)

    def report(started_at: datetime) -> None:
        with store.writing() as session:
            report_process(session, now, name="worker@a:7", role="worker", started_at=started_at,
                           doing="", lateness_ms=0, done=0, failed=0)  # fmt: skip

    report(since)
    change("C2", now)
    assert states() == ["good"], "after a quiet night it has just come"
    change("C3", now - timedelta(minutes=16))
    report(now)
    assert states() == ["good"], "the worker has just begun"
    report(since)
    assert states() == ["wrong", "good"]
    copies.unlink()
    assert states() == ["wrong", "wrong"], "the copy is looked at all the same"
    with store.writing() as session:
        make_anchor(session, now)
    assert states() == ["note"]
    store.close()


def test_a_restored_backup_is_told_and_noted(hotline: InProcessHotline, tmp_path: Path) -> None:
    """The verification says that the store was set back until somebody says that he did it."""
    _live(hotline.home, tmp_path / "outside", "C1")
    hotline("backup", tmp_path / "backup.db")
    _live(hotline.home, tmp_path / "outside", "C2")
    assert hotline.json("log", "--verify")["findings"] == []
    for end in ("", "-wal", "-shm"):
        (hotline.home / f"hotline.db{end}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", hotline.home / "hotline.db")
    output = hotline("log", "--verify", code=1).stdout
    assert "set back: the anchors: outside they went up to 3 of" in output
    assert "the last anchor that holds is 2 of" in output
    checks = hotline.json("doctor", "--json", code=1)
    assert [c["state"] for c in checks if c["check"] == "anchors"] == ["wrong"]
    copy = tmp_path / "outside" / "anchors.jsonl"
    lines = copy.read_text("utf-8").splitlines(keepends=True)
    # as where the store goes another way from there, and is copied on
    copy.write_text("".join([*lines, lines[1]]), "utf-8")
    checks = hotline.json("doctor", "--json", code=1)
    (check,) = (c for c in checks if c["check"] == "anchors")
    assert check["state"] == "wrong" and "log --verify" in check["advice"]
    hotline("anchors", "restored")
    assert hotline.json("log", "--verify")["findings"] == []
    assert len(list((tmp_path / "outside").glob("anchors-*.jsonl"))) == 1
    assert "maintain" in hotline("access").stdout or "anchors restored" in hotline("access").stdout
    assert "no copy" in hotline("anchors", "restored", code=1).stderr


def test_where_the_copy_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of the store's own, whoever connects to it; nowhere where none is wanted."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    urls = [
        "postgresql+psycopg://hotline:a@db/hotline",
        "postgresql+psycopg://admin:b@db/hotline?sslmode=require",
        "postgresql+psycopg://hotline:a@other/hotline",
    ]
    folders = [load_settings({"HOTLINE_DATABASE_URL": url}).anchors for url in urls]
    assert folders[0] is not None and folders[0].parent == tmp_path / "hotline"
    assert folders[0] == folders[1] != folders[2]
    assert load_settings({"HOTLINE_ANCHORS": "none"}).anchors is None
    assert load_settings({"HOTLINE_ANCHORS": str(tmp_path / "x")}).anchors == tmp_path / "x"


def test_doctor_goes_on_beside_an_anchor_that_nobody_can_read(
    hotline: InProcessHotline, tmp_path: Path
) -> None:
    _live(hotline.home, tmp_path / "outside", "C1")
    before = {each["check"] for each in hotline.json("doctor", "--json", code=1)}
    store = Store(
        f"sqlite:///{hotline.home / 'hotline.db'}", load_cipher(hotline.home / "hotline.key")
    )
    with store.writing() as session:
        session.execute(text("UPDATE anchor SET at = X'FF'"))
    store.close()
    after = {each["check"] for each in hotline.json("doctor", "--json", code=1)}
    # backups have their own look at the anchors
    assert before - after <= {"anchors", "backup"}
    assert after - before == {"store"}


def test_what_has_an_anchor_is_not_overdue_whatever_the_clock_said(store: Store) -> None:
    """A letter came while the clock was ahead; the anchor over it was made when it was right."""
    right = at("2026-11-02T10:00")
    ahead = right + timedelta(hours=1)
    with store.writing() as session:
        make_anchor(session, right - timedelta(hours=1))
    feed(store, [letter("A1", "2026-11-02T09:00")], ahead)
    with store.reading() as session:
        assert anchor_overdue(session, ahead + timedelta(hours=9), OVERDUE)
    with store.writing() as session:
        assert make_anchor(session, right) is not None
    with store.reading() as session:
        assert not anchor_overdue(session, ahead + timedelta(hours=9), OVERDUE)
