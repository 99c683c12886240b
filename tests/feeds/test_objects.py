"""Objects of a city: JSON a line, in a list, and Open311 in XML, from strangers."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from models.rules import limits
from scripts.ingest.mapping import shipped_mappings
from scripts.ingest.readers import georeport, json_stream
from scripts.ingest.records import MAPPINGS, ColumnsRenamed, ColumnsUnknown, FeedUnreadable
from tests.feeds.feed_files import MESSAGE, lines, messages, reason, records

REQUEST = {
    "service_request_id": "14-1",
    "status": "closed",
    "status_notes": "Filled",
    "service_name": "Pothole",
    "description": None,
    "requested_datetime": "2026-05-09T19:02:21-05:00",
    "updated_datetime": "2026-11-10T10:15:40-06:00",
    "address": "1 Main St",
    "extended_attributes": {"channel": "Phone", "ward": 3},
    "notes": [{"summary": "opened"}],
}
OPEN = {"service_request_id": "2", "status": "open", "service_name": "Lamp"}
OPEN |= {"requested_datetime": "2026-12-09T19:02:21-06:00", "description": "Dark"}


def xml(*requests: Mapping[str, object], root: str = "service_requests") -> bytes:
    def element(name: str, value: object) -> str:
        if isinstance(value, dict):
            value = "".join(element(k, v) for k, v in value.items())
        return f"<{name}>{'' if value is None else value}</{name}>"

    inner = "".join(element("request", each) for each in requests)
    return f"<?xml version='1.0' encoding='utf-8'?>\n<{root}>{inner}</{root}>".encode()


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([REQUEST, OPEN]).encode(),
        json.dumps([REQUEST, OPEN], indent=1).encode(),
        b"\xef\xbb\xbf " + json.dumps([REQUEST, OPEN]).encode(),
        json.dumps({"service_requests": [REQUEST, OPEN]}).encode(),
        lines(REQUEST, OPEN),
        xml({k: v for k, v in REQUEST.items() if k != "notes"}, OPEN),
    ],
    ids=["list", "indented", "mark", "wrapped", "lines", "xml"],
)
def test_open311_is_read_in_every_dress(content: bytes, tmp_path: Path) -> None:
    closed, open_ = records(content, tmp_path)
    assert closed.source == "open311"
    assert closed.message == {
        "type": "ticket.received",
        "id": "14-1",
        "ticket": "14-1",
        "at": "2026-05-09T19:02:21-05:00",
        "updated": "2026-11-10T10:15:40-06:00",
        "category": "help",
        "title": "Pothole",
        "address": "1 Main St",
        "channel": "phone",
        "city_channel": "Phone",
        "city_status": "closed",
    }
    assert [m["type"] for m in closed.later] == ["result.submitted", "result.reviewed"]
    assert open_.message is not None
    assert open_.message["content"] == "Dark"
    assert open_.later == ()


def test_a_list_may_hold_messages_too(tmp_path: Path) -> None:
    assert messages(json.dumps([MESSAGE, MESSAGE]).encode(), tmp_path) == [MESSAGE, MESSAGE]


@pytest.mark.parametrize(
    ("torn", "expected"),
    [
        ('{"service_request_id": "3", "stat', "not one whole JSON object"),
        ('{"id": "1", "id": "2"}', "twice"),
        ('{"a": 1234567890123456789012}', "quotation marks"),
        ('{"a": 1e999}', "no number"),
        ('{"a":' * 99_999, "too deep"),
    ],
    ids=["torn", "twice", "digits", "endless", "deep"],
)
def test_what_is_wrong_in_a_list_is_refused_and_the_rest_goes_on(
    torn: str, expected: str, tmp_path: Path
) -> None:
    good = json.dumps(OPEN)
    rows = records(f"[{good},\n{torn}}},\n{good}\n]".encode(), tmp_path)
    assert [r.message is not None for r in rows][0::2] == [True, True]
    refused = [r for r in rows if r.message is None]
    assert expected in reason(refused[0])
    assert refused[0].line == 2
    assert rows[-1].line == 3


def test_a_record_torn_over_two_objects_loses_no_other(tmp_path: Path) -> None:
    content = (
        lines(OPEN, OPEN)[:-1]
        + b'\n{"service_request_id": "9", "sta\ntus": "open"}\n'
        + lines(OPEN)
    )
    rows = records(content, tmp_path)
    assert [r.message is None for r in rows] == [False, False, True, True, False]


def test_a_list_that_is_cut_off_says_so(tmp_path: Path) -> None:
    rows = records(f"[{json.dumps(OPEN)}, ".encode(), tmp_path)
    assert [r.message is None for r in rows] == [False, True]
    assert "cut off" in reason(rows[1])


def test_a_long_list_is_not_held_in_memory() -> None:
    class Long(io.RawIOBase):
        """Twenty megabytes of a list, made as it is read."""

        def __init__(self) -> None:
            self.left = 100_000
            self.widest = 0

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            self.widest = max(self.widest, size)
            count = min(self.left, max(size // 200, 1))
            self.left -= count
            return (b'{"a": "' + b"x" * 190 + b'"},') * count

    stream = Long()
    stream.left, head = 100_000, io.BytesIO(b"[")
    first = True

    class Joined(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            nonlocal first
            if first:
                first = False
                return head.read()
            return stream.read(size)

    count = sum(piece.why is None for piece in json_stream.of_array(Joined()))  # type: ignore[arg-type]
    assert count == 100_000
    assert stream.widest <= 2 * limits.RECORD_BYTES


def test_renamed_fields_are_said(tmp_path: Path) -> None:
    renamed = {("request_id" if k == "service_request_id" else k): v for k, v in OPEN.items()}
    with pytest.raises(ColumnsRenamed, match=r"service_request_id .* new are request_id"):
        records(json.dumps([renamed]).encode(), tmp_path)


def test_xml_is_taken_up_to_where_it_is_not_well_formed(tmp_path: Path) -> None:
    content = xml(OPEN, OPEN | {"service_request_id": "3"}).replace(
        b"</request></service", b"</req></service"
    )
    good, torn = records(content, tmp_path)
    assert good.message is not None
    assert "not well formed at line 2" in reason(torn)


BOMB = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;&l;&l;&l;&l;">]>
<service_requests><request><service_request_id>&m;</service_request_id></request></service_requests>"""
FAR = b"""<?xml version="1.0"?><!DOCTYPE a SYSTEM "file:///etc/passwd"><service_requests/>"""


