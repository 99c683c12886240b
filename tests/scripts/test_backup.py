"""Backups: sealed files with all that belongs to a store, kept in a rotation, and restored."""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from models.database import Store, sqlite_file
from models.migrations import lay_tables
from models.rules.backup_rotation import Rotation, kept_backups
from models.security.encryption import KeyUnusable, load_cipher
from models.security.identity import process_user
from models.security.keys import Key, KeyRing
from models.security.sealed_file import SealBroken, SealingWriter, UnsealingReader
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import KEY_LINE, advance_tickets, at, feed, letter, put_key

NOW = at("2026-11-20T09:00")


def _fill(store: Store) -> None:
    feed(store, [letter("B1", "2026-11-02T09:00")], NOW)
    advance_tickets(store, ["B1"], NOW)


pytestmark = pytest.mark.store(fill=_fill)


def test_a_backup_is_restored_into_an_empty_home(
    hotline: InProcessHotline, tmp_path: Path, further_database_url: str
) -> None:
    """With the files of the home, whole, and by its key alone."""
    (hotline.home / "channels.toml").write_text('[channels]\nx = "file"\n')
    (hotline.home / "monitor.json").write_text("")
    (hotline.home / ".env").write_text("HOTLINE_OPERATOR=wang\n")
    (hotline.home / ".env").chmod(0o600)
    backup = tmp_path / "now.backup"
    hotline("backup", backup)
    assert backup.stat().st_mode & 0o077 == 0
    checks = {check["check"]: check for check in hotline.json("doctor", code=1)}
    assert checks["backup"]["told"] == "the last one was made 0 hours ago"
    assert backup.read_bytes().startswith(b"hotline sealed 1\n")
    home = tmp_path / "new"
    there: dict[str, Any] = {"HOME": str(home), "DATABASE_URL": further_database_url}
    assert "put the key file" in hotline("restore", backup, code=1, **there).stderr
    assert not (home / ".env").exists()
    (home / "hotline.key").write_text(KEY_LINE)
    (home / "hotline.key").chmod(0o600)
    assert "chain is whole" in hotline("restore", backup, **there).stdout
    for name in ("channels.toml", "monitor.json", ".env"):
        assert (home / name).read_bytes() == (hotline.home / name).read_bytes()
        assert (home / name).stat().st_mode & 0o077 == 0
    assert [row["ticket"] for row in hotline.json("queue", **there)] == ["B1"]
    assert hotline.json("log", "--verify", **there)["findings"] == []
    assert "is there already" in hotline("restore", backup, code=1, **there).stderr
    for name in ("channels.toml", "monitor.json", ".env"):
        (home / name).unlink()
    assert "has rows already" in hotline("restore", backup, code=1, **there).stderr
    assert hotline.json("log", "--verify", **there)["findings"] == []


def test_whoever_keeps_the_store_seals_backups(hotline: InProcessHotline, tmp_path: Path) -> None:
    """With any role, as its timer does; a plain copy takes a supervisor, and so does a token."""
    me = process_user().name
    hotline("roles", "set", me, "supervisor")
    token = hotline("tokens", "issue", "gateway", "--role", "feeder").stdout.split()[-1]
    hotline("roles", "set", "chen", "supervisor")
    hotline("roles", "set", me, "feeder")
    hotline("backup", tmp_path / "by-keeper.backup")
    checks = {check["check"]: check["told"] for check in hotline.json("doctor", code=1)}
    assert checks["backup"] == "the last one was made 0 hours ago"
    assert "may not make backups" in hotline("backup", tmp_path / "x", TOKEN=token, code=1).stderr
    assert "gateway may not make backups" in hotline("doctor", TOKEN=token, code=1).stdout
    if (hotline.home / "hotline.db").exists():
        assert "may not make" in hotline("backup", tmp_path / "x.db", code=1).stderr
    assert not list(tmp_path.glob("x*"))


def test_a_store_of_an_earlier_release_says_how_it_is_backed_up(
    hotline: InProcessHotline, store: Store, tmp_path: Path
) -> None:
    """By a plain copy, or on a server by its own tool or the earlier program."""
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0010'")
    error = hotline("backup", tmp_path / "before.backup", code=1).stderr
    assert ("ends with .db" in error) == ("pg_dump" not in error) == store.url.startswith("sqlite")


def test_a_restore_that_is_refused_leaves_nothing(
    hotline: InProcessHotline, tmp_path: Path, further_database_url: str
) -> None:
    """Of a cut file or of none; one that was killed, or the making of a new store, hinders none."""
    whole, cut, home = tmp_path / "whole", tmp_path / "cut", tmp_path / "new"
    hotline("backup", whole)
    cut.write_bytes(whole.read_bytes()[:-1000])
    put_key(home)
    folder = (sqlite_file(further_database_url) or home / "x").parent
    before = {*folder.iterdir(), *home.iterdir()}
    there: dict[str, Any] = {"HOME": str(home), "DATABASE_URL": further_database_url}
    for refused in (cut, tmp_path / "none"):
        hotline("restore", refused, code=1, **there)
        assert {*folder.iterdir(), *home.iterdir()} == before
    killed = Store(further_database_url, load_cipher(home / "hotline.key", None))
    lay_tables(killed)
    killed.close()
    error = hotline("queue", code=1, **there).stderr
    assert "a restore or a move into it was broken off, run it again" in error
    hotline("db", "upgrade", **there)
    hotline("restore", cut, code=1, **there)
    assert hotline.json("queue", **there) == []
    assert "chain is whole" in hotline("restore", whole, **there).stdout
    assert [row["ticket"] for row in hotline.json("queue", **there)] == ["B1"]
    assert "has rows already" in hotline("restore", whole, code=1, **there).stderr


