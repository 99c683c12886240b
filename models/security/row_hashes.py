"""The keyed hash that a ticket's row has of itself, without which no worker goes by it.

It has two parts. The first covers what the messages have made of the ticket; the second covers the
first and the end of the log, so that a line of its own, as a notice adds it, takes no look at the
state. The second part is also what the feed of changes lists of a row.
"""

import hmac
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from models.security.chain import LogEnd
from models.security.encryption import Cipher

_PART_BYTES = 16


class TicketContent(NamedTuple):
    """The columns of a ticket's row that no others repeat, without the end of its log."""

    id: int
    number: str
    policy_id: str | None
    state: str
    title: str
    facts: bytes | None
    updated_at: datetime | None


def row_hash(cipher: Cipher, row: TicketContent, end: LogEnd) -> bytes:
    """Return the keyed hash of a ticket's row."""
    fixed = fixed_content(row.id, row.number, row.policy_id, row.title, row.facts)
    at = instant_json(row.updated_at)
    return row_hash_of(cipher, row.id, fixed, at, row.state.encode(), end)


def fixed_content(
    ticket_id: int, number: str, policy_id: str | None, title: str, facts: bytes | None
) -> bytes:
    """Return the part of what a row's hash covers that no level changes, as JSON."""
    return msgspec.json.encode((ticket_id, number, policy_id, title, facts))[:-1]


def instant_json(at: datetime | None) -> bytes:
    """Return an instant as a row's hash covers it."""
    return msgspec.json.encode(at and at.astimezone(UTC))


def row_hash_of(
    cipher: Cipher, ticket_id: int, fixed: bytes, at: bytes, state: bytes, end: tuple[int, bytes]
) -> bytes:
    """Return the hash of a row by its parts; `at` is when it was updated."""
    content = cipher.chain_hash(b"content %b,%b]%b" % (fixed, at, state))[:_PART_BYTES]
    return content + _end_hash(cipher, ticket_id, content, end)


def is_own_row(cipher: Cipher, row: TicketContent, end: LogEnd, stored: bytes | None) -> bool:
    """Return whether a row is as this program wrote it; `stored` is the hash that it has."""
    return hmac.compare_digest(stored or b"", row_hash(cipher, row, end))


def with_end(cipher: Cipher, ticket_id: int, stored: bytes, was: LogEnd, end: LogEnd) -> bytes:
    """Return the hash of a row whose log has grown, and which is else as it was.

    One that did not fit stays as it is, and fits no more than before.
    """
    content = stored[:_PART_BYTES]
    if not hmac.compare_digest(stored, content + _end_hash(cipher, ticket_id, content, was)):
        return stored
    return content + _end_hash(cipher, ticket_id, content, end)


def listed_hash(stored: bytes) -> bytes:
    """Return what the feed of changes lists of a row with this hash."""
    return stored[_PART_BYTES:]


def former_row_digest(cipher: Cipher, row: TicketContent, seq: int) -> bytes:
    """Return what the feed listed of a row before rows had hashes, with `seq` as last line."""
    plain = f"row {row.id} {seq} {row.policy_id or ''} {row.state}".encode()
    return cipher.chain_hash(plain)[:_PART_BYTES]


def _end_hash(cipher: Cipher, ticket_id: int, content: bytes, end: tuple[int, bytes]) -> bytes:
    seq, digest = end
    plain = f"end {ticket_id} {seq} ".encode() + content + digest
    return cipher.chain_hash(plain)[:_PART_BYTES]
