"""The ids of messages in the inbox, in which digests of what people wrote are keyed.

Ids that are made of a message's content hold a digest of it, by which whoever reads the database
could try out what a letter says. In the inbox a hash under the store's own key takes its place. It
begins with a letter that no digest has, so that an id is keyed once, however often it passes here.
"""

import re

from models.rules.messages import OF_SEVERAL_TICKETS, Envelope, RawMessage, sent_id_of
from models.security.encryption import Cipher

_PART = re.compile(r"(#[^#]+#)([0-9a-f]{12})(?=#|\Z)")
"""The digest behind a name in the id of a reply, a change, or a letter under another's number."""

_WHOLE = re.compile(r"[0-9a-f]{32}(?=-|\Z)")
"""The digest that is the id of a message without one, or begins it for one of several tickets."""

_MARK = "k"


def keyed_id(cipher: Cipher, message_id: str) -> str:
    """Return an id that a letter's feed has made, with its digests keyed; others as they are."""
    return _PART.sub(lambda m: m[1] + _keyed(cipher, m.string[: m.end()], len(m[2])), message_id)


def source_id(cipher: Cipher, message_id: str, body: RawMessage) -> str:
    """Return the id by which the feed of a message knows it, as far as its body has it."""
    sent_id = sent_id_of(body)
    return sent_id if sent_id and keyed_id(cipher, sent_id) == message_id else message_id


def inbox_id(cipher: Cipher, envelope: Envelope, raw: RawMessage) -> str:
    """Return the id under which the inbox has a message."""
    message_id = envelope.id
    if (digest := _WHOLE.match(message_id)) and _is_made_here(envelope, raw):
        return _keyed(cipher, digest[0], len(digest[0])) + message_id[digest.end() :]
    return keyed_id(cipher, message_id)


def _is_made_here(envelope: Envelope, raw: RawMessage) -> bool:
    """Return whether an id that looks like a digest is one, and not its source's own."""
    if sent_id_of(raw) is None:
        return True
    return envelope.type in OF_SEVERAL_TICKETS and envelope.id[32:] == f"-{raw.get('ticket')}"


def _keyed(cipher: Cipher, text: str, length: int) -> str:
    return _MARK + cipher.id_hash(text.encode()).hex()[:length]
