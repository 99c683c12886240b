"""What is wrong outside of the program is one line that says what to do, and shows no secret."""

import errno
import os
import pty
import re
import shutil
import subprocess
import sys
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
import redis
from babel.messages.pofile import read_po
from sqlalchemy import create_engine

from models.connection_errors import connection_reason
from models.database import Store
from models.i18n import render
from models.setting_values import InvalidSetting
from models.settings import load_settings
from scripts.exit_codes import exit_code_of
from scripts.output import guard_terminal, log_for_people
from tests.scripts.hotline_in_process import InProcessHotline
from tests.servers.postgres import Databases
from tests.store.factories import KEY_LINE, prepared_home

BUG = "please report"


@pytest.fixture
def hotline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> InProcessHotline:
    """The command; there is no home yet."""
    return InProcessHotline(tmp_path / "home", monkeypatch, capsys)


def _error(hotline: InProcessHotline, *command: str, **settings: Any) -> str:
    error = hotline(*command, code=1, **settings).stderr
    assert len(error.splitlines()) == 1
    assert BUG not in error
    return error


@pytest.mark.parametrize(
    "password", ["se/cret", "se#cret", "se?cret", "se@cret", "se[cret", "1?2@3"]
)
@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "redis"])
def test_a_password_that_is_not_escaped_is_not_shown(
    hotline: InProcessHotline, password: str, scheme: str
) -> None:
    """A part of it was taken for the name of a host, and shown as one."""
    name = "BROKER" if scheme == "redis" else "DATABASE"
    error = _error(
        hotline, "queue", **{f"{name}_URL": f"{scheme}://user:{password}@host.invalid/0"}
    )
    assert error.startswith(f"hotline: HOTLINE_{name}_URL: cannot be read")
    assert "%40" in error
    assert f"HOTLINE_{name}_PASSWORD_FILE" in error
    for part in ("cret", "host.invalid", "user"):
        assert part not in error


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg2://h/d", "postgres://h/d", "mysql://h/d", "rediss://h"]
)
def test_a_scheme_that_is_none_of_ours_is_refused(hotline: InProcessHotline, url: str) -> None:
    assert "must begin with one of" in _error(hotline, "queue", DATABASE_URL=url)


