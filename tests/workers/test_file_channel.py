"""The file of notices holds whole lines, also after a full disk or a stop of the machine."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.operations.notices.outgoing import ChannelFailed, OutgoingNotice
from tests.workers.dispatching import outgoing_notice
from workers.notices.builtin_channels import FileChannel


def _text(_notice: OutgoingNotice) -> str:
    return "黄牌：请速办"


def _ids(file: Path) -> list[str]:
    return [json.loads(line)["id"] for line in file.read_text("utf-8").splitlines()]


@contextmanager
def _no_file_over(size: int) -> Iterator[None]:
    """Limit files to this size: what is beyond it cannot be written, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_line_that_does_not_go_in_whole_is_taken_back(tmp_path: Path) -> None:
    """The disk fills up in the middle of a line: the file is as before, and the next write fits."""
    file = tmp_path / "notices.jsonl"
    channel = FileChannel(file)
    channel([outgoing_notice(1)], _text)
    before = file.read_bytes()
    with _no_file_over(len(before) * 2 - 20), pytest.raises(ChannelFailed, match=r"notices\.jsonl"):
        channel([outgoing_notice(2), outgoing_notice(3)], _text)
    assert file.read_bytes() == before
    channel([outgoing_notice(2), outgoing_notice(3)], _text)
    assert _ids(file) == ["T1-1", "T2-1", "T3-1"]


def test_a_line_torn_by_a_stopped_machine_spoils_no_other(tmp_path: Path) -> None:
    """The next notice begins a line of its own."""
    file = tmp_path / "notices.jsonl"
    file.write_bytes('{"id": "T1-1", "kind": "黄'.encode()[:-1])
    FileChannel(file)([outgoing_notice(2)], _text)
    torn, whole = file.read_bytes().splitlines()
    assert torn.startswith(b'{"id": "T1-1"')
    assert json.loads(whole)["id"] == "T2-1"
