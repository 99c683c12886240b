"""The fuzz targets: every parser of foreign input, as a function of bytes.

A target may refuse its input only with the project's own errors; anything else is a failure.
"""

import csv
import gzip
import io
import json
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
from openpyxl import Workbook

from models.errors import HotlineError, describe_safely
from models.rules.blind_index import index_terms
from models.rules.calendar import SHANGHAI
from models.rules.messages import Envelope, read_content, read_envelope
from models.rules.notice_texts import InvalidNoticeText, check_texts
from models.rules.personal.numbers import find_identities
from models.rules.policy import load_policy
from models.rules.redaction import Redactor, redact_text
from models.rules.routing.units_file import load_units
from models.rules.text import clean
from models.security.keys import parse_keys
from models.security.roles_file import parse_roles
from monitor.filters import read_filter
from monitor.message_edit import InvalidEdit, apply_edit, redacted_text
from scripts.ingest.dates import is_date_form, parse_dated
from scripts.ingest.feed_reader import FeedOptions, read_feed
from scripts.ingest.mapping import load_mapping
from scripts.ingest.mapping_suggestion import suggest_mapping
from scripts.ingest.spreadsheet_numbers import is_rounded, undressed
from scripts.listen.intake import records_of_document, records_of_lines
from scripts.listen.line_buffer import LineBuffer
from scripts.listen.packing import Gunzip
from scripts.listen.problems import Problem
from scripts.rulebook.calendar_file import read_declared_days
from tests.store.factories import RESULT, letter, message
from workers.notices.channels import load_channels

ROOT = Path(__file__).parents[2]
MOST = 20_000
"""The most records of one input; a short input must not make more."""


