"""Heads: where each log and each protected row stands, as the feed of changes lists them.

A head holds keyed digests alone, which nobody can make with the store alone. Heads are packed by
transaction, and anchors are made over the packed bytes.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import groupby

import msgspec

from models.security.encryption import Cipher

DIGEST_BYTES = 16
"""The bytes that are kept of a keyed hash: without its key nobody can look for another value.

Shorter than the whole: a year has millions of heads, and of lines of the log.
"""


class HeadKind(IntEnum):
    """The kind of thing whose head it is; the numbers are stored."""

    TICKET = 0
    PAST_CLOCK = 1
    ACCESS = 2
    POLICY = 3
    DAY = 4
    YEAR = 5
    UNIT = 6
    FORMER_NAME = 7
    TERRITORY = 8
    EDITION = 9
    TOKEN = 10
    ROLE = 11
    ARRIVAL = 12
    TOPIC = 13


class ChangedHead(msgspec.Struct, frozen=True, array_like=True):
    """The head of one log or row as a transaction left it.

    For a ticket `key` is its id, `seq` its last line, `digest` that line's hash, `lines` how many
    were added, `row` what its row's hash is listed as (`row_hashes.py`), empty where the row stayed
    as it was, and `number` its number where the ticket is new. For a clock that another has
    replaced, `key` is the ticket's id, `number` the clock's key and `seq` its ordinal; one without
    a number voids those before it.

    For the row of a table, `key` is its primary key and `digest` covers its content; before the
    rows of a table comes a head of the whole, whose key is empty.

    For messages that arrived together `key` is the first one's id and `seq` the last one's, without
    a gap; `digest` covers the digests of what they say.

    Every digest covers what it belongs to and when, so that none can be used again elsewhere.
    """

    kind: int
    key: int | str
    seq: int = 0
    digest: bytes = b""
    lines: int = 0
    row: bytes = b""
    number: str = ""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[ChangedHead])


def pack_heads(heads: Sequence[ChangedHead]) -> bytes:
    """Return the stored form of the heads that one transaction moved."""
    return _encoder.encode(heads)


def unpack_heads(packed: bytes) -> list[ChangedHead]:
    """Return the heads of a row of the feed; raises msgspec.DecodeError."""
    return _decoder.decode(packed)


def content_digest(cipher: Cipher, kind: HeadKind, content: object) -> bytes:
    """Return the keyed digest of a row's content, which msgspec must be able to encode."""
    plain = b"row" + bytes([kind]) + msgspec.json.encode(content, order="sorted")
    return cipher.chain_hash(plain)[:DIGEST_BYTES]


def arrival_digest(cipher: Cipher, first: int, digests: Sequence[bytes]) -> bytes:
    """Return the digest of messages that arrived together, from this id on, by their digests."""
    return content_digest(cipher, HeadKind.ARRIVAL, (first, b"".join(digests)))


def arrival_heads(cipher: Cipher, messages: Sequence[tuple[int, bytes]]) -> Iterator[ChangedHead]:
    """Yield the heads of messages that arrived together, given as ids with digests."""
    by_run = groupby(enumerate(sorted(messages)), key=lambda item: item[1][0] - item[0])
    for _run, items in by_run:
        run = [message for _place, message in items]
        first, last = run[0][0], run[-1][0]
        digest = arrival_digest(cipher, first, [digest for _id, digest in run])
        yield ChangedHead(HeadKind.ARRIVAL, first, last, digest)


def void_head(cipher: Cipher, ticket_id: int, seq: int) -> ChangedHead:
    """Return the head that voids those of a ticket's clocks: it was folded from its start."""
    digest = content_digest(cipher, HeadKind.PAST_CLOCK, (ticket_id, seq))
    return ChangedHead(HeadKind.PAST_CLOCK, ticket_id, seq, digest)


def table_head(
    cipher: Cipher, kind: HeadKind, seq: int, rows: Sequence[ChangedHead]
) -> ChangedHead:
    """Return the head of a whole table, whose rows' heads follow; `seq` grows with each listing."""
    digest = content_digest(cipher, kind, [seq, *((row.key, row.digest) for row in rows)])
    return ChangedHead(kind, "", seq, digest)
