"""`hotline policy`, and the commands that say which policy they go by."""

import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from models.rules.calendar import announced_years
from tests.rules.district import POLICY_TEXT
from tests.scripts.hotline_in_process import InProcessHotline
from tests.scripts.hotline_process import HotlineProcess
from tests.scripts.log_lines import log_lines
from tests.store.factories import letter, message, prepared_home

NEXT = announced_years()[-1] + 1
"""The first year that the calendar's library does not know."""


@pytest.fixture
def hotline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> InProcessHotline:
    """The command with a home of its own."""
    return InProcessHotline(tmp_path / "home", monkeypatch, capsys)


@pytest.fixture
def edited(tmp_path: Path) -> Any:
    """Write a policy with another term for complaints; returns its path."""

    def write(term: str, valid_from: str = "2023-01-01", more: str = "") -> Path:
        text = POLICY_TEXT.replace('complaint = "7 workdays"', f'complaint = "{term}"{more}')
        path = tmp_path / f"{term} {valid_from}.toml"
        path.write_text(text.replace("valid_from = 2023-01-01", f"valid_from = {valid_from}"))
        return path

    return write


def test_the_life_of_a_version(hotline: InProcessHotline, edited: Any) -> None:
    hotline("db", "upgrade")
    file = edited("5 workdays", "2026-07-01")
    preview = hotline.json("policy", "import", file, "--dry-run")
    assert (preview["version"], preview["compared_with"], preview["dry_run"]) == (2, 1, True)
    assert {"path": "terms.complaint", "before": "7 workdays", "after": "5 workdays"} in (
        preview["changes"]
    )
    assert "none would differ" in hotline("policy", "import", file, "--dry-run").stdout
    assert len(hotline.json("policy", "list")) == 1, "nothing was imported"
    assert "terms.complaint: 7 workdays -> 5 workdays" in hotline("policy", "import", file).stdout
    assert "nothing is imported" in hotline("policy", "import", file).stdout
    first, second = hotline.json("policy", "list")
    assert (first["holds_until"], second["holds_from"]) == ("2026-07-01", "2026-07-01")
    assert hotline.json("policy", "show", "2")["text"] == file.read_text()
    assert hotline("policy", "show", "1").stdout.endswith(POLICY_TEXT)
    assert "1, 2" in hotline("policy", "show", "7", code=1).stderr
    assert hotline.json("policy", "withdraw", "2", "--dry-run")["moved"] == []
    assert "Version 2 is withdrawn" in hotline("policy", "withdraw", "2").stdout
    first, second = hotline.json("policy", "list")
    assert (first["holds_until"], second["holds_from"]) == (None, None)
    assert second["withdrawn_at"]
    assert "only one left" in hotline("policy", "withdraw", "1", code=1).stderr


def test_a_dry_run_shows_what_open_tickets_would_have_had(
    hotline: InProcessHotline, edited: Any, tmp_path: Path
) -> None:
    (tmp_path / "letters.jsonl").write_text(
        "\n".join(map(json.dumps, [
            letter("T1", "2026-11-02T09:00:00+08:00"),
            message("T1", "unit.accepted", "2026-11-02T10:00:00+08:00"),
        ]))
    )  # fmt: skip
    prepared_home(hotline.home)
    units = tmp_path / "units.toml"
    units.write_text('[[unit]]\nname = "城管局"\nkind = "department"\n')
    hotline("units", "import", units)
    hotline("feed", tmp_path / "letters.jsonl")
    from tests.store.factories import advance_tickets, at

    with _store(hotline) as store:
        advance_tickets(store, ["T1"], at("2026-11-02T10:00"))
    file = edited("5 workdays")
    preview = hotline.json("policy", "import", file, "--dry-run")
    assert preview["open_tickets"] == [
        {
            "ticket": "T1",
            "clock": "handling",
            "was": "2026-11-11T17:30:00+08:00",
            "due": "2026-11-09T17:30:00+08:00",
        }
    ]
    assert "Open tickets keep the version" in hotline("policy", "import", file, "--dry-run").stdout


def _store(hotline: InProcessHotline) -> Any:
    from models.settings import load_settings
    from scripts.bootstrap import use_store

    return use_store(load_settings({"HOTLINE_HOME": str(hotline.home)}))


def test_a_file_is_checked_with_the_line_that_is_wrong(
    hotline: InProcessHotline, edited: Any
) -> None:
    output = hotline.json("policy", "check", edited("5 workdays", "2027-01-01"))
    assert (output["valid_from"], output["lacking_terms"]) == ("2027-01-01", [])
    file = edited("5 workdays")
    file.write_text(file.read_text().replace('"7 days" #', '"5 workdays" #'))
    error = hotline("policy", "check", file, code=1).stderr
    assert "intake.wait_for_receipt" in error and "line " in error


