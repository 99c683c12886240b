"""A folder as an inbox: complete files only, each once, whatever happens and whoever writes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from models.errors import HotlineError
from models.private_files import UnsafeFolder
from scripts.ingest.folder_watcher import FolderWatcher
from scripts.ingest.records import FeedUnreadable
from tests.attack.attackers import FolderAttacker
from tests.manuals.home_page import unnamed_files
from tests.scripts.hotline_process import HotlineProcess

HEAD = "留言编号,留言用户,留言主题,留言时间,留言详情\n"
LETTER = "某女士,路灯不亮,2026/9/3 8:05:07,坏了两周。"

CALM = 15.0


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Fed(list[str]):
    """The files that were fed, by name; a file that says so cannot be read.

    `meanwhile` is called when a file has been read and before it is moved away.
    """

    meanwhile: Callable[[], object] | None = None

    def __call__(self, file: IO[bytes], name: str, refused: Path) -> bool:
        content = file.read()
        if content == b"bad":
            raise FeedUnreadable(name, "no feed")
        if content == b"bug":
            raise RecursionError
        self.append(f"{name}:{content.decode('utf-8', 'replace')}")
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        if content == b"half":
            refused.write_text("{}\n")
            return False
        return True


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class WatchedFolder:
    """A watched folder of a test, with what was fed from it and where files are kept."""

    def __init__(self, tmp_path: Path) -> None:
        self.inbox, self.kept = tmp_path / "in", tmp_path / "kept"
        self.inbox.mkdir()
        self.fed = Fed()
        self.clock = Clock()
        self.watcher = self.another()

    def another(self, kept: Path | None = None) -> FolderWatcher:
        return FolderWatcher(self.inbox, kept or self.kept, self.fed, calm=CALM, elapsed=self.clock)

    def poll_later(self, seconds: float = CALM) -> int:
        """Poll, let the time pass and poll again; returns how many files were fed."""
        first = self.watcher.poll()
        self.clock.now += seconds
        return first + self.watcher.poll()

    def names(self, folder: str) -> list[str]:
        return names(self.kept / folder)


@pytest.fixture
def folder(tmp_path: Path) -> WatchedFolder:
    return WatchedFolder(tmp_path)


def test_a_file_is_fed_when_it_has_stopped_growing(folder: WatchedFolder) -> None:
    with folder.watcher.locked():
        (folder.inbox / "a.csv").write_text("1")
        assert folder.poll_later(5) == 0
        (folder.inbox / "a.csv").write_text("12")
        assert folder.poll_later(CALM - 1) == 0
        assert folder.watcher.waiting() == ["a.csv"]
        folder.clock.now += 1
        assert folder.watcher.poll() == 1
        assert folder.poll_later() == 0
    assert folder.fed == ["a.csv:12"]
    assert names(folder.inbox) == []
    assert folder.names("done") == ["a.csv"]


def test_an_upload_that_stalls_loses_no_half(folder: WatchedFolder) -> None:
    with folder.watcher.locked():
        (folder.inbox / "a.csv").write_text("first")
        assert folder.poll_later(CALM - 5) == 0
        with (folder.inbox / "a.csv").open("a") as upload:
            upload.write(" second")
        assert folder.poll_later() == 1
    assert folder.fed == ["a.csv:first second"]


@pytest.mark.parametrize("unfinished", ["a.csv.part", ".a.csv.Xy12", "a.csv~"])
def test_a_file_renamed_into_place_is_complete_at_once(
    folder: WatchedFolder, unfinished: str
) -> None:
    with folder.watcher.locked():
        (folder.inbox / unfinished).write_text("1")
        assert folder.poll_later() == 0
        (folder.inbox / unfinished).rename(folder.inbox / "a.csv")
        folder.watcher.poll()
        assert folder.watcher.poll() == 1
    assert folder.fed == ["a.csv:1"]


def test_what_office_programs_leave_is_no_letter(
    folder: WatchedFolder, caplog: pytest.LogCaptureFixture
) -> None:
    with folder.watcher.locked():
        for name in ("~$a.xlsx", ".~lock.a.ods#", "Thumbs.db", "desktop.ini", ".DS_Store"):
            (folder.inbox / name).write_text("1")
        assert folder.poll_later() == 0
        assert folder.watcher.is_idle
    assert folder.fed == []
    assert caplog.messages == []


def test_what_cannot_be_read_is_moved_aside_with_the_reason(
    folder: WatchedFolder, caplog: pytest.LogCaptureFixture
) -> None:
    with folder.watcher.locked():
        for name, text in (("bad.csv", "bad"), ("good.csv", "good"), ("half.csv", "half")):
            (folder.inbox / name).write_text(text)
        assert folder.poll_later() == 3
    assert folder.names("done") == ["good.csv", "half.csv"]
    assert folder.names("failed") == ["bad.csv", "bad.csv.why.txt", "half.csv.refused.jsonl"]
    assert "no feed" in (folder.kept / "failed" / "bad.csv.why.txt").read_text()
    (line_of_bad,) = [line for line in caplog.messages if line.startswith("bad.csv: ")]
    assert line_of_bad.count("bad.csv") == 1
    assert folder.watcher.failed == 2


def test_a_file_that_breaks_a_reader_keeps_no_other_from_being_fed(folder: WatchedFolder) -> None:
    with folder.watcher.locked():
        (folder.inbox / "a.csv").write_text("bug")
        (folder.inbox / "b.csv").write_text("1")
        assert folder.poll_later() == 2
    assert folder.names("failed") == ["a.csv", "a.csv.why.txt"]
    assert "RecursionError" in (folder.kept / "failed" / "a.csv.why.txt").read_text()
    assert folder.fed == ["b.csv:1"]


def test_a_second_file_of_the_same_name_hides_no_first(folder: WatchedFolder) -> None:
    with folder.watcher.locked():
        for text in ("one", "two", "three"):
            (folder.inbox / "a.csv").write_text(text)
            folder.poll_later()
    result = {p.name: p.read_text() for p in (folder.kept / "done").iterdir()}
    assert result == {"a.csv": "one", "2-a.csv": "two", "3-a.csv": "three"}


def test_unfinished_files_links_pipes_and_folders_are_left_alone(
    folder: WatchedFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with folder.watcher.locked():
        (folder.inbox / "link.csv").symlink_to(secret)
        (folder.inbox / "sub").mkdir()
        os.mkfifo(folder.inbox / "pipe.csv")
        (folder.inbox / "second-name.csv").hardlink_to(secret)
        for name in (".hidden", "a.csv.part", "b.TMP", "c~"):
            (folder.inbox / name).write_text("1")
        for _look in range(3):
            assert folder.poll_later() == 0
    assert folder.fed == []
    output = "\n".join(caplog.messages)
    assert all(output.count(n) == 1 for n in ("link.csv", "sub", "pipe.csv", "second-name.csv"))


def test_a_link_in_a_files_place_is_not_followed(folder: WatchedFolder, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with folder.watcher.locked():
        (folder.inbox / "a.csv").symlink_to(secret)
        folder.watcher._take("a.csv")
    assert folder.fed == []
    assert secret.read_text() == "secret"


@pytest.mark.parametrize("name", ["done", "failed"])
def test_links_in_the_watched_folder_lead_no_file_into_the_home(
    folder: WatchedFolder, tmp_path: Path, name: str
) -> None:
    """Whoever may write to the folder put a link to the home where fed files used to go."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "roles.toml").write_text("mine")

    def plant() -> None:
        (folder.inbox / name).symlink_to(home)

    folder.fed.meanwhile = plant
    with folder.watcher.locked():
        for dropped in ("roles.toml", "hotline.db-journal"):
            (folder.inbox / dropped).write_text("bad" if name == "failed" else "theirs")
        folder.poll_later()
        folder.poll_later()
    assert names(home) == ["roles.toml"]
    assert (home / "roles.toml").read_text() == "mine"


