"""Packed JSON: what comes back is what was packed, and what is none is refused."""

import hashlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.rules.known_texts import IN_LINES, IN_STATES
from models.rules.packing import (
    READ_BY_QUERIES,
    Packed,
    is_packed_json,
    pack_json,
    pack_line,
    unpack_json,
)
from models.rules.vocabulary import EventName
from tests.examples import examples

STARTED = (
    '{"base":"2026-06-01T09:01:19+08:00","clock":"accept","due":"2026-06-02T17:30:00+08:00",'
    '"holder":"供水公司","provisional":false}'
).encode()


@given(text=st.text(max_size=300))
@settings(max_examples=examples(50))
def test_any_json_comes_back_as_it_was(text: str) -> None:
    """Byte by byte, since hashes cover it; what would become longer stays in clear."""
    plain = msgspec.json.encode({"unit": text, "holder": text})
    stored = pack_json(plain)
    if isinstance(stored, Packed):
        assert len(stored.stored) < len(plain)
        assert unpack_json(stored.stored).encode() == plain
    else:
        assert bytes(stored) == plain
    assert not is_packed_json(plain)


def test_a_line_as_every_ticket_has_takes_a_third() -> None:
    stored = pack_line(EventName.CLOCK_STARTED, STARTED)
    assert isinstance(stored, Packed)
    assert len(stored.stored) * 3 < len(STARTED)


def test_what_queries_look_into_stays_in_clear() -> None:
    for name in READ_BY_QUERIES:
        assert pack_line(name, STARTED) == msgspec.Raw(STARTED)


@pytest.mark.parametrize("stored", [b"\1", b"\1\0", b"\1{}", b"\1\xff\xff", b"\1" + b"x" * 40])
def test_what_is_no_packed_json_is_refused(stored: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        unpack_json(stored)


def test_nothing_is_taken_behind_its_end_and_nothing_is_endless() -> None:
    """Whoever writes to the database must neither hide anything in it nor fill the memory."""
    stored = pack_json(STARTED)
    long = pack_json(b'"' + b"x" * 3_000_000 + b'"')
    assert isinstance(stored, Packed)
    assert isinstance(long, Packed)
    for forged in (stored.stored + b"x", stored.stored[:-1], long.stored):
        with pytest.raises(msgspec.DecodeError):
            unpack_json(forged)


def test_what_was_packed_by_the_known_texts_can_always_be_unpacked() -> None:
    """They are never changed: stored rows would be lost with a byte of them."""
    digests = [hashlib.sha256(known).hexdigest()[:16] for known in (IN_LINES, IN_STATES)]
    assert digests == ["72b8068f33936042", "355ad86e84a88430"]
