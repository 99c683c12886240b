"""The commands as processes: what they print, how they end, what they refuse."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.manuals.home_page import unnamed_files
from tests.scripts.hotline_process import HotlineProcess
from tests.store.factories import letter, message, prepared_home

DUE = [
    ("2026-09-29T16:00", "complaint", "10-14T17:30", "10-13T08:30", "10-15T08:30", "10-16T08:30"),
    (
        "2026-09-30T09:10",
        "consultation",
        "10-08T17:30",
        "09-30T09:10",
        "10-09T08:30",
        "10-10T08:30",
    ),
    ("2026-09-18T18:40", "help", "09-22T17:30", "09-21T08:30", "09-23T08:30", "09-24T08:30"),
    ("2026-02-13T11:00", "意见建议", "02-24T17:30", "02-14T08:30", "02-25T08:30", "02-26T08:30"),
    ("2025-01-24T17:29", "投诉举报", "02-10T17:30", "02-08T08:30", "02-11T08:30", "02-12T08:30"),
]


@pytest.fixture
def hotline(tmp_path: Path) -> HotlineProcess:
    """The command, called from a folder with foreign packages of our names in it."""
    folder = tmp_path / "foreign"
    for name in ("models", "workers", "monitor", "scripts"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise RuntimeError('a foreign package')")
    return HotlineProcess(tmp_path / "home", folder)


@pytest.mark.parametrize(("begin", "category", *[f"m{n}" for n in range(4)]), DUE)
def test_due_is_explained_day_by_day(
    hotline: HotlineProcess, begin: str, category: str, m0: str, m1: str, m2: str, m3: str
) -> None:
    """The table of terms, value for value, and a reason for every day."""
    output = hotline.json("due", "--category", category, "--from", begin)
    year = begin[:5]
    moments = [output[k] for k in ("due", "prewarning", "yellow", "red")]
    assert moments == [f"{year}{m}:00+08:00" for m in (m0, m1, m2, m3)]
    assert output["provisional"] is False
    assert output["days"][0]["date"] == begin[:10]
    assert output["days"][-1]["date"] == output["due"][:10]
    assert all(day["why"] for day in output["days"])
    assert not hotline.home.exists()


def test_a_deadline_into_an_unknown_year_is_provisional(hotline: HotlineProcess) -> None:
    """Nothing fails for a year that nobody has announced; the deadline says so."""
    assert hotline.json("due", "--from", "2098-12-30T10:00")["provisional"] is True


def test_wrong_usage_and_wrong_settings(hotline: HotlineProcess) -> None:
    """2 for wrong usage, 1 for what is refused, one line that names what is wrong."""
    hotline("due", code=2)
    hotline("due", "--from", "yesterday", code=2)
    hotline("nonsense", code=2)
    error = hotline("queue", code=1, LANG="fr").stderr
    assert error == "hotline: HOTLINE_LANG='fr'：只能是：zh, en\n"
    assert "HOTLINE_DATABASE_URL" in hotline("queue", code=1, DATABASE_URL="mysql://x").stderr
    prepared_home(hotline.home)
    missing = hotline("show", "nothing", code=1).stderr
    assert missing.startswith("hotline: no ticket nothing")


def test_a_policy_that_is_wrong_is_named_with_its_line(
    hotline: HotlineProcess, tmp_path: Path
) -> None:
    """A wrong value is refused with the line and what is allowed."""
    shipped = Path(__file__).parents[2] / "models" / "policy" / "haojiang.toml"
    policy = tmp_path / "policy.toml"
    policy.write_text(shipped.read_text("utf-8").replace('"7 workdays"', '"7 weeks"'), "utf-8")
    error = hotline("due", "--from", "2026-01-05T09:00", code=1, POLICY=str(policy)).stderr
    assert "policy.toml: line " in error
    assert "'7 workdays'" in error
    assert len(error.splitlines()) == 1


def test_feeding_is_idempotent_and_keeps_what_it_refuses(
    hotline: HotlineProcess, tmp_path: Path
) -> None:
    """Counts, duplicates, refused rows with line and reason in a file only the owner may read."""
    good = [letter("C1", "2026-11-02T09:00"), message("C1", "unit.accepted", "2026-11-02T10:00")]
    torn = '{"id": "x", "at": "2026-11-02T09:00", "type": "ticket.recei'
    future = json.dumps(letter("C2", "2090-01-01T00:00"))
    feed = tmp_path / "feed.jsonl"
    lines = [json.dumps(m, ensure_ascii=False) for m in good]
    feed.write_text("\n".join([*lines, torn, future]) + "\n", "utf-8")
    first = hotline.json("feed", feed, code=1)
    assert first == {"read": 4, "enqueued": 2, "duplicate": 0, "refused": 2}
    again = hotline.json("feed", feed, code=1)
    assert again == {"read": 4, "enqueued": 0, "duplicate": 2, "refused": 2}
    kept = hotline.home / "refused.jsonl"
    assert kept.stat().st_mode & 0o077 == 0
    refused = [json.loads(line) for line in kept.read_text("utf-8").splitlines()]
    assert {row["line"] for row in refused} == {3, 4}
    assert all(row["why"] for row in refused)
    piped = hotline.json("feed", "-", stdin=json.dumps(letter("C3", "2026-11-02T09:00")))
    assert piped == {"read": 1, "enqueued": 1, "duplicate": 0, "refused": 0}


def _service(hotline: HotlineProcess, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "scripts", "up", "--headless", *arguments],
        env=hotline.environment,
        cwd=hotline.folder,
        stdout=subprocess.PIPE,
        text=True,
    )


def _role(process: psutil.Process, role: str) -> bool:
    try:
        return role in " ".join(process.cmdline())
    except psutil.Error:
        return False


def test_the_service_on_one_machine(hotline: HotlineProcess, tmp_path: Path) -> None:
    """Fed letters become red tickets; a killed child is started anew and said so; all end."""
    feed = tmp_path / "feed.jsonl"
    old = [letter(f"S{n}", "2026-03-02T09:00", content=f"第{n}封。") for n in range(20)]
    feed.write_text("\n".join(json.dumps(m) for m in old), "utf-8")
    hotline("feed", feed)
    service = _service(hotline)
    try:
        parent = psutil.Process(service.pid)
        killed: set[str] = set()
        until = time.monotonic() + 60
        rows: list[dict[str, object]] = []
        while time.monotonic() < until and (len(killed) < 2 or len(rows) < 20):
            for role in ("hotline worker", "valkey-server"):
                result = [p for p in parent.children(recursive=True) if _role(p, role)]
                if role not in killed and result and rows:
                    os.kill(result[0].pid, signal.SIGKILL)
                    killed.add(role)
            rows = hotline.json("queue", "--level", "red")
        assert {row["ticket"] for row in rows} == {f"S{n}" for n in range(20)}
        log_ = hotline.home / "service.log"
        while time.monotonic() < until and log_.read_text("utf-8").count("restarting it") < 2:
            time.sleep(0.1)
        children = parent.children(recursive=True)
        assert unnamed_files(hotline.home) == []
        hotline("backup", tmp_path)
        service.send_signal(signal.SIGINT)
        output, _ = service.communicate(timeout=30)
    finally:
        service.kill()
    assert service.returncode == 0
    assert unnamed_files(hotline.home) == []
    last = json.loads(output.splitlines()[-1])
    assert (last["tickets"], last["red"]) == (20, 20)
    assert log_.read_text("utf-8").count("restarting it") >= 2
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive
    log = hotline.lines("log", "S1")
    assert [e["seq"] for e in log] == list(range(1, len(log) + 1))
    levels = [e["level"] for e in log if e["event"] == "alert.raised"]
    assert levels == ["prewarning", "yellow", "red"]
    ticket = hotline.json("show", "S1")
    assert ticket["claimant"] == {"name": "测**", "phone": "139****1111", "contact": "wanted"}
    assert [a["to"] for a in ticket["alerts"]][-1].endswith("principal_leader")
    words = hotline("show", "S1").stdout
    assert "red card" in words
    assert "principal leader" in words
    assert "overdue" in words and "running" not in words
    assert not re.search(r"[a-z]_[a-z]", words)
    assert ticket["why"]["due"] == ticket["due"]


def test_the_demo_shows_life_and_ends_by_itself(hotline: HotlineProcess) -> None:
    """On an empty home the demo plays in a home of its own and ends with one JSON line."""
    service = _service(hotline, "--demo", "--for", "14")
    output, _ = service.communicate(timeout=60)
    assert service.returncode == 0
    last = json.loads(output.splitlines()[-1])
    assert last["tickets"] > 20
    assert (hotline.home / "demo" / "hotline.db").exists()
    assert not (hotline.home / "hotline.db").exists()
    # who comes later goes by the demo's clock, and is told so
    checks = hotline("doctor", HOME=str(hotline.home / "demo"), code=1).stdout
    assert "the store is a demo's: its clock shows 2026-11-" in checks


def test_a_new_arrangement_of_days_moves_open_clocks(
    hotline: HotlineProcess, tmp_path: Path
) -> None:
    """A dry run only shows; the import moves the clock with the document as its reason."""
    now = hotline.json("feed", "-", stdin=json.dumps(letter("D1", "2026-11-20T09:00")))
    assert now["enqueued"] == 1
    service = _service(hotline, "--for", "6")
    service.communicate(timeout=60)
    before = hotline.json("queue")[0]["due"]
    days = tmp_path / "days.csv"
    due_day = before[:10]
    days.write_text(f"date,kind,document\n{due_day},off,市府通知\n", "utf-8")
    assert "Nothing has been changed" in hotline("calendar", "import", days, "--dry-run").stdout
    assert hotline.json("queue")[0]["due"] == before
    hotline("calendar", "import", days)
    assert hotline.json("queue")[0]["due"] > before
    moved = [e for e in hotline.lines("log", "D1") if e["event"] == "clock.moved"]
    assert moved
    assert "市府通知" in moved[0]["why"]
    declared = [
        d for d in hotline.lines("calendar", "show", due_day[:4])[0] if d["date"] == due_day
    ]
    assert declared[0]["counts"] is False
    days.write_text("2026-13-01,off,x\n", "utf-8")
    assert "line 1" in hotline("calendar", "import", days, code=1).stderr


def test_units_are_checked_before_they_are_taken(hotline: HotlineProcess, tmp_path: Path) -> None:
    """An alias of two units is refused with both names; a good file replaces the units."""
    prepared_home(hotline.home)
    file = tmp_path / "units.toml"
    file.write_text('[[unit]]\nname="甲局"\naliases=["乙局"]\n[[unit]]\nname="乙局"\n', "utf-8")
    error = hotline("units", "import", file, code=1).stderr
    assert "甲局" in error
    assert "乙局" in error
    file.write_text('territory=["某区"]\n[[unit]]\nname="甲局"\naliases=["甲"]\n', "utf-8")
    output = hotline("units", "import", file, "--dry-run").stdout
    assert "甲局" in output
    assert "Nothing has been changed" in output
    assert hotline.json("units", "import", file)["added"] == ["甲局"]
    assert hotline("units", "import", file).stdout == "1 unit.\n"
    assert hotline.json("units", "find", "某区甲局") == {"某区甲局": "甲局"}
    assert "not known" in hotline("units", "find", "乙局", code=1).stdout


def test_a_replay_is_the_same_twice_and_compares(hotline: HotlineProcess, tmp_path: Path) -> None:
    """Same file, same bytes; and what another policy would have changed."""
    lives = Path(__file__).parents[1] / "scenarios" / "examples" / "01.jsonl"
    assert hotline("replay", lives, "--json").stdout == hotline("replay", lives, "--json").stdout
    other = tmp_path / "other"
    other.mkdir()
    shipped = Path(__file__).parents[2] / "models" / "policy" / "example-district.toml"
    (other / "policy.toml").write_text(shipped.read_text("utf-8"), "utf-8")
    differing = hotline.lines("replay", lives, "--against", other)
    assert differing
    assert all(difference["was"] != difference["would_be"] for difference in differing)


def test_help_is_there_for_every_command_and_quick(hotline: HotlineProcess) -> None:
    """--help everywhere, and no command that touches no store imports the store."""
    for words in ([], ["up"], ["feed"], ["calendar", "import"], ["replay"], ["db", "upgrade"]):
        assert "--help" in hotline(*words, "--help").stdout
    script = (
        "import sys\nfrom scripts.cli import main\n"
        "sys.argv = ['hotline', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "assert not {'sqlalchemy', 'dramatiq', 'textual', 'chinese_calendar'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
