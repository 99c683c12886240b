"""A folder as an inbox: complete files only, each once, whatever happens."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import pytest

from models.errors import HotlineError
from scripts.ingest.folder_watcher import FolderWatcher
from scripts.ingest.records import FeedUnreadable
from tests.scripts.hotline_process import HotlineProcess

HEAD = "留言编号,留言用户,留言主题,留言时间,留言详情\n"


class Fed(list[str]):
    """The files that were fed, by name; a file that says so cannot be read."""

    def __call__(self, file: IO[bytes], name: str, refused: Path) -> bool:
        content = file.read()
        if content == b"bad":
            raise FeedUnreadable(name, "no feed")
        self.append(name)
        return content != b"half"


@pytest.fixture
def fed() -> Fed:
    return Fed()


@pytest.fixture
def folder(tmp_path: Path, fed: Fed) -> FolderWatcher:
    (tmp_path / "in").mkdir()
    return FolderWatcher(tmp_path / "in", fed)


def names(path: Path) -> list[str]:
    return sorted(p.name for p in path.iterdir() if not p.name.startswith("."))


def test_a_file_is_fed_when_it_has_stopped_growing(
    folder: FolderWatcher, fed: Fed, tmp_path: Path
) -> None:
    place = tmp_path / "in"
    with folder.locked():
        (place / "a.csv").write_text("1")
        assert folder.poll() == 0
        (place / "a.csv").write_text("12")
        assert folder.poll() == 0
        assert folder.poll() == 1
        assert folder.poll() == 0
    assert fed == ["a.csv"]
    assert names(place) == ["done", "failed"]
    assert names(place / "done") == ["a.csv"]


def test_what_cannot_be_read_is_moved_aside_with_the_reason(
    folder: FolderWatcher, fed: Fed, tmp_path: Path
) -> None:
    place = tmp_path / "in"
    with folder.locked():
        for name, text in (("bad.csv", "bad"), ("good.csv", "good"), ("half.csv", "half")):
            (place / name).write_text(text)
        folder.poll()
        assert folder.poll() == 3
    assert names(place / "done") == ["good.csv", "half.csv"]
    assert names(place / "failed") == ["bad.csv", "bad.csv.why.txt"]
    assert "no feed" in (place / "failed" / "bad.csv.why.txt").read_text()
    assert folder.failed == 2


def test_a_second_file_of_the_same_name_hides_no_first(
    folder: FolderWatcher, tmp_path: Path
) -> None:
    place = tmp_path / "in"
    with folder.locked():
        for text in ("one", "two", "three"):
            (place / "a.csv").write_text(text)
            folder.poll()
            folder.poll()
    result = {p.name: p.read_text() for p in (place / "done").iterdir()}
    assert result == {"a.csv": "one", "2-a.csv": "two", "3-a.csv": "three"}


def test_unfinished_files_links_pipes_and_folders_are_left_alone(
    folder: FolderWatcher, fed: Fed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, secret = tmp_path / "in", tmp_path / "secret"
    secret.write_text("secret")
    with folder.locked():
        (place / "link.csv").symlink_to(secret)
        (place / "sub").mkdir()
        os.mkfifo(place / "pipe.csv")
        for name in (".hidden", "a.csv.part", "b.TMP", "c~"):
            (place / name).write_text("1")
        for _look in range(3):
            assert folder.poll() == 0
    assert fed == []
    output = capsys.readouterr().err
    assert all(output.count(name) == 1 for name in ("link.csv", "sub", "pipe.csv"))


def test_a_link_in_a_files_place_is_not_followed(
    folder: FolderWatcher, fed: Fed, tmp_path: Path
) -> None:
    place, secret = tmp_path / "in", tmp_path / "secret"
    secret.write_text("secret")
    with folder.locked():
        (place / "a.csv").write_text("1")
        folder.poll()
        seen = folder._snapshots["a.csv"]
        (place / "a.csv").unlink()
        (place / "a.csv").symlink_to(secret)
        folder._take("a.csv")
    assert seen
    assert fed == []
    assert secret.read_text() == "secret"


def test_one_at_a_time(folder: FolderWatcher, fed: Fed, tmp_path: Path) -> None:
    other = FolderWatcher(tmp_path / "in", fed)
    with folder.locked(), pytest.raises(HotlineError), other.locked():
        pass
    with other.locked():
        pass


def test_where_done_is_a_link_nothing_is_begun(folder: FolderWatcher, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "in" / "done").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HotlineError, match="is a link"), folder.locked():
        pass


def test_killed_in_mid_file_nothing_is_lost_and_nothing_comes_twice(tmp_path: Path) -> None:
    hotline = HotlineProcess(tmp_path / "home", tmp_path)
    place = tmp_path / "in"
    place.mkdir()
    count = 30_000
    letter = "某女士,路灯不亮,2026/9/3 8:05:07,坏了两周。"
    text = HEAD + "".join(f"{number},{letter}\n" for number in range(count))
    (place / "big.csv").write_text(text, encoding="utf-8")
    hotline("db", "upgrade")
    command = [sys.executable, "-P", "-m", "scripts", "feed", "--watch", str(place)]
    watcher = subprocess.Popen([*command, "--every", "0.1"], env=hotline.environment, cwd=tmp_path)
    try:
        database = hotline.home / "hotline.db-wal"
        until = time.monotonic() + 90
        while time.monotonic() < until and watcher.poll() is None:
            # a few batches are in, the file is not done
            if database.exists() and database.stat().st_size > 4_000_000:
                break
            time.sleep(0.01)
        watcher.send_signal(signal.SIGKILL)
    finally:
        watcher.kill()
        watcher.wait()
    again = hotline.json("feed", "--watch", place, "--once", "--every", "0.1")
    rest = hotline.json("feed", place / "done" / "big.csv")
    assert again["read"] in (0, count)
    assert again["enqueued"] + again["duplicate"] == again["read"]
    assert rest == {"read": count, "enqueued": 0, "duplicate": count, "refused": 0}
