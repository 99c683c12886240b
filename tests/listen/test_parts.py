"""The parts of the endpoint that need no server: lines, gzip, the OpenAPI document."""

import gzip
import io
import re
from random import Random
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from models.i18n import _, speaking
from models.rules.limits import LISTEN_PIECE_BYTES, MIB, RECORD_BYTES
from models.rules.messages import FIELDS, read_content
from models.rules.speaking import NAMES_SENDER, senders_of
from models.rules.vocabulary import MessageType
from scripts.ingest.readers import json_stream
from scripts.listen.body import BodyMemory
from scripts.listen.intake import records_of_document, records_of_lines
from scripts.listen.line_buffer import LineBuffer
from scripts.listen.openapi import openapi_document
from scripts.listen.packing import Gunzip
from scripts.listen.pages import Pages
from scripts.listen.problems import PROBLEMS, Problem
from tests.rules.test_messages import GOOD
from tests.test_docs import FOREIGN


def in_pieces(content: bytes, random: Random) -> list[bytes]:
    """A content cut anywhere."""
    cuts = sorted(random.choices(range(len(content) + 1), k=random.randrange(6)))
    return [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]


@pytest.mark.parametrize("seed", range(15))
def test_lines_are_the_same_wherever_they_were_cut(seed: int) -> None:
    """With lines that are blank, too long, just not too long, or without an end."""
    random = Random(seed)
    lines = [
        b'{"a": 1}\n', b"\n", b"x" * RECORD_BYTES, b"y" * (RECORD_BYTES - 1) + b"\n",
        b"z" * RECORD_BYTES + b"\n", b"w" * (RECORD_BYTES + 1) + b"\n", b"\xe8\xb7\xaf\r\n",
    ]  # fmt: skip
    content = b"".join(random.choices(lines, weights=(9, 5, 1, 1, 1, 1, 5), k=8))
    buffer = LineBuffer()
    taken = []
    for piece in in_pieces(content, random):
        buffer.add(piece)
        assert len(buffer) <= len(content)
        if random.random() < 0.5:
            taken.append(buffer.take_whole())
    taken.append(buffer.take_all())
    got = [
        (raw.line + before, raw.text, raw.why)
        for lines_, before in taken
        for raw in json_stream.of_lines(io.BytesIO(lines_))
    ]
    whole = [(r.line, r.text, r.why) for r in json_stream.of_lines(io.BytesIO(content))]
    assert got == whole


def test_a_line_without_end_is_not_held() -> None:
    buffer = LineBuffer()
    for _n in range(80):
        buffer.add(b"x" * LISTEN_PIECE_BYTES)
    assert len(buffer) <= RECORD_BYTES + 2
    buffer.add(b'x\n{"type": "x"}')
    (first, second) = records_of_lines(*buffer.take_all())
    assert (first.line, second.line) == (1, 2)
    assert "bytes" in first.why.text if first.why else False


def unpacked(packed: bytes, random: Random) -> bytes:
    """Return the pieces unpacked; none is larger than one may be."""
    gunzip = Gunzip()
    out = [each for piece in in_pieces(packed, random) for each in gunzip.pieces(piece)]
    gunzip.finish()
    assert max(map(len, out), default=0) <= LISTEN_PIECE_BYTES
    return b"".join(out)


@pytest.mark.parametrize("seed", range(8))
def test_gzip_is_unpacked_wherever_it_was_cut(seed: int) -> None:
    """Also several files behind one another; one that is cut off or no gzip is said to be."""
    random = Random(seed)
    content = random.randbytes(random.randrange(9)) * random.randrange(1, 30_000)
    packed = gzip.compress(content)
    assert unpacked(packed * 2, random) == content * 2
    for broken in (packed[:-1], packed[:4], packed + b"x" * 20, content[:9] + b"no gzip at all"):
        with pytest.raises(Problem) as caught:
            unpacked(broken, random)
        assert caught.value.kind.code == "bad_gzip"