def test_the_file_of_the_settings_is_imported_once(hotline: InProcessHotline, edited: Any) -> None:
    """Only into a store without a policy; then `doctor` says that it differs, and what to do."""
    first, second = edited("5 workdays"), edited("6 workdays")
    hotline("db", "upgrade", POLICY=str(first))
    hotline("db", "upgrade", POLICY=str(second))
    (version,) = hotline.json("policy", "list", POLICY=str(second))
    assert hotline.json("policy", "show")["text"] == first.read_text()
    notes = _policy_checks(hotline, POLICY=str(second))
    (note,) = [c for c in notes if "terms.complaint" in c["told"]]
    assert f"version {version['version']}" in note["told"]
    assert "policy import" in note["advice"] and note["state"] == "note"
    assert all(c["state"] == "good" for c in _policy_checks(hotline, POLICY=str(first)))
    later = edited("6 workdays", "2027-01-01")
    (note,) = [c for c in _policy_checks(hotline, POLICY=str(later)) if c["state"] == "note"]
    assert "2027-01-01" in note["told"]
    second.write_text("nonsense")
    (note,) = [c for c in _policy_checks(hotline, POLICY=str(second)) if c["state"] == "note"]
    assert "not valid TOML" in note["told"]


def test_a_starting_service_says_that_the_file_differs(
    hotline: InProcessHotline, edited: Any, tmp_path: Path
) -> None:
    hotline("db", "upgrade", POLICY=str(edited("5 workdays")))
    process = HotlineProcess(hotline.home, tmp_path)
    file = edited("6 workdays")
    up = ("up", "--headless", "--for", "1", "--workers", "1")
    service = process(*up, POLICY=str(file), LOG="json")
    (note,) = log_lines(service.stderr)
    assert f"{file} differs from version 1 in the store: terms.complaint" in note["event"]
    # its processes write to the same file
    log = log_lines((hotline.home / "service.log").read_text(encoding="utf-8"))
    assert note in log
    assert {line["logger"] for line in log} == {"hotline.service", "hotline.main"}
    assert len(hotline.json("policy", "list")) == 1
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "scripts", "timekeeper"],
        env=process.environment
        | {"HOTLINE_POLICY": str(file), "HOTLINE_BROKER_URL": "redis://127.0.0.1:1/0"},
        stderr=subprocess.PIPE,
        text=True,
    ) as alone:
        assert alone.stderr is not None
        warned = any("HOTLINE_POLICY" in line and "differs" in line for line in alone.stderr)
        alone.terminate()
    assert warned


def test_doctor_names_terms_that_a_stored_policy_lacks(
    hotline: InProcessHotline, tmp_path: Path
) -> None:
    lines = [line for line in POLICY_TEXT.splitlines() if not line.startswith("result_review")]
    file = tmp_path / "older.toml"
    file.write_text("\n".join(lines))
    hotline("db", "upgrade", POLICY=str(file))
    (note,) = [c for c in _policy_checks(hotline) if c["state"] == "note"]
    assert note["told"].endswith("does not set the terms result_review")


def _policy_checks(hotline: InProcessHotline, **settings: str) -> list[dict[str, str]]:
    results = hotline.json("doctor", code=1, **settings)
    return [check for check in results if check["check"] == "policy"]


def _due(hotline: InProcessHotline, *more: str | Path, **settings: Any) -> Any:
    begin = more[0] if more and "T" in str(more[0]) else "2026-11-02T10:00"
    rest = more[1:] if begin in more else more
    return hotline.json("due", "--from", begin, *rest, **settings)


def test_due_goes_by_the_version_that_was_in_force(hotline: InProcessHotline, edited: Any) -> None:
    later = edited("4 workdays", "2027-01-01")
    by_file = _due(hotline, POLICY=str(later))
    assert by_file["policy"]["version"] is None
    assert str(later) in by_file["policy"]["why"]
    assert by_file["policy"]["why"].endswith("valid from 2027-01-01, which comes later")
    assert "no store" in hotline("due", "--from", "2026-11-02T10:00").stderr
    hotline("db", "upgrade")
    hotline("policy", "import", later)
    in_2026 = _due(hotline, POLICY=str(later))
    assert (in_2026["due"], in_2026["policy"]["version"]) == ("2026-11-11T17:30:00+08:00", 1)
    assert in_2026["policy"]["valid_from"] == "2023-01-01"
    assert _due(hotline, f"{NEXT}-03-01T10:00")["policy"]["version"] == 2
    older = _due(hotline, "2022-11-02T10:00")["policy"]
    assert (older["version"], older["why"].endswith("the first there is")) == (1, True)
    assert _due(hotline, "--policy", later)["due"] == "2026-11-06T17:30:00+08:00"
    assert "By version 1" in hotline("due", "--from", "2026-11-02T10:00").stdout