def test_a_file_that_is_replaced_while_it_is_read_is_not_lost(folder: WatchedFolder) -> None:
    def replace() -> None:
        (folder.inbox / "new").write_text("fifty letters")
        (folder.inbox / "new").rename(folder.inbox / "a.csv")

    folder.fed.meanwhile = replace
    with folder.watcher.locked():
        (folder.inbox / "a.csv").write_text("one letter")
        folder.poll_later()
        assert folder.names("done") == []
        folder.poll_later()
    assert folder.fed == ["a.csv:one letter", "a.csv:fifty letters"]
    assert (folder.kept / "done" / "a.csv").read_text() == "fifty letters"


def test_a_file_that_grows_while_it_is_read_is_read_again(
    folder: WatchedFolder, caplog: pytest.LogCaptureFixture
) -> None:
    def grow() -> None:
        with (folder.inbox / "a.csv").open("a") as upload:
            upload.write(" and more")

    folder.fed.meanwhile = grow
    with folder.watcher.locked():
        (folder.inbox / "a.csv").write_text("some")
        folder.poll_later()
        assert folder.names("done") == []
        assert "changed while it was read" in caplog.text
        folder.poll_later()
    assert folder.fed == ["a.csv:some", "a.csv:some and more"]
    assert folder.names("done") == ["a.csv"]