@contextmanager
def _in_use(url: str) -> Iterator[None]:
    """Have somebody else use a store: a connection, or a process with a file that was removed."""
    if not url.startswith("sqlite"):
        with psycopg.connect(url.replace("+psycopg", "")):
            yield
        return
    file = Path(url.removeprefix("sqlite:///"))
    with file.open("w") as opened:
        holder = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[opened.fileno()])
    file.unlink()
    yield
    holder.communicate()


def test_a_store_in_use_is_not_filled(
    hotline: InProcessHotline, tmp_path: Path, further_database_url: str
) -> None:
    """By another process, which would write among the rows or into nothing."""
    hotline("backup", tmp_path / "b")
    there: dict[str, Any] = {"DATABASE_URL": further_database_url, "HOME": str(tmp_path / "new")}
    put_key(tmp_path / "new")
    with _in_use(further_database_url):
        assert "in use" in hotline("restore", tmp_path / "b", code=1, **there).stderr
    hotline("restore", tmp_path / "b", **there)


@pytest.mark.store(databases=["sqlite"], fill=_fill)
def test_a_rotation_keeps_hours_days_and_months(hotline: InProcessHotline, tmp_path: Path) -> None:
    """In a folder; a file that was left behind blocks nothing, and other files stay."""
    folder = tmp_path / "kept"
    folder.mkdir()
    with (folder / "hotline.part").open("w") as other:
        other.write("left behind")
        fcntl.flock(other, fcntl.LOCK_EX)
        assert "another backup" in hotline("backup", folder, code=1).stderr
    (folder / "hotline-notes.backup").write_text("mine")
    (folder / "hotline-20200101T000000Z.backup").write_text("old")
    (folder / "hotline-20200101T000001Z.backup").write_text("newer")
    hotline("backup", folder, "--monthly", "2", "--daily", "1")
    names = sorted(path.name for path in folder.iterdir())
    assert "hotline-notes.backup" in names and "hotline.part" not in names
    assert [n for n in names if "2020" in n] == ["hotline-20200101T000001Z.backup"]


def test_which_backups_are_kept() -> None:
    """The newest of each hour, day and month that has one, the last ones of each."""
    start = at("2026-01-01T00:00")
    all_hours = [start + timedelta(hours=n) for n in range(24 * 365)]
    kept = sorted(kept_backups(all_hours, Rotation()))
    assert kept[-24:] == all_hours[-24:]
    # the last day and the last month are among the hours
    assert len(kept) == 24 + 13 + 11
    assert kept_backups(all_hours[:3], Rotation(0, 0, 1)) == {all_hours[2]}
    assert kept_backups([], Rotation()) == set()


RING = KeyRing((Key(bytes(32)), Key(bytes(range(32)))), 1)


def _sealed(path: Path, content: bytes) -> bytes:
    with path.open("wb") as file:
        writer = SealingWriter(file, RING)
        writer.write(content)
        writer.finish()
    return path.read_bytes()


def _opened(path: Path, content: bytes, ring: KeyRing = RING) -> bytes:
    path.write_bytes(content)
    with path.open("rb") as file:
        return UnsealingReader(file, ring).readall()


@pytest.mark.parametrize("size", [0, 1, 1 << 16, (1 << 16) + 1, 200_000])
def test_a_sealed_file_opens_as_it_was(size: int, tmp_path: Path) -> None:
    """Empty, of one piece, of several."""
    content = os.urandom(size)
    assert _opened(tmp_path / "x", _sealed(tmp_path / "x", content)) == content


def test_a_sealed_file_that_was_touched_does_not_open(tmp_path: Path) -> None:
    """Cut at a piece's end or elsewhere, lengthened, altered, its pieces exchanged."""
    piece = (1 << 16) + 16
    sealed = _sealed(tmp_path / "x", os.urandom(3 * (1 << 16)))
    head = len(sealed) - 3 * piece
    for damaged in (
        b"",
        sealed[: head - 1],
        sealed[: head + piece],
        sealed[:-piece],
        sealed[:-1],
        sealed + b"x",
        sealed[: head + piece] + sealed[head + 2 * piece :],
        sealed[: head + piece] + sealed[head + 2 * piece :] + sealed[head + piece :],
        sealed[:-1] + bytes([sealed[-1] ^ 1]),
    ):
        with pytest.raises((SealBroken, KeyUnusable)):
            _opened(tmp_path / "x", damaged)
    with pytest.raises(KeyUnusable):
        _opened(tmp_path / "x", sealed, KeyRing((Key(bytes(32)), Key(bytes(32))), 1))
    with pytest.raises(KeyUnusable):
        _opened(tmp_path / "x", sealed, KeyRing((Key(bytes(32)), None, Key(bytes(32))), 2))
