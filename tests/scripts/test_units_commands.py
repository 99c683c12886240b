"""`hotline units`: export, import, rename and merge, and what a replay makes of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.scripts.hotline_process import HotlineProcess
from tests.store.factories import letter, message, prepared_home

UNIT = "城市管理和综合执法局"
"""The unit of the shipped file that is also called 城管局."""

UNITS = """\
territory = ["某区"]

[[unit]]
name = "甲局"
aliases = ["甲"]
phone = "0754-1"

[[unit.rule]]
words = ["井盖"]

[[unit]]
name = "乙局"
parent = "甲局"
"""


@pytest.fixture
def hotline(tmp_path: Path) -> HotlineProcess:
    """The command with a home of the test's own."""
    return HotlineProcess(tmp_path / "home", tmp_path)


def test_units_are_exported_changed_and_imported_again(
    hotline: HotlineProcess, tmp_path: Path
) -> None:
    """The ids in the file say who is who; without a change nothing changes."""
    assert "hotline" in hotline("units", "export", code=1).stderr
    assert not hotline.home.exists()
    prepared_home(hotline.home)
    file = tmp_path / "units.toml"
    file.write_text(UNITS, "utf-8")
    hotline("units", "import", file)
    text = hotline("units", "export").stdout
    assert text.count("id = ") == 2
    assert "--overwrite" in hotline("units", "export", file, code=1).stderr
    in_home = hotline("units", "export", hotline.home / "units.toml", "--overwrite", code=1)
    assert "home" in in_home.stderr
    hotline("units", "export", file, "--overwrite")
    assert file.read_text("utf-8") == text
    assert hotline("units", "import", file).stdout == "2 units.\n"
    file.write_text(text.replace("甲局", "丙局"), "utf-8")
    planned = hotline.json("units", "import", file, "--dry-run")
    assert (planned["renamed"], planned["dry_run"]) == ({"甲局": "丙局"}, True)
    assert "甲局 to 丙局" in hotline("units", "import", file).stdout
    assert hotline.json("units", "find", "甲局", "丙局") == {"甲局": "丙局", "丙局": "丙局"}


def test_units_are_renamed_and_merged(hotline: HotlineProcess, tmp_path: Path) -> None:
    """A dry run changes nothing, and what cannot be is refused with what to do."""
    prepared_home(hotline.home)
    file = tmp_path / "units.toml"
    file.write_text(UNITS, "utf-8")
    hotline("units", "import", file)
    assert "甲局 to 丁局" in hotline("units", "rename", "甲", "丁局", "--dry-run").stdout
    assert "丁局" not in hotline("units", "export").stdout
    error = hotline("units", "rename", "甲局", "乙局", code=1).stderr
    assert "merge 甲局 --into 乙局" in error
    hotline("units", "rename", "甲", "丁局")
    assert 'parent = "丁局"' in hotline("units", "export").stdout
    assert hotline.json("units", "merge", "丁局", "--into", "乙局")["merged"] == {"丁局": "乙局"}
    assert hotline.json("units", "find", "甲", "甲局", "丁局", "乙局") == dict.fromkeys(
        ("甲", "甲局", "丁局", "乙局"), "乙局"
    )


def test_a_body_above_itself_is_refused(hotline: HotlineProcess, tmp_path: Path) -> None:
    """With the line of the file."""
    prepared_home(hotline.home)
    file = tmp_path / "units.toml"
    file.write_text(UNITS.replace('phone = "0754-1"', 'parent = "乙局"'), "utf-8")
    error = hotline("units", "import", file, code=1).stderr
    assert "line 6" in error
    assert "above itself" in error


def test_a_replay_passes_tickets_on(hotline: HotlineProcess, tmp_path: Path) -> None:
    """From `unit.succeeded` on both names speak for the successor, late messages in their time."""
    raws: list[dict[str, Any]] = [
        letter("T1", "2026-11-02T09:00:00+08:00"),
        message("T1", "unit.accepted", "2026-11-02T10:00:00+08:00"),
        message("T1", "unit.succeeded", "2026-11-03T09:00:00+08:00", successor="市容局"),
        message("T1", "progress.reported", "2026-11-03T10:00:00+08:00", text="在办"),
        message("T1", "progress.reported", "2026-11-03T11:00:00+08:00", text="二", unit="市容局"),
        message(
            "T1", "progress.reported", "2026-11-02T11:00:00+08:00", text="三",
            arrived="2026-11-03T12:00:00+08:00",
        ),
    ]  # fmt: skip
    file = tmp_path / "life.jsonl"
    file.write_text("".join(f"{json.dumps(raw)}\n" for raw in raws), "utf-8")
    events = hotline.lines("replay", file)
    names = [event["event"] for event in events]
    assert names.count("progress.reported") == 3
    assert "message.refused" not in names
    succeeded = next(event for event in events if event["event"] == "unit.succeeded")
    assert (succeeded["unit"], succeeded["successor"]) == (UNIT, "市容局")


def test_a_replay_copies_cards_to_the_parent(hotline: HotlineProcess, tmp_path: Path) -> None:
    """The units of `--units` say whose body a unit is."""
    units = tmp_path / "units.toml"
    units.write_text(UNITS, "utf-8")
    file = tmp_path / "life.jsonl"
    first = letter("T1", "2026-11-02T09:00:00+08:00", unit="乙局")
    file.write_text(json.dumps(first) + "\n", "utf-8")
    until = "2026-11-13T09:00:00+08:00"
    events = hotline.lines("replay", file, "--units", units, "--until", until)
    cards = [
        (event["role"], event["unit"], event.get("body"))
        for event in events
        if event["event"] == "notice.queued" and event["kind"] == "yellow"
    ]
    assert cards == [("deputy_leader", "乙局", None), ("deputy_leader", "甲局", "乙局")]
