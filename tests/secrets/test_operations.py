"""Doctor, metrics and backups, and servers that ask for a password."""

import contextlib
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
import redis
from sqlalchemy import text

from models.clock import system_clock
from models.database import Store
from models.migrations import upgrade
from models.operations.processes import report_process
from models.queries.service_status import first_provisional_day
from models.queries.verification import verify
from models.rules.calendar import SHANGHAI, Calendar
from models.security.encryption import load_cipher
from models.settings import Settings, load_settings
from scripts.bootstrap import open_store
from scripts.service.home_checks import check_home
from scripts.service.metrics import MetricsCollector, exposition
from tests.scripts.hotline_in_process import InProcessHotline
from tests.servers.key_value import KeyValueServer
from tests.servers.postgres import NOT_DURABLE, PostgresServer, installed_programs
from tests.store.factories import (
    KEY_LINE,
    advance_tickets,
    at,
    feed,
    letter,
    prepared_store,
    row_of,
)
from tests.workers.processes import environment, process, wait_until
from workers.broker import Bells, connect
from workers.embedded import EmbeddedServer

NOW = at("2026-11-20T09:00")
SECRET = "open-sesame-7391"


@pytest.fixture
def hotline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> InProcessHotline:
    """The command with a home of the test's own."""
    return InProcessHotline(tmp_path / "home", monkeypatch, capsys)


def _check_states(output: str) -> dict[str, tuple[str, str]]:
    return {f["check"]: (f["state"], f["told"]) for f in json.loads(output)}


def _opened(hotline: InProcessHotline) -> Store:
    url = f"sqlite:///{hotline.home / 'hotline.db'}"
    store = Store(url, load_cipher(hotline.home / "hotline.key"))
    upgrade(store)
    return store


def _at_work(store: Store, *, lateness_ms: int = 3, ahead: float = 0) -> None:
    now = system_clock() + timedelta(seconds=ahead)
    with store.writing() as session:
        for role in ("worker", "timekeeper"):
            report_process(session, now, name=f"{role}@test:1", role=role, started_at=now, doing="",
                   lateness_ms=lateness_ms, done=7, failed=0)  # fmt: skip


@pytest.mark.usefixtures("starts_servers")
def test_the_doctor_says_what_is_wrong(hotline: InProcessHotline, tmp_path: Path) -> None:
    """No store, then a healthy service, then one fault after the other."""
    server = EmbeddedServer(hotline.home / "valkey")
    nothing = _check_states(hotline("doctor", "--json", code=1).stdout)
    assert nothing["home"][0] == "wrong"
    assert not hotline.home.exists()
    hotline("db", "upgrade")
    store = _opened(hotline)
    with server:
        idle = _check_states(hotline("doctor", "--json", code=1).stdout)
        assert idle["timekeeper"][0] == idle["worker"][0] == "wrong"
        _at_work(store)
        well = _check_states(hotline("doctor", "--json", code=_calendar_near()).stdout)
        assert {k for k, v in well.items() if v[0] == "wrong"} <= {"calendar"}
        assert {"roles", "disk", "shape", "key", "database", "broker", "clock"} <= set(well)
        assert "SQLite" in well["database"][1]
        channels = hotline.home / "channels.toml"
        channels.write_text("")
        channels.chmod(0o600)
        added = _check_states(hotline("doctor", "--json", code=_calendar_near()).stdout)
        assert "was changed after worker@test:1 began" in added["channels"][1]
        channels.unlink()
        _at_work(store, lateness_ms=60_000, ahead=100)
        feed(store, [letter("D1", "2026-11-02T09:00")], NOW)
        with store.writing() as session:
            session.execute(text("UPDATE bell SET due_at = '2020-01-01 00:00:00.000000'"))
        ill = _check_states(hotline("doctor", "--json", code=1).stdout)
        assert ill["lateness"] == ("wrong", "60000 ms at the last ring")
        assert "s in the future" in hotline("doctor", code=1).stdout
        assert ill["leftovers"][0] == "wrong"
        assert "intake: 1 rows wait" in ill["leftovers"][1]
        with redis.Redis.from_url(server.url) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
        ill = _check_states(hotline("doctor", "--json", code=1).stdout)
        assert ill["memory"][0] == "wrong"
        assert "allkeys-lru" in ill["memory"][1]
    away = hotline("doctor", code=1).stdout
    assert re.search(r"! broker +cannot be used: it does not answer", away)
    assert "no data is lost" in away
    store.close()
    (hotline.home / "hotline.key").rename(tmp_path / "kept")
    assert _check_states(hotline("doctor", "--json", code=1).stdout)["key"][0] == "wrong"


@pytest.mark.store(databases=["postgresql"])
def test_a_replica_is_called_so(hotline: InProcessHotline, store: Store, store_url: str) -> None:
    """It answers every question, and nothing can be written."""
    name = store.engine.url.database
    with store.engine.begin() as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    output = hotline("doctor", code=1, DATABASE_URL=store_url, KEY=KEY_LINE).stdout
    assert re.search(r"! database +the database can only be read", output)


