"""HOTLINE_LOG=json: whatever is said beside the output, by commands too, is an object a line."""

from pathlib import Path

from tests.scripts.hotline_process import HotlineProcess
from tests.scripts.log_lines import log_lines


def test_notes_and_errors_of_commands(tmp_path: Path) -> None:
    """A warning and what ended it; without the setting the same are lines for people."""
    hotline = HotlineProcess(tmp_path / "home", tmp_path)
    command = ("show", "nope")
    noted, failed = log_lines(hotline(*command, code=1, LOG="json", POLCY="x").stderr)
    assert (noted["level"], failed["level"]) == ("warning", "error")
    assert "HOTLINE_POLICY was meant" in noted["event"]
    assert "there is no" in failed["event"]
    for_people = hotline(*command, code=1, POLCY="x").stderr.splitlines()
    assert for_people == [f"hotline: {noted['event']}", f"hotline: {failed['event']}"]
    (usage,) = log_lines(hotline("feed", "--evry", code=2, LOG="json").stderr)
    assert "--every" in usage["event"]
    # also where another setting cannot be read
    (invalid,) = log_lines(hotline("queue", code=1, LOG="json", DATABASE_URL="oracle:x").stderr)
    assert "HOTLINE_DATABASE_URL" in invalid["event"]