def test_a_file_that_grows_after_it_was_fed_is_read_again(folder: WatchedFolder) -> None:
    with (folder.inbox / "a.csv").open("w") as upload, folder.watcher.locked():
        upload.write("some")
        upload.flush()
        assert folder.poll_later() == 1
        upload.write(" and more")
        upload.flush()
        assert folder.poll_later() == 1
    assert folder.fed == ["a.csv:some", "a.csv:some and more"]
    assert folder.names("done") == ["a.csv"]


@pytest.mark.parametrize(
    "name",
    [
        "投诉".encode("gbk") + b".csv",
        ("投" * 84).encode(),
        b"a" * 251 + b".csv",
        b"\x80" * 200,
        b"\x1b[2Ja\n.csv",
    ],
    ids=["gbk", "84 characters", "255 bytes", "no character", "escapes"],
)
def test_no_name_ends_the_watcher_or_reaches_the_terminal(
    folder: WatchedFolder, name: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with folder.watcher.locked():
        for content in ("1", "bad", "half"):
            (folder.inbox / os.fsdecode(name)).write_text(content)
            assert folder.poll_later() == 1
    assert len(folder.names("done")) == 2
    assert len(folder.names("failed")) == 3
    output = "".join(folder.fed) + "\n".join(caplog.messages)
    assert output.isprintable() or output.replace("\n", "").isprintable()
    output.encode()


def test_one_at_a_time(folder: WatchedFolder) -> None:
    other = folder.another()
    with folder.watcher.locked(), pytest.raises(HotlineError), other.locked():
        pass
    with other.locked():
        pass


@pytest.mark.parametrize("replaceable", ["kept", "inbox"])
def test_a_folder_that_others_may_replace_is_refused(tmp_path: Path, replaceable: str) -> None:
    parent = tmp_path / "parent"
    parent.mkdir()
    folder = WatchedFolder(parent)
    kept = tmp_path / "kept"
    if replaceable == "kept":
        folder = WatchedFolder(tmp_path)
        kept = parent / "kept"
    parent.chmod(0o777)
    with pytest.raises(UnsafeFolder, match="in its place"), folder.another(kept).locked():
        pass
    # in a folder such as /tmp only owners may rename
    parent.chmod(0o1777)
    with folder.another(kept).locked():
        pass


def test_a_link_that_others_may_replace_is_refused(tmp_path: Path) -> None:
    folder = WatchedFolder(tmp_path)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "link").symlink_to(folder.inbox)
    theirs.chmod(0o777)
    linked = FolderWatcher(theirs / "link", folder.kept, folder.fed, calm=0)
    with pytest.raises(UnsafeFolder, match="theirs"), linked.locked():
        pass
    theirs.chmod(0o755)
    with linked.locked():
        pass


