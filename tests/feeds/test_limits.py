"""Feeds made to fill the memory, the disk or a day: each ends soon, with a reason."""

import io
import time
from pathlib import Path

import pytest

from models.rules.limits import CELL_CHARACTERS, KEPT_CHARACTERS, XML_EQUAL_NAMES
from models.security.encryption import Cipher
from models.security.keys import KeyRing, new_key
from scripts.ingest import refused_rows
from scripts.ingest.feed_reader import read_feed
from scripts.ingest.records import FeedRecord
from scripts.ingest.refused_rows import append_refused

HEAD = "留言编号,留言用户,留言主题,留言时间,留言详情\n"
ROW = "{n},某女士,路灯不亮,2026/9/3 8:05:07,坏了两周。\n"


def _xml(names: int) -> bytes:
    children = b"<a>1</a>" * names
    return (
        b"<?xml version='1.0'?><service_requests><request>" + children + b"</request><request>"
        b"<service_request_id>1</service_request_id><status>open</status>"
        b"<service_name>Light</service_name><description>out</description>"
        b"<address>1 MAIN ST</address><agency_responsible>City</agency_responsible><status_notes/>"
        b"<requested_datetime>2026-11-02T09:00:00Z</requested_datetime>"
        b"<updated_datetime>2026-11-03T09:00:00Z</updated_datetime></request></service_requests>"
    )


def test_equal_names_in_xml_take_no_quadratic_time() -> None:
    """20,000 elements of one name took a minute: each was compared with all before it."""
    started = time.process_time()
    records = list(read_feed(io.BytesIO(_xml(20_000)), name="a.xml"))
    assert time.process_time() - started < 5
    assert [record.message is None for record in records] == [True, False]


def test_some_equal_names_are_all_kept() -> None:
    from scripts.ingest.readers.georeport import elements

    (first, _second) = elements(io.BytesIO(_xml(XML_EQUAL_NAMES)))
    assert isinstance(first.value, dict)
    assert len(first.value) == XML_EQUAL_NAMES
    assert list(first.value)[:3] == ["a", "a+", "a++"]


def test_a_quotation_mark_that_is_not_closed_keeps_little() -> None:
    """1 GB behind it became 1.4 GB of refused rows."""
    rows = 12 * CELL_CHARACTERS // len(ROW)
    text = HEAD + '0,"某女士,路灯不亮,2026/9/3 8:05:07,坏了两周。\n'
    text += "".join(ROW.format(n=n) for n in range(1, rows))
    refused = [r for r in read_feed(io.BytesIO(text.encode())) if r.message is None]
    assert refused
    assert sum(len(str(record.raw)) for record in refused) <= KEPT_CHARACTERS * len(refused)


def test_a_full_file_of_refused_rows_lists_the_rest_without_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused_rows, "REFUSED_BYTES", 10_000)
    file = tmp_path / "refused.jsonl"
    cipher = Cipher(KeyRing((new_key(),), 0))
    record = FeedRecord(1, "s", None, None, "x" * 4_000)
    for _time in range(10):
        append_refused(file, "feed", [record], cipher)
    lines = file.read_bytes().splitlines()
    assert len(lines) == 10
    assert file.stat().st_size < 20_000