@pytest.mark.parametrize("content", [BOMB, FAR], ids=["bomb", "far"])
def test_xml_may_declare_nothing(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(FeedUnreadable, match="declares entities"):
        records(content, tmp_path)


def test_xml_may_be_neither_endless_nor_bottomless(tmp_path: Path) -> None:
    first = xml(OPEN).removesuffix(b"</service_requests>")
    deep = first + b"<request>" + b"<a>" * 100_000
    wide = first + b"<request><a>" + b"x" * (3 << 20) + b"</a></request></service_requests>"
    for content in (deep, wide):
        good, refused = records(content, tmp_path)
        assert good.message is not None
        assert "too long or too deep" in reason(refused)


@pytest.mark.parametrize(
    "content", [b"<a/>", b"<?xml version='1.0'?>\n<service_requests></service_requests>"]
)
def test_no_requests_are_no_error(content: bytes, tmp_path: Path) -> None:
    assert records(content, tmp_path) == []


def test_other_xml_is_said_to_be_unknown() -> None:
    content = b"<html><body><p>no feed</p></body></html>"
    with pytest.raises(Exception, match="no mapping knows"):
        list(georeport.read("feed", io.BytesIO(content), shipped_mappings()))


_FIELDS = [{"id": "service_request_id", "type": "text"}, {"id": "status", "type": "text"}]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    "envelope",
    [
        {"issues": [OPEN, REQUEST]},
        {"tickets": [OPEN, REQUEST], "next": None},
        {"count": 2, "next": None, "results": [OPEN, REQUEST]},
        {"code": 0, "msg": "ok", "data": [OPEN, REQUEST]},
        {"code": 0, "data": {"total": 2, "rows": [OPEN, REQUEST]}},
        {"result": {"fields": _FIELDS, "records": [OPEN, REQUEST]}, "success": True},
        {"type": "FeatureCollection", "features": [
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]},
             "properties": each} for each in (OPEN, REQUEST)]},
        {"new": [OPEN], "units": [{"name": "城管局"}], "closed": [REQUEST]},
    ],
    ids=["issues", "tickets", "results", "data", "rows", "ckan", "geojson", "two lists"],
)  # fmt: skip
def test_the_list_is_found_wherever_it_lies(
    envelope: dict[str, object], indent: int | None, tmp_path: Path
) -> None:
    """In one line or in many, and behind other lists."""
    content = json.dumps(envelope, indent=indent).encode()
    assert [m["ticket"] for m in messages(content, tmp_path)] == ["2", "14-1"]


def test_pages_one_behind_the_other_are_read(tmp_path: Path) -> None:
    pages = [{"page": n, "data": [OPEN | {"service_request_id": str(n)}]} for n in range(3)]
    content = "\n".join(json.dumps(page, indent=1) for page in pages).encode()
    assert [m["ticket"] for m in messages(content, tmp_path)] == ["0", "1", "2"]


def test_an_object_in_many_lines_is_one_letter(tmp_path: Path) -> None:
    """Also with a list in it, which is no list of letters."""
    for each in (REQUEST, MESSAGE):
        assert len(messages(json.dumps(each, indent=1).encode(), tmp_path)) == 1
        assert len(messages(json.dumps(each).encode(), tmp_path)) == 1