def test_a_bomb_is_not_unpacked() -> None:
    """Twenty megabytes of nothing, of which a tenth comes."""
    bomb = gzip.compress(bytes(20 * MIB))
    size = 0
    with pytest.raises(Problem) as caught:
        for piece in Gunzip().pieces(bomb[: len(bomb) // 10]):
            size += len(piece)
    assert caught.value.kind.code == "packed_too_tight"
    assert size <= MIB


def test_bodies_hold_no_more_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.listen.body.LISTEN_MEMORY_BYTES", 100)
    memory = BodyMemory()
    with memory.share() as share, memory.share() as other:
        share.hold(60)
        other.hold(40)
        with pytest.raises(Problem) as caught:
            other.hold(41)
        assert caught.value.kind.code == "overloaded"
        share.hold(10)
        other.hold(41)
    assert memory.total == 0


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b'{"type": "x"}', [1]),
        (b'\xef\xbb\xbf \n{"type":\n "x"}', [1]),
        (b'[{"type": "x"},\n{"type": "y"}, 3]', [1, 2, 3]),
        (b"[]", []),
        (b"[{", [1, 2]),
        (b"7", [1]),
        # found by `make fuzz`: it fell over
        (b'[{"type": "x"}] {"a": x}', [1, 2]),
    ],
)
def test_a_document_is_one_message_or_a_list(content: bytes, lines: list[int]) -> None:
    assert [record.line for record in records_of_document(content)] == lines


def test_a_message_of_megabytes_is_refused() -> None:
    with pytest.raises(Problem) as caught:
        list(records_of_document(b'{"title": "%b"}' % (b"x" * RECORD_BYTES)))
    assert caught.value.kind.code == "too_large"


def schemas() -> dict[str, Any]:
    """The document, of which each message's schema is a part."""
    return openapi_document("1", "https://a.example/listen")


SENT = [kind for kind in GOOD if senders_of(MessageType(kind), {})]


@pytest.mark.parametrize("kind", SENT)
def test_the_document_allows_what_is_taken_and_nothing_less(kind: str) -> None:
    """Each message with just what it must carry; without any of that it is not valid."""
    document = schemas()
    name = document["components"]["schemas"]["Message"]["discriminator"]["mapping"][kind]
    validator = Draft202012Validator({"$ref": name, "components": document["components"]})
    envelope = {"type": kind, "ticket": "1", "at": "2026-11-20T09:00:00+08:00"}
    whole = envelope | GOOD[kind]
    assert not isinstance(read_content(MessageType(kind), whole), str)
    validator.validate(whole)
    assert not validator.is_valid(whole | {"type": "no.type"})
    for left_out in (*envelope, *GOOD[kind]):
        rest = {k: v for k, v in whole.items() if k != left_out}
        # the name of whoever has the token is put there
        fills_in = left_out == "by" and MessageType(kind) in NAMES_SENDER
        needed = left_out in envelope or (FIELDS[kind][left_out].required and not fills_in)
        assert validator.is_valid(rest) != needed, left_out
    for field, check in FIELDS[kind].items():
        for text in getattr(check.check, "texts", ()):
            validator.validate(whole | {field: text})


def test_every_reference_in_the_document_leads_somewhere() -> None:
    document = schemas()
    names = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert names <= document["components"]["schemas"].keys()
    assert document["openapi"] == "3.1.0"
    statuses = {str(kind.status) for kind in PROBLEMS} | {"200", "207"}
    assert document["paths"]["/messages"]["post"]["responses"].keys() == statuses


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_loads_nothing_and_names_every_type(language: str) -> None:
    text = Pages("https://a.example").manual_text(language)
    assert FOREIGN.search(text) is None
    assert "<script" not in text
    assert not re.search(r"@import|url\(", text)
    for name in (*SENT, *(kind.code for kind in PROBLEMS)):
        assert f"<code>{name}</code>" in text
    assert ("12345 热线消息接口" in text) == (language == "zh")


def test_each_problem_has_a_code_of_its_own_and_a_text_in_each_language() -> None:
    assert len({kind.code for kind in PROBLEMS}) == len(PROBLEMS)
    assert [kind.status for kind in PROBLEMS] == sorted(kind.status for kind in PROBLEMS)
    for kind in PROBLEMS:
        with speaking("zh"):
            chinese = _(kind.text)
        with speaking("en"):
            assert _(kind.text) == kind.text != chinese
