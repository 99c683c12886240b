"""The file that notices go to: whole lines, also where the disk is full or the machine stopped."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.operations.notices.record import ChannelFailed, OutgoingNotice
from tests.store.factories import at
from workers.notices.builtin_channels import FileChannel


def _letter(number: int) -> OutgoingNotice:
    name = f"T{number}-1"
    unit, moment = "住房和城乡建设局", at("2026-10-15T08:30")
    return OutgoingNotice(
        row=number,
        id=name,
        ticket=f"T{number}",
        title="水管爆裂",
        kind="yellow",
        role="deputy_leader",
        recipient=f"{unit}/deputy_leader",
        unit=unit,
        lead=unit,
        level="yellow",
        due=moment,
        queued_at=moment,
    )


def _said(_letter: OutgoingNotice) -> str:
    return "黄牌：请速办"


def _ids(file: Path) -> list[str]:
    return [json.loads(line)["id"] for line in file.read_text("utf-8").splitlines()]


@contextmanager
def _no_file_over(size: int) -> Iterator[None]:
    """What is written beyond this size does not go in, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_line_that_does_not_go_in_whole_is_taken_back(tmp_path: Path) -> None:
    """The disk fills up in the middle of a letter: what was there stands, and the next one fits."""
    file = tmp_path / "notices.jsonl"
    channel = FileChannel(file)
    channel([_letter(1)], _said)
    before = file.read_bytes()
    with _no_file_over(len(before) * 2 - 20), pytest.raises(ChannelFailed, match=r"notices\.jsonl"):
        channel([_letter(2), _letter(3)], _said)
    assert file.read_bytes() == before
    channel([_letter(2), _letter(3)], _said)
    assert _ids(file) == ["T1-1", "T2-1", "T3-1"]


def test_a_line_torn_by_a_stopped_machine_spoils_no_other(tmp_path: Path) -> None:
    """What comes after it begins a line of its own."""
    file = tmp_path / "notices.jsonl"
    file.write_bytes('{"id": "T1-1", "kind": "黄'.encode()[:-1])
    FileChannel(file)([_letter(2)], _said)
    torn, whole = file.read_bytes().splitlines()
    assert torn.startswith(b'{"id": "T1-1"')
    assert json.loads(whole)["id"] == "T2-1"
