"""`hotline export` and `hotline import`: for archive and auditors, and for another store."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from models.database import Store
from models.security.anchors import leaf, merkle_path, merkle_root, root_by_path
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import RESULT, advance_tickets, at, feed, letter, message

NOW = at("2026-11-20T09:00")
PHONE = "13900001111"


def _fill(store: Store) -> None:
    life = [
        letter("X1", "2026-11-02T09:00", title="=1+1", content=f"电话{PHONE}，路灯坏了"),
        message("X1", "unit.accepted", "2026-11-02T10:00:00+08:00"),
        message("X1", "claimant.supplemented", "2026-11-02T11:00:00+08:00", text=f"再打{PHONE}"),
        message("X1", "result.submitted", "2026-11-03T10:00:00+08:00", **RESULT),
        letter("X2", "2026-11-10T09:00"),
    ]
    feed(store, life, NOW)
    advance_tickets(store, ["X1", "X2"], NOW)


pytestmark = pytest.mark.store(fill=_fill, shared=True)


def _rows(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_tickets_are_exported_redacted_and_proved(
    hotline: InProcessHotline, tmp_path: Path
) -> None:
    """Of a time, with everything of them, the same in both forms; checked without the store."""
    folder = tmp_path / "out"
    hotline("export", folder, "--since", "2026-11-02T00:00", "--until", "2026-11-05T00:00")
    tickets, events = _rows(folder / "tickets.jsonl"), _rows(folder / "events.jsonl")
    assert [ticket["number"] for ticket in tickets] == ["X1"]
    assert tickets[0]["hash"] == events[-1]["hash"] and tickets[0]["lines"] == len(events)
    assert {row["ticket"] for row in _rows(folder / "clocks.jsonl")} == {"X1"}
    assert _rows(folder / "notices.jsonl")
    with (folder / "events.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["hash"] for row in table] == [event["hash"] for event in events]
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o077 == 0
        assert PHONE not in path.read_bytes().decode("utf-8", "replace")
    (proof,) = _rows(folder / "proofs.jsonl")
    assert events[proof["seq"] - 1]["hash"].startswith(proof["digest"])
    key = hotline("anchors", "key").stdout.strip()
    nowhere: dict[str, Any] = {"HOME": str(tmp_path / "nowhere"), "DATABASE_URL": ""}
    checked = hotline("export", folder, "--check", "--key", key, **nowhere)
    assert "is as it was exported" in checked.stdout
    other_key = "00" * 32
    assert "not signed" in hotline("export", folder, "--check", "--key", other_key, code=1).stderr
    assert "is there already" in hotline("export", folder, code=1).stderr
    assert "no such ticket" in hotline("export", tmp_path / "y", "--ticket", "?", code=1).stderr
    assert not (tmp_path / "y").exists()


@pytest.mark.parametrize("name", ["events.jsonl", "proofs.jsonl", "manifest.json"])
def test_an_altered_folder_is_told(hotline: InProcessHotline, tmp_path: Path, name: str) -> None:
    """Whatever file is altered, taken away or added."""
    folder = tmp_path / "out"
    hotline("export", folder, "--ticket", "X1")
    content = (folder / name).read_bytes()
    for is_there in (True, False):
        (folder / name).write_bytes(content + b" ")
        if not is_there:
            (folder / name).unlink()
        assert "not as it was exported" in hotline("export", folder, "--check", code=1).stderr
    (folder / name).write_bytes(content)
    hotline("export", folder, "--check")
    (folder / "more").touch()
    assert "more" in hotline("export", folder, "--check", code=1).stderr


def test_texts_in_clear_are_for_whoever_may_see_them(
    hotline: InProcessHotline, tmp_path: Path, store: Store
) -> None:
    """With a reason, on record; never a formula in a table."""
    folder = tmp_path / "clear"
    assert "say why" in hotline("export", folder, "--reveal", code=2).stderr
    hotline("export", folder, "--ticket", "X1", "--reveal", "--reason", "信访复查")
    (ticket,) = _rows(folder / "tickets.jsonl")
    assert ticket["phone"] == PHONE and ticket["title"] == "=1+1"
    assert f"再打{PHONE}" in (folder / "events.jsonl").read_text("utf-8")
    assert "'=1+1" in (folder / "tickets.csv").read_text("utf-8")
    log = [json.loads(line) for line in hotline("access", "--json").stdout.splitlines()]
    assert ("reveal", "X1") in {(line["act"], line["ticket"]) for line in log}
    assert any(line["act"] == "export" for line in log)


def test_proofs_lead_to_the_root() -> None:
    """From every leaf of trees of every small size."""
    for size in range(1, 10):
        leaves = [leaf(n, bytes([n])) for n in range(size)]
        for place, node in enumerate(leaves):
            path = merkle_path(leaves, place)
            assert root_by_path(node, place, path) == merkle_root(leaves)
            assert size == 1 or root_by_path(b"x" * 32, place, path) != merkle_root(leaves)


def test_a_whole_store_is_imported(
    hotline: InProcessHotline, tmp_path: Path, other_url: str
) -> None:
    """Into an empty one, which is then its equal; not among rows, and nothing else."""
    whole, there = tmp_path / "whole", {"DATABASE_URL": other_url}
    hotline("export", whole, "--whole")
    hotline("export", tmp_path / "some", "--ticket", "X1")
    assert "--whole" in hotline("import", tmp_path / "some", code=1, DATABASE_URL=other_url).stderr
    assert "imported: 2 tickets" in hotline("import", whole, DATABASE_URL=other_url).stdout
    assert hotline.json("log", "--verify", **there)["findings"] == []
    assert hotline.json("queue", **there) == hotline.json("queue")
    assert "has rows" in hotline("import", whole, code=1, DATABASE_URL=other_url).stderr
    hotline("export", tmp_path / "again", "--whole", DATABASE_URL=other_url)