def test_files_that_others_can_read_are_named() -> None:
    """Titles stand in the database in clear."""
    # every folder on the way to it has to be open, as pytest's are not
    with TemporaryDirectory(dir="/tmp") as folder:
        (home := Path(folder)).chmod(0o755)
        (home / "hotline.db").touch()
        (home / "hotline.db").chmod(0o644)
        results = {each.check: each.text for each in check_home(Settings(home))}
    assert results["home"] == f"{home} is open to others"
    assert results["files"] == f"others can read {home / 'hotline.db'}"


def _calendar_near() -> int:
    guess = first_provisional_day(Calendar(), system_clock().astimezone(SHANGHAI).date(), 46)
    return 1 if guess else 0


def test_figures_are_those_of_the_store(
    store_url: str, tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """Open tickets, what is due and for how long, who works; whether store and broker are up."""
    with prepared_store(store_url) as store, key_value_server as server:
        feed(store, [letter(f"M{n}", "2026-11-02T09:00") for n in range(3)], NOW)
        advance_tickets(store, ["M0", "M1"], NOW)
        _at_work(store, lateness_ms=250)
        bells = Bells(connect(server.url, store.cipher.store_id))
        bells.ring({"intake": [3]})
        figures = MetricsCollector(store, bells, lambda: NOW + timedelta(seconds=30))
        metrics = exposition(figures)
        assert 'hotline_open_tickets{level="red",status="handling"} 2.0' in metrics
        assert 'hotline_due_rows{queue="intake"} 1.0' in metrics
        assert 'hotline_due_seconds{queue="intake"} 30.0' in metrics
        assert 'hotline_bells{queue="intake"} 1.0' in metrics
        who = '{process="timekeeper@test:1",role="timekeeper"}'
        assert f"hotline_process_lateness_seconds{who} 0.25" in metrics
        assert "hotline_store_up 1.0" in metrics
        assert "hotline_broker_up 1.0" in metrics
        assert "测试者甲" not in metrics
        server.stop()
        assert "hotline_broker_up 0.0" in exposition(figures)


def test_prometheus_is_answered_on_loopback(tmp_path: Path) -> None:
    """The command serves until it is told to stop."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"sqlite:///{tmp_path / 'm.db'}"
    with prepared_store(url):
        env = environment(tmp_path / "home", url, "unix:///nowhere.sock")
        log = tmp_path / "log"
        with process("metrics", "--port", str(port), env=env, log=log) as running:
            wait_until(lambda: "hotline_store_up 1.0" in _get(port), 60, log.read_text())
            running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 0


def _get(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            body: bytes = answer.read()
            return body.decode()
    except OSError:
        return ""


def test_a_backup_is_whole_and_can_be_put_back(hotline: InProcessHotline, tmp_path: Path) -> None:
    """Made while others write, put back by the steps of the manual, and complete to its moment."""
    hotline("db", "upgrade")
    store = _opened(hotline)
    feed(store, [letter("B1", "2026-11-02T09:00")], NOW)
    advance_tickets(store, ["B1"], NOW)
    copy = tmp_path / "backup.db"
    hotline("backup", copy)
    assert copy.stat().st_mode & 0o077 == 0
    assert "there already" in hotline("backup", copy, code=1).stderr
    feed(store, [letter("B2", "2026-11-02T09:00")], NOW)
    advance_tickets(store, ["B2"], NOW)
    store.close()
    for name in ("hotline.db", "hotline.db-wal", "hotline.db-shm"):
        (hotline.home / name).unlink(missing_ok=True)
    copy.rename(hotline.home / "hotline.db")
    assert hotline.json("log", "--verify")["broken"] is None
    assert [row["ticket"] for row in hotline.json("queue")] == ["B1"]
    (hotline.home / "hotline.key").unlink()
    assert "key is missing" in hotline("queue", code=1).stderr
    url = "postgresql+psycopg://h/x"
    assert (
        "no file to copy" in hotline("backup", tmp_path / "x.db", code=1, DATABASE_URL=url).stderr
    )


class ArchivingPostgres(PostgresServer):
    """A PostgreSQL that asks for a password and archives its write-ahead log."""

    def start(self) -> None:
        """Create the cluster and serve it."""
        self.archive = self.home / "archive"
        self.archive.mkdir()
        password = self.home / "password"
        password.write_text(SECRET)
        self.give(self.archive, password)
        self.initialise("--auth=scram-sha-256", f"--pwfile={password}")
        self.serve(
            wal_level="replica", archive_mode="on", archive_command=f"cp %p {self.archive}/%f"
        )

    def copy(self) -> None:
        """Take a base backup while the service runs, by the command of the manual."""
        os.environ["PGPASSWORD"] = SECRET
        try:
            self.run(
                "pg_basebackup", f"--pgdata={self.home / 'copy'}", f"--host={self.home}",
                "--username=hotline", "--checkpoint=fast", "--no-sync",
            )  # fmt: skip
        finally:
            del os.environ["PGPASSWORD"]

    def url(self, database: str = "", driver: str = "postgresql") -> str:
        """The URL of a database, with the password."""
        return super().url(database, driver).replace("hotline@", f"hotline:{SECRET}@")


@pytest.fixture
def archiving(starts_servers: None) -> Iterator[ArchivingPostgres]:
    """A server for one test."""
    with ArchivingPostgres(NOT_DURABLE, installed_programs()) as server:
        yield server


def test_postgres_is_restored_to_a_moment(
    archiving: ArchivingPostgres, hotline: InProcessHotline
) -> None:
    """A base backup and the archived log, brought to a moment: what came later is not there."""
    url = archiving.url(driver="postgresql+psycopg")
    wrong_url = url.replace(SECRET, "mellon-1122")
    error = hotline("queue", code=1, DATABASE_URL=wrong_url).stderr
    assert len(error.splitlines()) == 1
    assert "mellon-1122" not in error
    with prepared_store(url) as store:
        archiving.copy()
        feed(store, [letter("P1", "2026-11-02T09:00")], NOW)
        advance_tickets(store, ["P1"], NOW)
        with psycopg.connect(archiving.url(), autocommit=True) as connection:
            row = connection.execute("SELECT clock_timestamp()").fetchone()
            assert row is not None
            moment = row[0] + timedelta(seconds=0.1)
            time.sleep(0.3)
            feed(store, [letter("P2", "2026-11-02T09:00")], NOW)
            advance_tickets(store, ["P2"], NOW)
            connection.execute("SELECT pg_switch_wal()")
        assert verify(store).tickets == 2
    archiving.halt()
    recovery = archiving.home / "copy" / "recovery.signal"
    recovery.touch()
    archiving.give(recovery)
    archiving.serve(
        "copy",
        restore_command=f"cp {archiving.archive}/%f %p",
        recovery_target_time=moment.isoformat(),
        recovery_target_action="promote",
    )
    with prepared_store(url) as store:
        assert row_of(store, "P1").level == "red"
        assert row_of(store, "P2") is None
        assert verify(store).broken is None
        assert verify(store).tickets == 1


def test_a_broker_with_a_password(
    tmp_path: Path, hotline: InProcessHotline, key_value_server: KeyValueServer
) -> None:
    """With it bells ring; without it, or with another, the doctor says so and tells no password."""
    server = key_value_server
    with server:
        with redis.Redis.from_url(server.url) as client:
            client.config_set("requirepass", SECRET)
        url = server.url.replace("unix://", f"unix://:{SECRET}@")
        hotline("db", "upgrade")
        with closing(open_store(load_settings({"HOTLINE_HOME": str(hotline.home)}))) as store:
            store_id = store.cipher.store_id
        bells = Bells(connect(url, store_id))
        assert bells.ring({"intake": [1, 2]}) == 1
        assert bells.waiting()["intake"] == 1
        assert not Bells(connect(server.url, store_id)).is_reachable()
        output = hotline("doctor", "--json", code=1, BROKER_URL=url).stdout
        assert _check_states(output)["broker"] == (
            "good",
            f"1 bells wait; this store's keys begin with hotline:{store_id}",
        )
        for wrong_url in (server.url, url.replace(SECRET, "mellon-1122")):
            output = hotline("doctor", "--json", code=1, BROKER_URL=wrong_url).stdout
            assert _check_states(output)["broker"][0] == "wrong"
            assert not re.search(f"{SECRET}|mellon", output)
        with redis.Redis.from_url(url) as client:
            client.config_set("requirepass", "")


_ASKS = """\
import sys
from scripts.service.terminal import character_widths
found = character_widths("…工")
print("found", found)
"""


def test_a_terminal_is_asked_how_wide_it_draws() -> None:
    """A terminal that draws an ambiguous character in two cells is found out; a dumb one is not."""
    for answers, expected in (
        ((3, 3), "{'…': 2, '工': 2}"),
        ((2, 3), "{'…': 1, '工': 2}"),
        ((), "None"),
    ):
        master, slave = pty.openpty()
        asking = subprocess.Popen(
            [sys.executable, "-c", _ASKS], stdin=slave, stdout=slave, stderr=slave,
            cwd=Path(__file__).parents[2], env=os.environ | {"PYTHONPATH": "."},
        )  # fmt: skip
        os.close(slave)
        output, left = b"", list(answers)
        while b"found" not in output:
            output += os.read(master, 1024)
            while left and output.count(b"\x1b[6n") > len(answers) - len(left):
                os.write(master, f"\x1b[7;{left.pop(0)}R".encode())
        assert asking.wait(20) == 0
        with contextlib.suppress(OSError):  # Linux says so that nobody is at the other end any more
            output += os.read(master, 1024)
        os.close(master)
        assert f"found {expected}" in output.decode()
