"""The fuzz targets of feeds: everything that cities and other systems may send as a file."""

import csv
import io
import json
import tempfile
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import msgspec
from openpyxl import Workbook

from models.rules.blind_index import index_terms
from models.rules.messages import Envelope, read_content, read_envelope
from scripts.ingest.feed_reader import FeedOptions, read_feed
from scripts.ingest.mapping_suggestion import suggest_mapping
from scripts.ingest.refused_rows import read_row
from tests.fuzz.target import Target
from tests.store.factories import RESULT, letter, message

MOST = 20_000
"""The most records of one input; a short input must not make more."""


def read_whole(data: bytes) -> None:
    for number, row in enumerate(read_feed(io.BytesIO(data))):
        assert number < MOST
        msgspec.json.encode(msgspec.to_builtins(row.raw, enc_hook=str))
        if row.message is None:
            assert row.why is not None
        else:
            read_message(row.message)


def read_message(raw: Mapping[str, object]) -> None:
    if isinstance(result := read_envelope(raw), Envelope):
        read_content(result.type, raw)
        msgspec.json.encode(raw, order="deterministic")
    index_terms({k: v for k, v in raw.items() if k != "claimant"})


def _suggestion(data: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="hotline-fuzz-") as folder:
        path = Path(folder) / "export.csv"
        path.touch(mode=0o600)
        path.write_bytes(data)
        tomllib.loads(suggest_mapping(path, FeedOptions()))


def _refused_row(data: bytes) -> None:
    row = read_row(data)
    assert row is None or isinstance(row["line"], int)


_LETTERS = [
    letter("F1", "2026-11-02T09:00", address="濠江区达濠街道赤港路8号", emergency="utilities"),
    letter("F2", "2026-11-02T09:00+08:00", statutory_limit={"hours": 24, "basis": "条例"}),
    message("F1", "result.submitted", "2026-11-03T09:00", **RESULT),
    message("F1", "contact.attempted", "2026-11-03T09:00", purpose="first", outcome="reached",
            method="phone"),
]  # fmt: skip
LINES = tuple(json.dumps(m, ensure_ascii=False).encode() for m in _LETTERS)
ROWS = [
    ["留言编号", "留言用户", "留言主题", "留言时间", "留言详情"],
    ["188006", "A1", "路灯不亮", "2019/2/28 7:02:59", "请打13912345678"],
    ["188007", "A2", "=cmd|' /C calc'!A0", "2019/2/30 7:02:59", '引"号\n换行'],
]


def _table(delimiter: str, encoding: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(ROWS)
    return text.getvalue().encode(encoding)


def _workbook() -> bytes:
    book, file = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for row in ROWS:
        sheet.append(row)
    book.save(file)
    return file.getvalue()


_SHEET = "xl/worksheets/sheet1.xml"


def _sheet() -> bytes:
    with zipfile.ZipFile(io.BytesIO(_workbook())) as book:
        return book.read(_SHEET)


def _feed_sheet(data: bytes) -> None:
    """A valid workbook with these bytes as its sheet."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_WHOLE)) as book, zipfile.ZipFile(file, "w") as made:
        for name in book.namelist():
            made.writestr(name, data if name == _SHEET else book.read(name))
    read_whole(file.getvalue())


_WHOLE = _workbook()

REQUESTS = [
    {
        "service_request_id": "17-1",
        "status": "open",
        "service_name": "Street Light Out",
        "requested_datetime": "2026-11-02T09:00:00Z",
        "updated_datetime": "2026-11-03T09:00:00Z",
        "description": "Light is out",
        "agency_responsible": "City",
        "status_notes": None,
        "address": "1 MAIN ST",
        "lat": 41.9,
        "long": -87.6,
        "extended_attributes": {"channel": "phone"},
    }
]
_XML = (
    b"<?xml version='1.0'?><service_requests><request><service_request_id>1</service_request_id>"
    b"<status>open</status><service_name>Light</service_name><description>out</description>"
    b"<address>1 MAIN ST</address><agency_responsible>City</agency_responsible><status_notes/>"
    b"<requested_datetime>2026-11-02T09:00:00Z</requested_datetime>"
    b"<updated_datetime>2026-11-03T09:00:00Z</updated_datetime></request></service_requests>"
)

_ENVELOPES = (
    {"count": 1, "next": None, "results": REQUESTS},
    {"code": 0, "msg": "", "data": {"rows": [], "records": REQUESTS}},
    {"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": REQUESTS[0], "geometry": {"type": "Point",
                                                                    "coordinates": [1.5, 2]}}
    ]},
    {"a": [[1], [{"b": "]}"}]], "issues": [*REQUESTS, {"x": 1}, *REQUESTS]},
)  # fmt: skip

FEED_TARGETS = {
    "feed of messages": Target(read_whole, (b"\n".join(LINES), b"[" + b",".join(LINES) + b"]")),
    "feed of a table": Target(read_whole, (_table(",", "utf-8-sig"), _table("\t", "gbk"))),
    "feed of a workbook": Target(read_whole, (_WHOLE,)),
    "feed of a sheet": Target(_feed_sheet, (_sheet(),)),
    "feed of Open311": Target(read_whole, (json.dumps(REQUESTS).encode(), _XML)),
    "feed of an envelope": Target(
        read_whole,
        (
            *(json.dumps(each).encode() for each in _ENVELOPES),
            b"\n".join(json.dumps(each, indent=1).encode() for each in _ENVELOPES[:2]),
        ),
    ),
    "refused rows": Target(
        _refused_row,
        (b'{"feed":"a.csv","source":"s","line":3,"why":"x","sealed":"AAAA","reason":"AA=="}',),
    ),
    "suggestion": Target(
        _suggestion,
        (
            (
                "工单编号,来电时间,诉求内容,满意度,办结时间,办理状态\n"
                "1,2026-10-12 8:30,坏了,满意,2026-10-13,办结\n"
            ).encode(),
            json.dumps(REQUESTS).encode(),
            b'{"page": 1, "results": [{"id": 1, "date": "2026-01-05", "notes": [{"a": 1}]}]}',
            b"id;created;title\n1;03/09/2026;a\n2;24/09/2026;b\n",
        ),
    ),
}