def test_a_legal_limit_is_explained(hotline: InProcessHotline) -> None:
    days = _due(hotline, "--days", "5")
    assert (days["due"], days["term"], days["clause"]) == (
        "2026-11-09T17:30:00+08:00", "5 calendar days", "3.4.5"
    )  # fmt: skip
    hours = _due(hotline, "2026-09-30T10:00", "--hours", "48")
    assert hours["due"] == "2026-10-02T10:00:00+08:00"
    assert all(day["counts"] and "day and night" in day["why"] for day in hours["days"])
    longer = _due(hotline, "--workdays", "10")
    assert longer["due"] == "2026-11-11T17:30:00+08:00"
    assert longer["notes"] == [
        "a limit of 10 working days by law changes nothing (Regulation 3.4.5)"
    ]
    assert "changes nothing" in hotline("due", "--from", "2026-11-02T10:00",
                                       "--workdays", "10").stdout  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--hours", "99999999999"], "--hours"),
        (["--hours", "10001"], "10000"),
        (["--days", "0"], "--days"),
        (["--days", "3", "--hours", "5"], "give one of"),
    ],
)
def test_a_limit_that_cannot_be_meant_is_refused(
    hotline: InProcessHotline, arguments: list[str], says: str
) -> None:
    error = hotline("due", "--from", "2026-11-02T10:00", *arguments, code=2).stderr
    assert says in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("begin", ["9999-12-31T10:00", "0001-01-01T00:00", "2150-01-01T00:00"])
def test_a_year_without_a_calendar_is_refused(hotline: InProcessHotline, begin: str) -> None:
    assert "1950 and 2100" in hotline("due", "--from", begin, code=2).stderr


def test_a_replay_holds_several_policies(
    hotline: InProcessHotline, edited: Any, tmp_path: Path
) -> None:
    """Each ticket runs under the one that was in force when it was received (7.2)."""
    lines = [
        line
        for ticket, day in (("T1", "2026-11-02"), ("T2", "2026-11-09"))
        for line in (
            letter(ticket, f"{day}T09:00:00+08:00"),
            message(ticket, "unit.accepted", f"{day}T10:00:00+08:00"),
        )
    ]
    file = tmp_path / "letters.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    policies = ["--policy", edited("5 workdays", "2026-11-05"), "--policy", edited("6 workdays")]
    events = hotline.lines("replay", file, *policies)
    dues = {
        e["ticket"]: e["due"]
        for e in events
        if e["event"] == "clock.started" and e["clock"] == "handling"
    }
    assert dues == {"T1": "2026-11-10T17:30:00+08:00", "T2": "2026-11-16T17:30:00+08:00"}


def test_the_arrangement_of_a_year_is_declared(hotline: InProcessHotline, tmp_path: Path) -> None:
    prepared_home(hotline.home)
    file = tmp_path / "days.csv"
    file.write_bytes(f"日期,安排,文件\n{NEXT}/1/4,放假,国办通知\n".encode("gb18030"))
    preview = hotline.json("calendar", "import", file, "--year", str(NEXT), "--dry-run")
    assert (preview["days"], preview["year"], preview["dry_run"]) == (1, NEXT, True)
    assert any(day["provisional"] for day in hotline.json("calendar", "show", str(NEXT)))
    output = hotline("calendar", "import", file, "--year", str(NEXT)).stdout
    assert f"{NEXT} is declared as a whole" in output
    days = hotline.json("calendar", "show", str(NEXT))
    first = date(NEXT, 1, 1)
    assert [d["date"] for d in days] == [str(first + timedelta(n)) for n in range(len(days))]
    assert not any(day["provisional"] for day in days)
    assert days[3] == {"date": f"{NEXT}-01-04", "counts": False, "provisional": False,
                       "why": "declared off: 国办通知"}  # fmt: skip
    due = _due(hotline, f"{NEXT - 1}-12-30T10:00")
    assert due["provisional"] is False
    other = str(NEXT + 1)
    assert "no day of" in hotline("calendar", "import", file, "--year", other, code=1).stderr