@pytest.mark.parametrize("envelope", [{"data": []}, {"data": {"rows": [], "total": 0}}])
def test_an_empty_list_holds_no_letters(envelope: dict[str, object], tmp_path: Path) -> None:
    assert records(json.dumps(envelope).encode(), tmp_path) == []


def test_unknown_lists_are_one_error_that_names_them(tmp_path: Path) -> None:
    envelope = {"meta": {"fields": _FIELDS}, "data": {"rows": [{"a": n} for n in range(400)]}}
    with pytest.raises(FeedUnreadable, match=r"meta\.fields, data\.rows.*path ="):
        records(json.dumps(envelope, indent=1).encode(), tmp_path)


def test_a_mapping_says_where_its_list_is(tmp_path: Path) -> None:
    mapping = tmp_path / "own.toml"
    shipped = (MAPPINGS / "open311.toml").read_text(encoding="utf-8")
    mapping.write_text(f'path = "data.closed"\n{shipped}', encoding="utf-8")
    envelope = {"data": {"new": [OPEN], "closed": [REQUEST]}}
    bodies = messages(json.dumps(envelope).encode(), tmp_path, mapping=mapping)
    assert [m["ticket"] for m in bodies] == ["14-1"]


def test_the_last_of_a_list_may_be_refused(tmp_path: Path) -> None:
    """And the list has its end all the same."""
    damaged = '{"service_request_id": "3", "notes": [{"a": 1e999}, {}], "status": "open"}'
    for text in ("[{0}, {1}]", '{{"data": [{0}, {1}], "more": {{"n": [1]}}}}'):
        content = text.format(json.dumps(OPEN), damaged)
        good, refused = records(content.encode(), tmp_path)
        assert good.message is not None
        assert "no number" in reason(refused)
        assert refused.raw == damaged


def test_what_is_no_number_is_a_blank_field(tmp_path: Path) -> None:
    """Programs write NaN for what is missing; in a field of a message it is refused."""
    content = json.dumps([OPEN | {"ward": 0}]).replace('"ward": 0', '"ward": NaN')
    (message,) = messages(content.encode(), tmp_path)
    assert message["original"] == {"ward": "NaN"}
    used = json.dumps(MESSAGE | {"content": 0}).replace('"content": 0', '"content": NaN')
    (record,) = records(used.encode(), tmp_path)
    assert "no number" in reason(record)
    extra = json.dumps(MESSAGE | {"score": 0}).replace('"score": 0', '"score": NaN')
    assert len(messages(extra.encode(), tmp_path)) == 1


def test_letters_on_one_line_are_numbered(tmp_path: Path) -> None:
    bad = {"service_request_id": "3"} | {k: None for k in OPEN if k != "service_request_id"}
    rows = records(json.dumps({"issues": [OPEN, OPEN, bad]}).encode(), tmp_path)
    assert [(r.line, r.message is None) for r in rows] == [(1, False), (2, False), (3, True)]


def test_a_list_that_nobody_knows_is_one_error(tmp_path: Path) -> None:
    """Not one refusal a letter; one that is known among others is enough to read them all."""
    unknown = [{"ticket_id": str(n), "issue": "Lamp", "created": "2026-01-05"} for n in range(30)]
    with pytest.raises(ColumnsUnknown):
        records(json.dumps(unknown).encode(), tmp_path)
    assert len(records(json.dumps([unknown[0], MESSAGE, unknown[1]]).encode(), tmp_path)) == 3


def test_what_the_first_object_lacks_may_be_in_the_next(tmp_path: Path) -> None:
    """A field that is null is often left out."""
    bare, full = REQUEST.copy(), REQUEST | {"service_request_id": "17-2"}
    del bare["status"]
    parsed = records(json.dumps([bare, full]).encode(), tmp_path)
    assert [record.source for record in parsed] == ["open311"] * 2
    assert all(record.message is not None for record in parsed)
    with pytest.raises(ColumnsRenamed):
        records(json.dumps([bare]).encode(), tmp_path)


def test_a_field_is_known_in_another_notation(tmp_path: Path) -> None:
    """The same city writes `Unique Key` in its tables, and `unique_key` in its objects."""
    fields = {
        "unique_key": "1",
        "created_date": "2026-07-27T21:03:35.000",
        "agency": "NYPD",
        "complaint_type": "Noise",
        "descriptor": "Loud",
        "status": "Open",
        "borough": "BRONX",
    }
    closed = {"unique_key": "2", "status": "Closed", "closed_date": "2026-07-28T09:00:00.000"}
    parsed = records(json.dumps([fields, fields | closed]).encode(), tmp_path)
    assert [record.source for record in parsed] == ["nyc311"] * 2
    assert [len(record.later) > 0 for record in parsed] == [False, True]
    assert parsed[0].message is not None
    assert parsed[0].message["at"] == "2026-07-27T21:03:35-04:00"
    assert not parsed[0].notes
