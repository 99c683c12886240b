"""JSON Lines: each whole message is read, each other line refused with what to do about it."""

import io
from pathlib import Path

import pytest

from models.i18n import render
from models.rules.messages import Refusal, read_envelope
from scripts.ingest.readers import json_messages as module
from tests.feeds.feed_files import MESSAGE, lines, messages, reason, records


def test_a_message_comes_out_as_it_went_in(tmp_path: Path) -> None:
    extra = MESSAGE | {"city_field": {"a": [1, 2.5, None, True]}}
    (record,) = records(lines(extra), tmp_path)
    assert (record.line, record.source, record.message) == (1, "messages", extra)
    assert record.raw == lines(extra).decode().strip()


def test_marks_and_blank_lines_are_no_messages(tmp_path: Path) -> None:
    first, second = lines(MESSAGE), lines(MESSAGE | {"id": "m-2"})
    content = (
        b"\xef\xbb\xbf" + first.replace(b"\n", b"\r\n") + b"\n  \n\xef\xbb\xbf" + second.rstrip()
    )
    rows = records(content, tmp_path)
    assert [(r.line, r.message and r.message["id"]) for r in rows] == [(1, "m-1"), (4, "m-2")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"id": "1", "at": "2026', "stopped at character"),
        (b'{"id": "1"}{"id": "2"}', "stopped at character 12"),
        (b'{"id": "1", "id": "2"}', "twice"),
        (b'{"claimant": {"name": "a", "name": "b"}}', "twice"),
        (b'["no", "object"]', "no JSON object"),
        (b'{"id": "\xc1\xf4"}', "not UTF-8 at byte 8"),
        (b'{"id": NaN}', "no number"),
        (b'{"id": 1e999}', "no number"),
        (b'{"ticket": 1234567890123456789}', "quotation marks"),
        (b'{"a":' * 100_000, "too deep"),
        (b'{"content": "' + b"x" * (1 << 20) + b'"}', "more than 1048576 bytes"),
    ],
    ids=lambda value: repr(value)[:30] if isinstance(value, bytes) else value,
)
def test_a_line_that_is_no_message_is_refused_and_the_rest_goes_on(
    line: bytes, expected: str, tmp_path: Path
) -> None:
    good = lines(MESSAGE)
    rows = records(good + line + b"\n" + good, tmp_path)
    assert [r.message for r in rows if r.message] == [MESSAGE, MESSAGE]
    assert [r.line for r in rows] == [1, 2, 3]
    assert expected in reason(rows[1])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"ticket": 1.5}, '"ticket" must be a text'),
        ({"id": ["x"]}, '"id" must be a text'),
        ({"at": "2026-02-30T10:00:00+08:00"}, '"at" is no possible instant'),
        ({"at": "0001-01-01T00:00:00+08:00"}, '"at" is no possible instant'),
        ({"at": 1790000000}, '"at" is no possible instant'),
        ({"arrived": "soon"}, '"arrived" is no possible instant'),
    ],
)
def test_a_message_whose_envelope_cannot_be_read_is_refused(
    change: dict[str, object], expected: str, tmp_path: Path
) -> None:
    (record,) = records(lines(MESSAGE | change), tmp_path)
    assert expected in reason(record)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"ticket": None}, "ticket's number is missing"),
        ({"ticket": "\u200b "}, "ticket's number is missing"),
        ({"type": ""}, "type is missing"),
        ({"at": None}, "time is missing"),
    ],
)
def test_what_a_message_lacks_is_left_to_the_inbox(
    change: dict[str, object], expected: str, tmp_path: Path
) -> None:
    """There it is looked for in every message, whoever sent it."""
    (message,) = messages(lines(MESSAGE | change), tmp_path)
    envelope = read_envelope(message)
    assert isinstance(envelope, Refusal)
    assert expected in envelope.why.text


def test_an_instant_without_an_offset_is_read_in_china(tmp_path: Path) -> None:
    instants = ["2026-09-29T16:00:00", "2026-09-29T08:00:00Z", "2026-09-29T16:00:00.600"]
    bodies = messages(lines(*(MESSAGE | {"at": at} for at in instants)), tmp_path)
    assert [m["at"] for m in bodies] == [
        "2026-09-29T16:00:00+08:00",
        "2026-09-29T08:00:00+00:00",
        "2026-09-29T16:00:00.600000+08:00",
    ]


def test_numbers_become_texts_and_texts_are_cleaned_however_deep(tmp_path: Path) -> None:
    body = MESSAGE | {
        "id": 7,
        "ticket": 202610091234567890,
        "title": "\x1b[31m红\u200b",
        "claimant": {"name": "\u00a0某先生\x00"},
        "units": ["城管局\u202e", {"a": "\ud83d"}],
        "content": "a\tb",
    }
    raw = lines(body | {"units": []}).replace(b'"units": []', rb'"units": ["x\u202e", "\ud83d"]')
    (message,) = messages(raw.replace(rb"a\tb", b"a\tb"), tmp_path)
    assert message == body | {
        "id": "7",
        "ticket": "202610091234567890",
        "title": "红",
        "claimant": {"name": "某先生"},
        "units": ["x", "\ufffd"],
        "original": {"title": r"\x1b[31m红\u200b", "claimant.name": r"\xa0某先生\x00"},
    }


def test_an_endless_line_does_not_fill_the_memory() -> None:
    class Endless(io.RawIOBase):
        produced = 0
        widest = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            self.widest = max(self.widest, len(buffer))
            if self.produced > 64 << 20:
                return 0
            buffer[:] = b"x" * len(buffer)
            self.produced += len(buffer)
            return len(buffer)

    stream = Endless()
    (record,) = module.read("pipe", io.BufferedReader(stream))
    assert "more than" in reason(record)
    assert stream.widest <= 2 << 20
    assert isinstance(record.raw, str)
    assert len(record.raw) <= 1_000


def test_one_answer_serves_several_tickets(tmp_path: Path) -> None:
    """A message for a list of tickets is one for each, by its id and the ticket (decision 38)."""
    result = {"id": "r1", "at": "2026-11-03T10:00", "type": "result.submitted", "unit": "城管局"}
    sent = [
        result | {"ticket": ["HJ-1", "HJ-2", "HJ-1"]},
        {"id": "n1", "at": "2026-11-03T10:00", "type": "note.added", "ticket": ["HJ-1"]},
        result | {"id": "r2", "ticket": []},
    ]
    rows = records(b"".join(map(lines, sent)), tmp_path)
    taken = [r for r in rows if r.message is not None]
    assert [(r.message["ticket"], r.message["id"]) for r in taken if r.message] == [
        ("HJ-1", "r1-HJ-1"),
        ("HJ-2", "r1-HJ-2"),
    ]
    assert [(r.line, r.continues) for r in taken] == [(1, False), (1, True)]
    refused = [(r.line, render(r.why)) for r in rows if r.why is not None]
    assert [line for line, _why in refused] == [2, 3]
    assert "result submitted" in refused[0][1]