class Target(NamedTuple):
    """The function, valid inputs to start from, and the errors that it may raise."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    allowed: tuple[type[Exception], ...] = (HotlineError,)


def failure_of(target: Target, data: bytes) -> str | None:
    """A description of the failure, or None where the target read or refused the input."""
    try:
        target.run(data)
    except target.allowed:
        return None
    except Exception as error:
        return describe_safely(error, 3)
    return None


def _feed(data: bytes) -> None:
    for number, row in enumerate(read_feed(io.BytesIO(data))):
        assert number < MOST
        msgspec.json.encode(msgspec.to_builtins(row.raw, enc_hook=str))
        if row.message is None:
            assert row.why is not None
        else:
            _message(row.message)


def _message(raw: Mapping[str, object]) -> None:
    if isinstance(result := read_envelope(raw), Envelope):
        read_content(result.type, raw)
        msgspec.json.encode(raw, order="deterministic")
    index_terms({k: v for k, v in raw.items() if k != "claimant"})


def _messages(data: bytes) -> None:
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(raw, dict):
        _message(raw)


def _text(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    once = clean(text)
    assert clean(once) == once
    assert redact_text(redact_text(once)) == redact_text(once)
    list(find_identities(once))
    Redactor({"name": once[:3], "phone": once[3:15], "address": once[:9]}).redact({"a": [text]})
    once.encode()


def _mending(data: bytes) -> None:
    body = letter("F1", "2026-11-02T09:00")
    apply_edit(data.decode("utf-8", "replace"), body)


def _body(data: bytes) -> None:
    """A body as it comes to `hotline listen`: packed or not, in pieces, as lines and as one."""
    gunzip, lines, content = Gunzip(), LineBuffer(), data
    half = len(data) // 2
    if data.startswith(b"\x1f\x8b"):
        parts = [p for packed in (data[:half], data[half:]) for p in gunzip.pieces(packed)]
        gunzip.finish()
        content = b"".join(parts)
    else:
        parts = [data[:half], data[half:]]
    for part in parts:
        lines.add(part)
    for records in (records_of_lines(*lines.take_all()), records_of_document(content)):
        for record in records:
            assert record.message is not None or record.why is not None
            if record.message is not None:
                _message(record.message)


_DATE_FORMS = (
    *("iso", "excel", "unix", "%Y年%m月%d日 %H时%M分", "found:%Y年%m月%d日", "%Y%m%d%H%M%S"),
    *("%Y-%m-%d %p%I:%M", "%m/%d/%Y %I:%M:%S %p", "%Y.%m.%d %H:%M:%S %Z", "%d %b %Y %Z"),
)


def _date(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    for form in _DATE_FORMS:
        dated = parse_dated(text, (form,), SHANGHAI)
        assert dated is None or dated.at.tzinfo is not None
        datetime.fromisoformat(dated.at.isoformat() if dated else "2026-01-01")
    if is_date_form(text):
        parse_dated("2026-10-12 08:30", (text,), SHANGHAI)


def _number(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    number = undressed(text)
    assert number == text or len(number) <= 4 * len(text)
    is_rounded(number)


def _suggestion(data: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="hotline-fuzz-") as folder:
        path = Path(folder) / "export.csv"
        path.touch(mode=0o600)
        path.write_bytes(data)
        tomllib.loads(suggest_mapping(path, FeedOptions()))


def _by_file(load: Callable[[Path], object], name: str) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        with tempfile.TemporaryDirectory(prefix="hotline-fuzz-") as folder:
            path = Path(folder) / name
            path.touch(mode=0o600)
            path.write_bytes(data)
            load(path)

    return run


def _by_text(load: Callable[[str], object]) -> Callable[[bytes], None]:
    return lambda data: (load(data.decode("utf-8", "replace")), None)[1]


def _shipped(*names: str) -> tuple[bytes, ...]:
    return tuple((ROOT / name).read_bytes() for name in names)


_LETTERS = [
    letter("F1", "2026-11-02T09:00", address="濠江区达濠街道赤港路8号", emergency="utilities"),
    letter("F2", "2026-11-02T09:00+08:00", statutory_limit={"hours": 24, "basis": "条例"}),
    message("F1", "result.submitted", "2026-11-03T09:00", **RESULT),
    message("F1", "contact.attempted", "2026-11-03T09:00", purpose="first", outcome="reached",
            method="phone"),
]  # fmt: skip
_LINES = tuple(json.dumps(m, ensure_ascii=False).encode() for m in _LETTERS)
_ROWS = [
    ["留言编号", "留言用户", "留言主题", "留言时间", "留言详情"],
    ["188006", "A1", "路灯不亮", "2019/2/28 7:02:59", "请打13912345678"],
    ["188007", "A2", "=cmd|' /C calc'!A0", "2019/2/30 7:02:59", '引"号\n换行'],
]


def _table(delimiter: str, encoding: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(_ROWS)
    return text.getvalue().encode(encoding)


def _workbook() -> bytes:
    book, file = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for row in _ROWS:
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
    _feed(file.getvalue())


_WHOLE = _workbook()

_REQUESTS = [
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

TARGETS = {
    "feed of messages": Target(_feed, (b"\n".join(_LINES), b"[" + b",".join(_LINES) + b"]")),
    "feed of a table": Target(_feed, (_table(",", "utf-8-sig"), _table("\t", "gbk"))),
    "feed of a workbook": Target(_feed, (_WHOLE,)),
    "feed of a sheet": Target(_feed_sheet, (_sheet(),)),
    "feed of Open311": Target(_feed, (json.dumps(_REQUESTS).encode(), _XML)),
    "messages": Target(_messages, _LINES),
    "body of a request": Target(
        _body,
        (
            b"\n".join(_LINES),
            b"[" + b",".join(_LINES) + b"]",
            _LINES[0],
            gzip.compress(b"\n".join(_LINES), mtime=0),
        ),
        (Problem,),
    ),
    "texts": Target(
        _text, (*_LINES, "１３９１２３４５６７８，440507199001011234\x1b[31m".encode())
    ),
    "dates": Target(
        _date,
        (
            "2026年10月12日 星期一 下午3时5分".encode(),
            b"2026-1-5 8:03:00",
            b"/Date(1760228100000+0800)/",
            b"%Y/%m/%d %p%I:%M:%S %Z",
        ),
    ),
    "numbers": Target(_number, (b'="1,234.0"', "＇１２３".encode(), b"1.38E+10")),
    "suggestion": Target(
        _suggestion,
        (
            (
                "工单编号,来电时间,诉求内容,满意度,办结时间,办理状态\n"
                "1,2026-10-12 8:30,坏了,满意,2026-10-13,办结\n"
            ).encode(),
            json.dumps(_REQUESTS).encode(),
            b'{"page": 1, "results": [{"id": 1, "date": "2026-01-05", "notes": [{"a": 1}]}]}',
            b"id;created;title\n1;03/09/2026;a\n2;24/09/2026;b\n",
        ),
    ),
    "policy": Target(
        _by_text(lambda text: load_policy(text, "f")), _shipped("models/policy/haojiang.toml")
    ),
    "units": Target(
        _by_text(lambda text: load_units(text, "f")), _shipped("models/policy/haojiang-units.toml")
    ),
    "calendar": Target(
        _by_file(read_declared_days, "days.csv"),
        ("日期,上班,文件\n2026-10-10,working,国办发\n2026-10-01,放假,x\n".encode(),),
    ),
    "mapping": Target(
        _by_file(load_mapping, "mapping.toml"), _shipped("scripts/ingest/mappings/boston311.toml")
    ),
    "channels": Target(
        _by_file(load_channels, "channels.toml"),
        (
            b'[channel.mail]\nurl = "json://127.0.0.1/{id}"\nper_minute = 5\n'
            b'[[rule]]\nkinds = ["red"]\nchannels = ["mail"]\n[outside.city_hotline]\nmail = "x"\n',
        ),
    ),
    "roles": Target(
        _by_text(lambda text: parse_roles(text, "f")),
        (
            b'[users]\nwang = "operator"\n[tokens.a]\nrole = "feeder"\nsha256 = "'
            + b"0" * 64
            + b'"',
        ),
    ),
    "keys": Target(
        _by_text(lambda text: parse_keys(text, "f")),
        (b"-\nnext:" + b"A" * 43 + b"=\n" + b"B" * 43 + b"=",),
    ),
    "notice text": Target(
        _by_text(lambda text: check_texts({"red": text})),
        (
            b"{{ ticket }}: {% if unit %}{{ title|truncate(9) }}{% endif %}",
            b"{{ due|default(1) }} {{ unit ~ 1 }}",
        ),
        (InvalidNoticeText,),
    ),
    "filter": Target(
        _by_text(read_filter),
        ("级别:红 单位:城管 剩余:<2h 路灯".encode(), b"level:red unit:x due:<1d"),
    ),
    "mending": Target(
        _mending,
        (redacted_text(letter("F1", "2026-11-02T09:00")).encode(), _LINES[0]),
        (HotlineError, InvalidEdit),
    ),
}
