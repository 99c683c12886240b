"""Which commands make or upgrade a store: those that say so, and no other."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from models.database import Store
from models.operations.processes import report_process
from models.schema import NEWEST
from models.shared_clock import store_clock
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import KEY_LINE, letter, prepared_home, restored

KEPT = Path(__file__).parents[1] / "store" / "kept" / "0.1.0"
OLD = "0010"
"""The schema of the kept store."""
LETTER = json.dumps(letter("T1", "2026-11-02T09:00:00+08:00"))
WITHOUT_STORE = (
    "queue", "show T1", "log T1", "log --verify", "report --month 2026-10",
    "find --phone 13900001111", "events", "refused", "similar", "access", "policy list",
    "policy show", "policy withdraw 1", "units export", "units find 甲", "topics export",
    "tokens list", "tokens issue 甲 --role operator", "roles list", "roles set 甲 supervisor",
    "anchors list", "keys show", "keys rotate", "db prune", "db accept", "metrics --once",
    "alive worker", "worker", "timekeeper", "listen", "monitor --serve", "routing models",
)  # fmt: skip


@pytest.fixture
def hotline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> InProcessHotline:
    """The command; there is no home yet."""
    return InProcessHotline(tmp_path / "home", monkeypatch, capsys)


@pytest.fixture
def old(hotline: InProcessHotline) -> InProcessHotline:
    """The command on a store that an earlier release has written."""
    hotline.home.mkdir(0o700)
    restored(KEPT, f"sqlite:///{hotline.home / 'hotline.db'}").close()
    (hotline.home / "hotline.key").write_bytes((KEPT / "hotline.key").read_bytes())
    return hotline


def _schema(file: Path) -> str:
    with sqlite3.connect(file) as connection:
        (schema,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(schema)


def test_where_there_is_no_store_no_command_makes_one(
    hotline: InProcessHotline, tmp_path: Path
) -> None:
    """No home, key or store; one line says what is missing and where it was looked for."""
    for command in WITHOUT_STORE:
        error = hotline(*command.split(), code=1).stderr
        assert str(hotline.home / "hotline.db") in error, command
        assert "`hotline db upgrade` makes a store" in error
        assert len(error.splitlines()) == 1
        assert not hotline.home.exists(), command
    hotline.home.mkdir(0o700)
    hotline("backup", tmp_path / "copy.db", code=1)
    assert list(hotline.home.iterdir()) == []
    made = hotline("db", "upgrade").stdout
    assert made == f"Made a store in {hotline.home / 'hotline.db'}.\n"


def test_deadlines_and_days_are_told_without_a_store(hotline: InProcessHotline) -> None:
    """By the policy file and the calendar's library, which they say."""
    asked = hotline("due", "--from", "2026-09-29T16:00")
    assert "the policy file is used" in asked.stderr
    assert "only the calendar's library is asked" in hotline("calendar", "show", "2026").stderr
    assert not hotline.home.exists()


@pytest.mark.store(databases=["postgresql"])
def test_an_empty_database_is_no_store(hotline: InProcessHotline, empty_database_url: str) -> None:
    """Commands that read leave it empty; where the key is kept does not matter."""
    settings: dict[str, Any] = {"DATABASE_URL": empty_database_url}
    assert "holds no store" in hotline("queue", code=1, **settings).stderr
    asked = hotline("due", "--from", "2026-09-29T16:00", **settings)
    assert "the policy file is used" in asked.stderr
    assert "holds no store" in hotline("queue", code=1, **settings).stderr
    assert not hotline.home.exists()


def test_a_feed_makes_a_store_only_where_one_is_meant(
    hotline: InProcessHotline, tmp_path: Path
) -> None:
    """In a home that HOTLINE_HOME names, or with --new; letters must not go into nowhere."""
    (letters := tmp_path / "letters.jsonl").write_text(LETTER, "utf-8")
    usual: dict[str, Any] = {"HOME": ""}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path / "user"))
        error = hotline("feed", letters, code=1, **usual).stderr
        assert "set HOTLINE_HOME, or feed with --new" in error
        assert not (tmp_path / "user").exists()
        assert "enqueued 1" in hotline("feed", "--new", letters, **usual).stdout
        assert "duplicate 1" in hotline("feed", letters, **usual).stdout
    assert (tmp_path / "user" / ".local" / "share" / "hotline" / "hotline.db").exists()
    assert "enqueued 1" in hotline("feed", letters).stdout


def test_a_store_of_an_earlier_release_is_left_as_it_is(
    old: InProcessHotline, tmp_path: Path
) -> None:
    """But for a backup, which really is of the old shape, and for `db upgrade`, which says so."""
    file = old.home / "hotline.db"
    (letters := tmp_path / "letters.jsonl").write_text(LETTER, "utf-8")
    for command in (["queue"], ["worker"], ["feed", letters], ["units", "export"]):
        error = old(*command, code=1).stderr
        assert f"schema {OLD}, this program needs {NEWEST}" in error
        assert "make a backup, then run `hotline db upgrade`" in error
    old("backup", tmp_path / "before.db")
    assert (_schema(file), _schema(tmp_path / "before.db")) == (OLD, OLD)
    upgraded = old("db", "upgrade")
    assert f"upgrading the store from schema {OLD} to {NEWEST}" in upgraded.stderr
    assert f"upgraded to schema {NEWEST}" in upgraded.stdout
    assert _schema(file) == NEWEST
    again = old("db", "upgrade")
    assert "upgrading" not in again.stderr
    assert "up to date" in again.stdout
    old("log", "--verify")


def test_a_newer_store_is_called_so(hotline: InProcessHotline) -> None:
    """Not a fault to be reported, and nothing that `db upgrade` could mend."""
    prepared_home(hotline.home)
    with sqlite3.connect(hotline.home / "hotline.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    for command in (["queue"], ["db", "upgrade"], ["up", "--headless", "--for", "1"]):
        error = hotline(*command, code=1).stderr
        assert "newer than this program (schema 0999" in error
        assert "install the release that upgraded it" in error
    doctor = hotline("doctor", code=1).stdout
    assert "newer than this program" in doctor
    assert "db upgrade" not in doctor


@pytest.mark.store(databases=["sqlite", "postgresql"])
def test_an_upgrade_waits_for_older_processes_to_end(
    hotline: InProcessHotline, store: Store, store_url: str
) -> None:
    """One that was seen within a minute may still write in the old shape."""
    now = store_clock(store)()
    with store.writing() as session:
        report_process(session, now, name="worker@a:7", role="worker", started_at=now,
                       doing="", lateness_ms=0, done=0, failed=0)  # fmt: skip
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0010'")
    settings: dict[str, Any] = {
        "DATABASE_URL": store_url,
        "KEY": KEY_LINE,
        "BROKER_URL": "redis://127.0.0.1:1",
    }
    for command in (["db", "upgrade"], ["up", "--headless", "--for", "1"]):
        error = hotline(*command, code=1, **settings).stderr
        assert "worker@a:7 of the earlier release was at work" in error
        assert "--anyway" in error


def test_a_misspelt_setting_is_named(hotline: InProcessHotline) -> None:
    """With the one that was meant, if it is near."""
    for name, meant in (("DATABSE_URL", "; HOTLINE_DATABASE_URL was meant?"), ("XYZ", "")):
        misspelt: dict[str, Any] = {name: "x"}
        error = hotline("due", "--from", "2026-09-29T16:00", **misspelt).stderr
        assert f"HOTLINE_{name} is no setting{meant}\n" in error
