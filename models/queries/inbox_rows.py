"""Rows of the inbox as far as advancing and checking tickets needs them."""

import hmac
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from models.errors import HotlineError
from models.i18n import _
from models.security.encryption import Cipher, Encrypted
from models.security.heads import DIGEST_BYTES
from models.tables.columns import undecoded
from models.tables.core import INBOX


class InboxRow(NamedTuple):
    """A row of the inbox as far as advancing its ticket needs it.

    `outline` is its message's as it is stored, None where that has not been read yet;
    `outline_hash` shows that it is its own.
    """

    id: int
    source: str
    message_id: str
    ticket: str
    type: str
    queue: str
    at: datetime
    arrived_at: datetime
    body: Encrypted
    state: str
    outline: str | None
    outline_hash: bytes | None
    quiet_before: datetime | None = None
    conflicting: bool = False


class OutlineRow(NamedTuple):
    """A finished row of the inbox without the message as it came: what a fold reads of it."""

    id: int
    ticket: str
    type: str
    at: datetime
    state: str
    outline: str | None
    outline_hash: bytes | None
    quiet_before: datetime | None
    conflicting: bool


INBOX_COLUMNS = [
    undecoded(INBOX.c.outline) if name == "outline" else INBOX.c[name] for name in InboxRow._fields
]
OUTLINE_COLUMNS = [column for column in INBOX_COLUMNS if column.key in OutlineRow._fields]


class ForgedMessage(HotlineError):
    """A message of the inbox is not as it was written, or not for its ticket to have now."""

    def __init__(self, row: InboxRow | OutlineRow) -> None:
        self.row_id = row.id
        text = _("message {id} of ticket {ticket} was changed in the database; restore a backup")
        super().__init__(text.format(id=row.id, ticket=row.ticket))


def has_own_outline(cipher: Cipher, row: InboxRow | OutlineRow, outline: str) -> bool:
    """Return whether the outline of a row is as it was written, and what became of the row too."""
    stored, whole = row.outline_hash or b"", _whole_hash(cipher, row, outline)
    # earlier releases kept all of it
    return any(hmac.compare_digest(stored, each) for each in (whole[:DIGEST_BYTES], whole))


def outline_hash(cipher: Cipher, row: InboxRow | OutlineRow, outline: str) -> bytes:
    """Return the keyed hash of an outline, with the part of its row that a fold reads."""
    return _whole_hash(cipher, row, outline)[:DIGEST_BYTES]


def _whole_hash(cipher: Cipher, row: InboxRow | OutlineRow, outline: str) -> bytes:
    quiet_before = row.quiet_before and row.quiet_before.astimezone(UTC)
    place = (
        *(row.id, row.ticket, row.type, row.at.astimezone(UTC), quiet_before),
        *(row.state, row.conflicting),
    )
    return cipher.outline_hash(msgspec.json.encode(place) + outline.encode())
