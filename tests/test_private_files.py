"""Whatever the umask, only the owner can read what the service creates."""

import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.private_files import (
    UnsafeFolder,
    close_file,
    make_private_folder,
    open_private,
    prepare_home,
    write_private,
)
from scripts.exit_codes import exit_code_of
from scripts.output import log_for_people
from tests.scripts.hotline_process import HotlineProcess

UMASKS = (0o000, 0o022, 0o777)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_paths(home: Path) -> list[str]:
    """Everything in a folder, and itself, that others may open in any way."""
    paths = [home, *home.rglob("*")]
    return [f"{p.name} {mode(p):o}" for p in paths if not p.is_symlink() and mode(p) & 0o077]


@pytest.mark.parametrize("mask", UMASKS)
def test_the_umask_does_not_matter(tmp_path: Path, mask: int) -> None:
    with umask(mask):
        make_private_folder(tmp_path / "a" / "b")
        os.close(open_private(tmp_path / "a" / "b" / "file", os.O_WRONLY))
        write_private(tmp_path / "a" / "b" / "whole", b"1")
    assert [mode(tmp_path / p) for p in ("a", "a/b", "a/b/file", "a/b/whole")] == [
        0o700,
        0o700,
        0o600,
        0o600,
    ]


def test_a_link_to_nowhere_is_no_endless_wait(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError):
        open_private(tmp_path / "link", os.O_RDWR)


@pytest.mark.parametrize("first", [("up", "--headless", "--for", "2"), ("db", "upgrade")])
def test_the_first_command_makes_a_closed_home(tmp_path: Path, first: tuple[str, ...]) -> None:
    """`hotline up` made an open home with an open database: the mode came from the umask."""
    hotline = HotlineProcess(tmp_path / "home", tmp_path)
    letter = '{"type": "ticket.received", "ticket": "1", "title": "a", "category": "help"}'
    with umask(0):
        hotline(*first)
        hotline("feed", "-", stdin=letter + "\n{}\n", code=1)
    assert (hotline.home / "hotline.db").exists()
    assert (hotline.home / "refused.jsonl").exists()
    assert open_paths(hotline.home) == []


def test_an_open_home_is_closed_with_a_word(tmp_path: Path) -> None:
    hotline = HotlineProcess(tmp_path / "home", tmp_path)
    hotline("db", "upgrade")
    hotline.home.chmod(0o755)
    (hotline.home / "hotline.db").chmod(0o644)
    assert "is open to others" in hotline("doctor", code=1).stdout
    output = hotline("db", "upgrade").stderr
    assert "its mode is 700 now" in output
    assert "hotline.db could be opened by others" in output
    assert open_paths(hotline.home) == []
    assert hotline("db", "upgrade").stderr == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_the_home_of_another_user_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says whose fault it is, where it asked to be reported as a fault of the service."""
    file = tmp_path / "home" / "hotline.db"
    make_private_folder(file.parent)
    log_for_people()
    os.seteuid(65534)
    try:
        code = exit_code_of(lambda: bool(close_file(file)))
    finally:
        os.seteuid(0)
    assert code == 1
    assert capsys.readouterr().err == (
        f"hotline: {file} belongs to somebody else, or this user may not open it\n"
    )


def test_a_home_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    hotline = HotlineProcess(tmp_path / "home", tmp_path)
    hotline("db", "upgrade")
    hotline.home.chmod(0o777)
    assert "others can write to it" in hotline("db", "upgrade", code=1).stderr
    assert "others can write to it" in hotline("up", "--headless", "--for", "1", code=1).stderr
    assert "others can write to it" in hotline("queue", code=1).stderr


def test_no_other_folder_is_closed(tmp_path: Path) -> None:
    other = tmp_path / "usr"
    (other / "bin").mkdir(parents=True)
    other.chmod(0o755)
    with pytest.raises(UnsafeFolder, match="others can read it"):
        prepare_home(other)
    assert mode(other) == 0o755


def test_every_file_is_created_in_one_place() -> None:
    """No module but `models/private_files.py` creates files or folders by itself."""
    command = [
        "grep",
        "-rnE",
        "--include=*.py",
        r"O_CREAT|\.mkdir\(|makedirs|\.touch\(|\.write_text\(|\.write_bytes\(",
    ]
    root = Path(__file__).parents[1]
    folders = [root / name for name in ("models", "workers", "monitor", "scripts")]
    command += map(str, folders)
    grep = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in grep.stdout.splitlines() if "/scripts/bench/" not in line]
    elsewhere = [line for line in lines if "/models/private_files.py:" not in line]
    # what `--suggest` tries out lies in a temporary folder; a socket's folder must not be there
    allowed = ("mapping_preview.py", "embedded.py")
    assert [line for line in elsewhere if not any(name in line for name in allowed)] == []