def test_fed_files_are_not_kept_where_they_came_from(folder: WatchedFolder) -> None:
    with (
        pytest.raises(HotlineError, match="lies in the watched folder"),
        folder.another(folder.inbox / "done").locked(),
    ):
        pass
    folder.kept.mkdir()
    (folder.kept / "done").symlink_to(folder.inbox)
    with pytest.raises(HotlineError), folder.watcher.locked():
        pass


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs a second file system")
def test_a_file_of_another_file_system_is_copied_and_removed(
    folder: WatchedFolder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Path("/dev/shm") / f"hotline-test-{os.getpid()}"
    other.mkdir(mode=0o700)
    try:
        if other.stat().st_dev == folder.inbox.stat().st_dev:
            pytest.skip("no second file system")
        watcher = folder.watcher = folder.another(other)
        with watcher.locked():
            (folder.inbox / "a.csv").write_text("1")
            assert folder.poll_later() == 1
            assert folder.poll_later() == 0
        assert names(folder.inbox) == []
        assert (other / "done" / "a.csv").read_text() == "1"
    finally:
        for path in sorted(other.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        other.rmdir()


def test_a_home_is_not_watched(tmp_path: Path) -> None:
    hotline = HotlineProcess(tmp_path / "home", tmp_path)
    hotline("db", "upgrade")
    assert "cannot be watched" in hotline("feed", "--watch", tmp_path, code=1).stderr
    assert "cannot be watched" in hotline("feed", "--watch", hotline.home, code=1).stderr


def test_a_folder_is_fed_once_and_an_unfinished_file_is_left(tmp_path: Path) -> None:
    hotline = HotlineProcess(tmp_path / "home", tmp_path)
    inbox = tmp_path / "in"
    inbox.mkdir()
    (inbox / "a.csv").write_text(f"{HEAD}1,{LETTER}\n2,{LETTER}\n", encoding="utf-8")
    (inbox / "b.csv.part").write_text(f"{HEAD}3,{LETTER}\n", encoding="utf-8")
    asked = ("feed", "--watch", inbox, "--once", "--every", "0.1", "--calm", "0.3")
    assert hotline.json(*asked)["enqueued"] == 2
    assert names(inbox) == ["b.csv.part"]
    assert [p.name for p in (hotline.home / "watched").glob("in-*/done/*")] == ["a.csv"]
    assert unnamed_files(hotline.home) == []
    (inbox / "b.csv.part").rename(inbox / "b.csv")
    kept = tmp_path / "kept"
    assert hotline.json(*asked, "--keep", kept)["enqueued"] == 1
    assert names(kept / "done") == ["b.csv"]


def test_killed_in_mid_file_nothing_is_lost_and_nothing_comes_twice(tmp_path: Path) -> None:
    hotline = HotlineProcess(tmp_path / "home", tmp_path)
    place = tmp_path / "in"
    place.mkdir()
    count = 30_000
    text = HEAD + "".join(f"{number},{LETTER}\n" for number in range(count))
    (place / "big.csv").write_text(text, encoding="utf-8")
    hotline("db", "upgrade")
    quick = ("--every", "0.1", "--calm", "0.2")
    command = [sys.executable, "-P", "-m", "scripts", "feed", "--watch", str(place), *quick]
    watcher = subprocess.Popen(command, env=hotline.environment, cwd=tmp_path)
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
    again = hotline.json("feed", "--watch", place, "--once", *quick)
    (done,) = hotline.home.glob("watched/in-*/done/big.csv")
    rest = hotline.json("feed", done)
    assert again["read"] in (0, count)
    assert again["enqueued"] + again["duplicate"] == again["read"]
    assert rest == {"read": count, "enqueued": 0, "duplicate": count, "refused": 0}


@pytest.mark.parametrize("seed", range(2))
def test_whoever_writes_to_the_folder_reaches_nothing_else(
    folder: WatchedFolder, tmp_path: Path, seed: int
) -> None:
    """Two seconds of links, swaps, growth and names by dice: every honest file is fed once."""
    home = tmp_path / "home"
    home.mkdir()
    content = {"roles.toml": "mine", "hotline.db": "store"}
    for name, text in content.items():
        (home / name).write_text(text)
    attacker = FolderAttacker(seed, folder.inbox, home)
    honest = 0
    until = time.monotonic() + 2
    with folder.watcher.locked():
        attacker.start()
        try:
            while time.monotonic() < until:
                part = folder.inbox / f"honest-{honest}.part"
                part.write_text(f"honest-{honest}")
                part.rename(part.with_suffix(".csv"))
                honest += 1
                folder.watcher.poll()
                folder.clock.now += CALM / 3
        finally:
            attacker.stop()
        for _poll in range(8):
            folder.poll_later()
    assert {path.name: path.read_text() for path in home.iterdir()} == content
    assert "mine" not in "".join(folder.fed)
    assert "store" not in "".join(folder.fed)
    for number in range(honest):
        assert folder.fed.count(f"honest-{number}.csv:honest-{number}") == 1
        assert (folder.kept / "done" / f"honest-{number}.csv").is_file()
    kept = [*(folder.kept / "done").iterdir(), *(folder.kept / "failed").iterdir()]
    assert [path.name for path in kept if path.is_symlink()] == []
