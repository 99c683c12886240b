"""The fuzz targets: every parser of foreign input, as a function of bytes.

A target may refuse its input only with the project's own errors; anything else is a failure.
"""

import gzip
import json
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from models.errors import HotlineError
from models.rules.calendar import SHANGHAI
from models.rules.notice_texts import InvalidNoticeText, check_text
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
from scripts.ingest.mapping import load_mapping
from scripts.ingest.spreadsheet_numbers import is_rounded, undressed
from scripts.listen.intake import records_of_document, records_of_lines
from scripts.listen.line_buffer import LineBuffer
from scripts.listen.packing import Gunzip
from scripts.listen.problems import Problem
from scripts.rulebook.calendar_file import read_declared_days
from tests.fuzz.feed_targets import FEED_TARGETS, LINES, read_message
from tests.fuzz.reader_targets import READER_TARGETS
from tests.fuzz.target import Target
from tests.store.factories import letter
from workers.notices.channels import load_channels

ROOT = Path(__file__).parents[2]
MOST = 20_000
"""The most records of one input; a short input must not make more."""


def _messages(data: bytes) -> None:
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(raw, dict):
        read_message(raw)


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
                read_message(record.message)


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


TARGETS = (
    FEED_TARGETS
    | READER_TARGETS
    | {
        "messages": Target(_messages, LINES),
        "body of a request": Target(
            _body,
            (
                b"\n".join(LINES),
                b"[" + b",".join(LINES) + b"]",
                LINES[0],
                gzip.compress(b"\n".join(LINES), mtime=0),
            ),
            (Problem,),
        ),
        "texts": Target(
            _text, (*LINES, "１３９１２３４５６７８，440507199001011234\x1b[31m".encode())
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
        "policy": Target(
            _by_text(lambda text: load_policy(text, "f")), _shipped("models/policy/haojiang.toml")
        ),
        "units": Target(
            _by_text(lambda text: load_units(text, "f")),
            _shipped("models/policy/haojiang-units.toml"),
        ),
        "calendar": Target(
            _by_file(read_declared_days, "days.csv"),
            ("日期,上班,文件\n2026-10-10,working,国办发\n2026-10-01,放假,x\n".encode(),),
        ),
        "mapping": Target(
            _by_file(load_mapping, "mapping.toml"),
            _shipped("scripts/ingest/mappings/boston311.toml"),
        ),
        "channels": Target(
            _by_file(load_channels, "channels.toml"),
            (
                b'[channel.mail]\nurl = "json://127.0.0.1/{id}"\nper_minute = 5\n'
                b'[[rule]]\nkinds = ["red"]\nchannels = ["mail"]\n'
                b'[outside.city_hotline]\nmail = "x"\n',
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
            _by_text(lambda text: check_text("red", text)),
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
            (redacted_text(letter("F1", "2026-11-02T09:00")).encode(), LINES[0]),
            (HotlineError, InvalidEdit),
        ),
    }
)
