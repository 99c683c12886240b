"""Pack the state of a ticket that has come to rest: its row holds it in a sixth of the room."""

import zlib
from base64 import b64decode, b64encode

import msgspec

_MARK = "="
"""The beginning of every packed text, with which no JSON begins."""

_KNOWN = (
    b'"quiet_before":"days_kept":{"successors":{"evidenced":{"on_site":["deemed":true,"parties'
    b'":["suggested_known":false,"suggested_unit":"designated":true,"barred":["may_not_return"'
    b':true,"co_units":["limit":{"days":"basis":{"field":"emergency_line":"emergency":"topic":'
    b'"unknown","folds":1,"revisit_before":true,"rating_before":"reworked":true,"extensions_si'
    b'nce":1,"extensions":1,"restarted_at":"status":"closed","status":"withdrawn","status":"de'
    b'clined","rating":"dissatisfied","why":[{"text":"","args":{"remind_at":"2027-0"concerns":'
    b'1,"answer":"purpose":"unit":"denied","upheld","on_site":{"name":"on_site","evidence":{"n'
    b'ame":"evidence","proof/first":{"name":"proof","revisit":{"name":"revisit","holder":"dist'
    b'rict_desk","state":"cancelled","state":"late","state":"running","state":"expired","ordin'
    b'al":2,"provisional":true,"morning"],"evening"],"settled_at":"2026-1"category":"complaint'
    b'","category":"consultation","category":"suggestion","category":"report","category":"help'
    b'","contact_wanted":false,"rating":"satisfied","rating":"basically_satisfied","rating":"v'
    b'ery_satisfied",{"ticket":"","edition":2,"status":"archived","received_at":"2026-11-","un'
    b'it":"","receipts":{"":"T09:01:19+08:00"},"has_result":true,"reached":{"":"+08:00"},"cloc'
    b'ks":{"accept":{"name":"accept","base":"T09:01:19+08:00","due":"T17:30:00+08:00","holder"'
    b':"","state":"met","ended_at":"+08:00"},"handling":{"name":"handling","base":"+08:00","du'
    b'e":"T17:30:00+08:00","holder":"","state":"met","ended_at":"+08:00"},"first_contact":{"na'
    b'me":"first_contact","base":"+08:00","due":"T17:30:00+08:00","holder":"","state":"met","e'
    b'nded_at":"+08:00","failed":[["2026-","afternoon"]]},"survey":{"name":"survey","base":"+0'
    b'8:00","due":"T17:30:00+08:00","holder":"city_hotline","state":"met","ended_at":"+08:00"}'
    b',"result_review":{"name":"result_review","base":"+08:00","due":"T17:30:00+08:00","holder'
    b'":"city_hotline","state":"met","ended_at":"+08:00"},"closing_contact":{"name":"closing_c'
    b'ontact","base":"+08:00","due":"T17:30:00+08:00","holder":"","state":"met","ended_at":"+0'
    b'8:00"}},"ladder":[["prewarning","T08:30:00+08:00"],["yellow","T08:30:00+08:00"],["red","'
    b'T08:30:00+08:00"]],"run":1,"raised":["prewarning","yellow","red"],"completed_at":"+08:00'
    b'","settled_at":"+08:00","archive_at":"T17:30:00+08:00","seen_at":"+08:00","fired_at":"T1'
    b'7:30:00+08:00"}'
)
"""Texts that states have in common, the most frequent last.

What is stored was packed by it, so it is never changed: another one would need another mark.
"""

_RAW, _MEMORY = -15, 8
"""Deflate without a header, since the row has a hash of its own; the usual memory."""

_LONGEST = 1 << 20
"""Bytes of a state at most: who writes to the database must not fill the memory of a worker."""


def pack_state(plain: bytes) -> str:
    """Pack the JSON of a state, as text that both databases keep."""
    packer = zlib.compressobj(9, zlib.DEFLATED, _RAW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, _KNOWN)
    return _MARK + b64encode(packer.compress(plain) + packer.flush()).decode()


def is_packed(stored: bytes) -> bool:
    """Return whether a row holds a packed state."""
    return stored.startswith(_MARK.encode())


def unpack(stored: str) -> str:
    """Return the JSON that a row holds, whether it is packed or not. Raises msgspec.DecodeError."""
    if not stored.startswith(_MARK):
        return stored
    unpacker = zlib.decompressobj(_RAW, zdict=_KNOWN)
    try:
        return unpacker.decompress(b64decode(stored[len(_MARK) :]), _LONGEST).decode()
    except (zlib.error, ValueError) as error:
        raise msgspec.DecodeError(str(error)) from error
