"""HOTLINE_LOG=json: whatever is said beside the output, by commands too, is an object a line."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.scripts.hotline_process import HotlineProcess


def _log_lines(text: str) -> list[dict[str, Any]]:
    """The lines as objects; each has a time of Shanghai, a level, a logger and what happened."""
    lines = [json.loads(line) for line in text.splitlines()]
    for record in lines:
        assert datetime.fromisoformat(record["timestamp"]).utcoffset() == timedelta(hours=8)
        assert {"level", "logger", "event"} <= record.keys()
    return lines


def test_notes_and_errors_of_commands(tmp_path: Path) -> None:
    """A warning and what ended it; without the setting the same are lines for people."""
    hotline = HotlineProcess(tmp_path / "home", tmp_path)
    command = ("show", "nope")
    noted, failed = _log_lines(hotline(*command, code=1, LOG="json", POLCY="x").stderr)
    assert (noted["level"], failed["level"]) == ("warning", "error")
    assert "HOTLINE_POLICY was meant" in noted["event"]
    assert "there is no" in failed["event"]
    for_people = hotline(*command, code=1, POLCY="x").stderr.splitlines()
    assert for_people == [f"hotline: {noted['event']}", f"hotline: {failed['event']}"]
    (usage,) = _log_lines(hotline("feed", "--evry", code=2, LOG="json").stderr)
    assert "--every" in usage["event"]
    # also where another setting cannot be read
    (invalid,) = _log_lines(hotline("queue", code=1, LOG="json", DATABASE_URL="oracle:x").stderr)
    assert "HOTLINE_DATABASE_URL" in invalid["event"]


def test_the_whole_service(tmp_path: Path) -> None:
    """What it prints, and its log, to which its processes write too."""
    hotline = HotlineProcess(tmp_path / "home", tmp_path)
    policy = tmp_path / "policy.toml"
    policy.write_text("# none", encoding="utf-8")
    hotline("db", "upgrade")
    done = hotline(
        *("up", "--headless", "--for", "1", "--workers", "1"), LOG="json", POLICY=str(policy)
    )
    (note,) = _log_lines(done.stderr)
    assert str(policy) in note["event"]
    assert [json.loads(line).keys() for line in done.stdout.splitlines()] != []
    log = _log_lines((hotline.home / "service.log").read_text(encoding="utf-8"))
    assert note in log
    assert {record["logger"] for record in log} == {"hotline.service", "hotline.main"}
