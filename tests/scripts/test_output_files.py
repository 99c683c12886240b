"""What commands write overwrites nothing, and nothing of the service's at all."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest

from models.errors import HotlineError
from models.settings import Settings
from scripts.output_files import OutputFile
from tests.scripts.hotline_in_process import InProcessHotline


@pytest.fixture
def hotline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> InProcessHotline:
    opened = InProcessHotline(tmp_path / "home", monkeypatch, capsys)
    opened("db", "upgrade")
    return opened


COMMANDS = {
    "note": ("log", "--verify", "--note"),
    "report": ("report", "--month", "2026-10", "--output"),
    "page": ("report", "--month", "2026-10", "--format", "html", "--output"),
    "workbook": ("report", "--month", "2026-10", "--format", "xlsx", "--output"),
    "cases": ("report", "--month", "2026-10", "--figure", "tickets", "--output"),
    "backup": ("backup",),
    "refused": ("feed", "/dev/null", "--refused"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["hotline.key", "roles.toml", "new", "../home/hotline.db"])
def test_nothing_in_the_home_is_written(hotline: InProcessHotline, command: str, name: str) -> None:
    """`--note hotline.key` and `--output roles.toml` overwrote keys and roles."""
    target = hotline.home / name
    before = target.read_bytes() if target.exists() else None
    error = hotline(*COMMANDS[command], target, code=1).stderr
    assert "lies in the home" in error
    assert (target.read_bytes() if target.exists() else None) == before
    link = hotline.home.parent / "link"
    link.symlink_to(target)
    assert "lies in the home" in hotline(*COMMANDS[command], link, code=1).stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_is_there_stays(
    hotline: InProcessHotline, command: str, tmp_path: Path
) -> None:
    target = tmp_path / "mine"
    target.write_text("mine")
    assert "is there already" in hotline(*COMMANDS[command], target, code=1).stderr
    assert target.read_text() == "mine"
    if command not in ("backup", "refused"):
        hotline(*COMMANDS[command], target, "--overwrite")
        assert target.read_bytes() != b"mine"
    hotline(*COMMANDS[command], tmp_path / "new")
    if command != "refused":
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


def test_a_file_of_the_service_elsewhere_is_none_of_theirs(tmp_path: Path) -> None:
    for settings in (
        Settings(tmp_path / "home", key_file=tmp_path / "x"),
        Settings(tmp_path / "home", database_url=f"sqlite:///{tmp_path / 'x'}"),
        Settings(tmp_path / "home", channels=tmp_path / "x"),
        Settings(tmp_path / "home", policy=tmp_path / "x"),
    ):
        with pytest.raises(HotlineError, match="file of the service"):
            OutputFile(tmp_path / "x", settings, overwrite=True).open()


def test_a_command_that_fails_leaves_no_half_file(tmp_path: Path) -> None:
    output = OutputFile(tmp_path / "x", Settings(tmp_path / "home"))
    with pytest.raises(ZeroDivisionError), output.open() as file:
        file.write(b"half")
        _ = 1 // 0
    assert not (tmp_path / "x").exists()


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with OutputFile(tmp_path / "pipe", Settings(tmp_path / "home")).open() as file:
            file.write(b"all")
        assert os.read(reader, 10) == b"all"
        assert (tmp_path / "pipe").is_fifo()
    finally:
        os.close(reader)


def test_refused_rows_go_on_in_a_file_of_refused_rows(
    hotline: InProcessHotline, tmp_path: Path
) -> None:
    letters, refused = tmp_path / "letters.jsonl", tmp_path / "refused.jsonl"
    letters.write_text("{}\n")
    for lines in (1, 2):
        hotline("feed", letters, "--refused", refused, code=1)
        assert len(refused.read_bytes().splitlines()) == lines


def test_settings_come_from_the_home_alone(
    hotline: InProcessHotline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted `.env` in the current folder changed the law, the database and the keys."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("HOTLINE_DATABASE_URL=nonsense:\n")
    assert "is not read" in hotline("queue").stderr
    (tmp_path / ".env").unlink()
    dotenv = hotline.home / ".env"
    dotenv.write_text("HOTLINE_DATABASE_URL=nonsense:\n")
    dotenv.chmod(0o600)
    assert "HOTLINE_DATABASE_URL" in hotline("queue", code=1).stderr
    dotenv.write_text("HOTLINE_HOME=/elsewhere\n")
    assert hotline("queue").stderr == ""


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_settings_that_others_could_write_are_refused(hotline: InProcessHotline, mode: int) -> None:
    dotenv = hotline.home / ".env"
    dotenv.write_text("HOTLINE_LANG=en\n")
    dotenv.chmod(mode)
    assert "nobody else can write to" in hotline("queue", code=1).stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_settings_of_somebody_else_are_refused(hotline: InProcessHotline) -> None:
    dotenv = hotline.home / ".env"
    dotenv.write_text("HOTLINE_LANG=en\n")
    dotenv.chmod(0o600)
    os.chown(dotenv, 65534, 65534)
    assert "file of this user" in hotline("queue", code=1).stderr


def test_a_key_file_that_others_could_read_is_refused(hotline: InProcessHotline) -> None:
    key = hotline.home / "hotline.key"
    key.chmod(0o644)
    # nobody can enter the home
    assert hotline("queue").stderr == ""
    # the folders of the tests are closed too
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        elsewhere = Path(shutil.copy(key, Path(folder) / "hotline.key"))
        key.unlink()
        for mode in (0o644, 0o604, 0o660):
            elsewhere.chmod(mode)
            assert "chmod 600" in hotline("queue", code=1, KEY_FILE=str(elsewhere)).stderr
            assert "chmod 600" in hotline("doctor", code=1, KEY_FILE=str(elsewhere)).stdout
        for mode in (0o600, 0o440):
            elsewhere.chmod(mode)
            hotline("queue", KEY_FILE=str(elsewhere))


@pytest.mark.parametrize(
    ("name", "begins"),
    [("b.html", b"<!doctype"), ("b.CSV", b"\xef\xbb\xbf"), ("b.xlsx", b"PK"), ("b.json", b'{"'),
     ("b.txt", b"Bulletin"), ("b", b"Bulletin")],
)  # fmt: skip
def test_the_ending_says_the_format(
    hotline: InProcessHotline, tmp_path: Path, name: str, begins: bytes
) -> None:
    """A page's name was given to a table."""
    hotline("report", "--month", "2026-10", "--output", tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(begins)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("report --month 2026-10 --output b.pdf", "known are .txt, .csv, .html, .htm, .xlsx"),
        ("report --month 2026-10 --format csv --output b.html", "b.html would be html, but csv"),
        ("report --month 2026-10 --json --output b.csv", "b.csv would be csv, but json"),
        ("report --month 2026-10 --json --format csv", "not both"),
        ("why-late --month 2026-10 --output b.xlsx", "known are .txt, .csv, .html, .htm, .json"),
        ("forecast --output b.doc", "known are .txt, .csv"),
        ("defend T1 --format html --output b.csv", "b.csv would be csv, but html"),
        ("whatif --set terms.help=1day --output b.md", "known are .txt"),
        ("replay /dev/null --against . --output b.md", "known are .txt"),
    ],
)
def test_an_ending_that_says_something_else_is_refused(
    hotline: InProcessHotline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str,
    expected: str,
) -> None:  # fmt: skip
    """By one function for all commands, before any work is done."""
    monkeypatch.chdir(tmp_path)
    assert expected in hotline(*command.split(), code=2).stderr
    assert not list(tmp_path.glob("b.*"))


def test_an_overwritten_file_changes_at_once(tmp_path: Path) -> None:
    """A command that fails leaves the file that was there, and no draft of its own."""
    target = tmp_path / "x"
    target.write_text("mine")
    output = OutputFile(target, Settings(tmp_path / "home"), overwrite=True)
    with pytest.raises(ZeroDivisionError), output.open() as file:
        file.write(b"half")
        file.flush()
        assert target.read_text() == "mine"
        _ = 1 // 0
    assert target.read_text() == "mine"
    with output.open() as file:
        file.write(b"new")
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]