@pytest.mark.parametrize("url", ["sqlite:", "sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_database_in_no_file_is_refused(hotline: InProcessHotline, url: str) -> None:
    for command in ("queue", "doctor"):
        assert "names no file" in _error(hotline, command, DATABASE_URL=url)


def test_a_file_that_is_not_there_is_named_in_full(hotline: InProcessHotline) -> None:
    """A relative path is looked up from the folder of each process."""
    error = _error(hotline, "queue", DATABASE_URL="sqlite:///rel.db")
    assert f"there is no {Path.cwd() / 'rel.db'} (" in error


def test_addresses_with_everything_in_them_are_taken(hotline: InProcessHotline) -> None:
    """Escaped passwords, sockets, numbers of IPv6; nobody is there."""
    for url in (
        "postgresql+psycopg://u:p%40%2F%3F%23@127.0.0.1:1/d?sslmode=disable",
        "postgresql+psycopg://u@/d?host=/nowhere/a@b",
        "postgresql://u@[::1]:1/d",
    ):
        error = _error(hotline, "queue", DATABASE_URL=url, KEY=KEY_LINE)
        assert "nobody listens there" in error
        assert "127" not in error


def test_a_database_that_does_not_fit_is_called_so(
    hotline: InProcessHotline, postgres_server: Databases
) -> None:
    """Encoded otherwise, not there, an option that there is not or that is no number."""
    name = f"ascii_{os.getpid()}"
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"
        )
    url = postgres_server.url(name, "postgresql+psycopg")
    more = "&" if "?" in url else "?"
    for address, output in (
        (url, "SQL_ASCII: create one with ENCODING 'UTF8'"),
        (postgres_server.url("nosuch", "postgresql+psycopg"), "no such database"),
        (f"{url}{more}nosuch=1", "an option after ? does not exist"),
        (f"{url}{more}prepare_threshold=soon", "must be a whole number"),
        (f"{url}{more}connect_timeout=abc", "an option after ? has a wrong value"),
    ):
        error = _error(hotline, "queue", DATABASE_URL=address, KEY=KEY_LINE)
        assert output in error
        assert "host" not in error
        assert "/tmp" not in error
    postgres_server.drop(name)


def test_an_env_file_that_cannot_be_read_is_named(hotline: InProcessHotline) -> None:
    """In GBK, as an editor under Windows writes it."""
    prepared_home(hotline.home)
    (file := hotline.home / ".env").write_bytes("HOTLINE_OPERATOR=林小燕".encode("gbk"))
    file.chmod(0o600)
    assert f"{file}: not UTF-8: save it as UTF-8" in _error(hotline, "queue")
    file.unlink()
    file.symlink_to("/nowhere/env")
    assert f"{file}: a link to a file that is not there" in _error(hotline, "queue")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_an_env_file_that_this_user_may_not_read_says_what_to_do() -> None:
    """As one of root's, of mode 600; the home itself can be entered."""
    with TemporaryDirectory(dir="/tmp") as home:
        (file := Path(home) / ".env").write_text("HOTLINE_LANG=en\n", "utf-8")
        file.chmod(0o600)
        Path(home).chmod(0o755)
        os.seteuid(65534)
        try:
            with pytest.raises(InvalidSetting, match="this user may not read it: give it"):
                load_settings({"HOTLINE_HOME": home})
        finally:
            os.seteuid(0)


WORDS = {
    'failed: FATAL:  password authentication failed for user "app"': "password",
    'failed: FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "app"': "pg_hba.conf",
    "failed: server does not support SSL, but SSL was required": "TLS",
    "failed: SSL error: certificate verify failed": "sslrootcert",
    'failed: server certificate for "a" does not match host name "10.0.0.1"': "another name",
    'failed: root certificate file "/x" does not exist': "sslrootcert",
    "failed to resolve host 'ss@localhost': [Errno -2] Name or service not known": "not known",
    "failed: FATAL:  sorry, too many clients already": "too many connections",
}


@pytest.mark.parametrize("words", WORDS)
def test_the_librarys_words_become_a_reason(words: str) -> None:
    """Without what it repeats of the address."""
    reason = connection_reason(words)
    assert reason is not None
    assert WORDS[words] in render(reason)
    assert "10.0.0.1" not in render(reason)
    assert connection_reason("something else") is None


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EROFS, errno.EMFILE, errno.EACCES, errno.EIO]
)
def test_faults_of_the_machine_are_no_bugs(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    def run() -> int:
        raise OSError(number, os.strerror(number), "/var/lib/hotline/x")

    log_for_people()
    assert exit_code_of(run) == 1
    error = capsys.readouterr().err
    assert BUG not in error
    assert len(error.splitlines()) == 1


WITHOUT_RIGHTS = "--bounding-set=-dac_override,-dac_read_search"


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can take rights away"
)
def test_a_folder_that_the_user_cannot_enter(tmp_path: Path) -> None:
    """As home it is output by the doctor; as the current folder it does not matter."""
    closed = tmp_path / "closed"
    closed.mkdir()
    home, other = prepared_home(closed / "home"), prepared_home(tmp_path / "home")
    os.chown(closed, 65534, 65534)
    closed.chmod(0o700)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HOTLINE_")}
    output = []
    for where, command in ((home, "doctor"), (home, "queue"), (other, "queue")):
        done = subprocess.run(
            ["setpriv", WITHOUT_RIGHTS, sys.executable, "-P", "-m", "scripts", command],
            env=kept | {"HOTLINE_HOME": str(where), "HOTLINE_LANG": "en"},
            cwd=closed, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert BUG not in done.stderr
        output.append(done.stdout + done.stderr)
    assert f"this user cannot use {home}" in output[0]
    assert "belongs to somebody else" in output[1]
    assert output[2] == "0 open tickets\n"


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can take rights away"
)
@pytest.mark.parametrize("command", ["queue", "doctor"])
def test_a_home_that_its_owner_cannot_write_is_called_so(tmp_path: Path, command: str) -> None:
    """By its mode, as the folder of the database and by the doctor."""
    home = prepared_home(tmp_path / "home")
    home.chmod(0o500)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HOTLINE_")}
    done = subprocess.run(
        ["setpriv", WITHOUT_RIGHTS, sys.executable, "-P", "-m", "scripts", command],
        env=kept | {"HOTLINE_HOME": str(home), "HOTLINE_LANG": "en"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    home.chmod(0o700)
    output = done.stdout + done.stderr
    assert f"{home} cannot be written: its mode is 500; run: chmod 700 {home}" in output
    assert "HOTLINE_DATABASE_URL" not in output
    assert "run it as the service's user" not in output


def test_a_full_disk_of_the_home_is_called_so(
    hotline: InProcessHotline, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no database is named, its file lies in the home."""
    monkeypatch.setenv("HOTLINE_HOME", str(prepared_home(hotline.home)))
    monkeypatch.setenv("HOTLINE_LANG", "en")
    engine = create_engine("sqlite://")

    def run() -> int:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE t (x)")
            connection.exec_driver_sql("PRAGMA max_page_count = 2")
            connection.exec_driver_sql("INSERT INTO t VALUES (zeroblob(100000))")
        return 0

    log_for_people()
    assert exit_code_of(run) == 1
    engine.dispose()
    error = capsys.readouterr().err
    assert error == "hotline: the disk is full: make room, or move HOTLINE_HOME to another one\n"


@pytest.mark.store(databases=["sqlite"])
def test_the_doctor_names_processes_with_another_file(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Another file was put in the place of the store's while a process has the old one open."""
    hotline = InProcessHotline(tmp_path / "home", monkeypatch, capsys, DATABASE_URL=store.url)
    prepared_home(hotline.home)
    file = Path(store.url.removeprefix("sqlite:///"))
    with file.open("rb") as opened, subprocess.Popen(["sleep", "60"], stdin=opened) as process:
        words = f"processes {process.pid} have the old one"
        try:
            assert "have the old one" not in hotline("doctor", code=1, KEY=KEY_LINE).stdout
            shutil.copy(file, tmp_path / "other")
            (tmp_path / "other").replace(file)
            assert words in hotline("doctor", code=1, KEY=KEY_LINE).stdout
        finally:
            process.kill()


@pytest.mark.parametrize("command", ["metrics --once", "doctor"])
def test_a_broker_that_is_away_is_told_alike(
    hotline: InProcessHotline, command: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By each command that asks it, without its address."""
    prepared_home(hotline.home)
    output = hotline(
        *command.split(), code=command == "doctor", BROKER_URL="redis://u:p@127.0.0.1:1"
    )
    everything = output.stdout + output.stderr + caplog.text
    assert "it does not answer: start `hotline up`" in everything
    assert "127.0.0.1:1" not in everything


def test_an_error_of_the_broker_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    def run() -> int:
        raise redis.AuthenticationError("user u at 127.0.0.1")

    log_for_people()
    assert exit_code_of(run) == 1
    error = capsys.readouterr().err
    assert "it refuses the user or the password" in error
    assert BUG not in error and "127.0.0.1" not in error


def test_a_full_disk_is_called_so(hotline: InProcessHotline) -> None:
    prepared_home(hotline.home)
    assert "the disk is full" in _error(hotline, "report", "--output", "/dev/full")


@pytest.mark.parametrize("length", ["--hours", "--workdays", "--days"])
def test_a_huge_term_is_refused(hotline: InProcessHotline, length: str) -> None:
    asked = ("due", "--category", "complaint", "--from", "2026-09-29T16:00", length, "9" * 30)
    assert "10000 is the most" in hotline(*asked, code=2).stderr


@pytest.mark.parametrize(
    "command",
    [
        "report --month 9999-12",
        "report --month 0001-01",
        "why-late --month 9999-12",
        "why-late --month 0001-01",
        "whatif --set terms.complaint=5 --month 9999-12",
        "whatif --set terms.complaint=5 --from 0001-01-01",
        "export x --since 0001-01-01",
        "export x --until 9999-12-31",
        "due --from 2101-01-01",
    ],
)
def test_a_year_that_no_ticket_is_of_is_refused(hotline: InProcessHotline, command: str) -> None:
    """Neither its days nor what a database compares them with can be computed."""
    prepared_home(hotline.home)
    error = hotline(*command.split(), code=2).stderr
    assert "the year must lie between 1950 and 2100" in error


def test_the_manual_says_what_the_program_says() -> None:
    """Each line of its table is a text of the program, with … for what is put in."""
    page = (Path(__file__).parents[2] / "docs/administrators/running.md").read_text("utf-8")
    section = page.split("## What the program says and what to do")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
    with (Path(__file__).parents[2] / "models/locale/zh/LC_MESSAGES/hotline.po").open("rb") as file:
        texts = {re.sub(r"\{[^}]*\}", "…", str(message.id)) for message in read_po(file)}
    unknown = [row[2] for row in rows[2:] if row[2] not in texts]
    assert unknown == ["`?` stands in their place"]
    assert len(rows) > 30


def test_a_terminal_shows_what_its_encoding_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """GBK has no check mark and not every character of a name: `?` stands for them."""
    reading, writing = pty.openpty()
    with TextIOWrapper(os.fdopen(writing, "wb"), "gbk", write_through=True) as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        guard_terminal()
        sys.stdout.write("路灯✓𠮷修好")
        sys.stdout.flush()
        monkeypatch.undo()
        screen = os.read(reading, 100).decode("gbk")
    os.close(reading)
    assert screen == "路灯??修好"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_not_taken_for_what_is_opened_next(closed: str, tmp_path: Path) -> None:
    """A database that had the number of standard output would get what is printed."""
    program = (
        "import sys; from pathlib import Path; from scripts.output import open_closed_streams;"
        "open_closed_streams(); file = Path(sys.argv[1]).open('w');"
        "print('a result'); print('a note', file=sys.stderr); sys.stdin.read();"
        "file.write(f'{file.fileno() > 2}')"
    )
    written = tmp_path / "written"
    command = f'"$0" -c "$1" "$2" {closed}'
    shell = ["sh", "-c", command, sys.executable, program, str(written)]
    done = subprocess.run(shell, capture_output=True, text=True, input="", timeout=60, check=True)
    assert done.stdout == ("" if ">&-" in closed.split() else "a result\n")
    assert done.stderr == ("" if "2>&-" in closed.split() else "a note\n")
    assert written.read_text() == "True"
