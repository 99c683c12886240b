"""Pack what is kept for long: states at rest, lines of logs, and outlines of messages."""

import zlib
from base64 import b64decode, b64encode
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import msgspec

from models.rules.known_texts import IN_LINES, IN_STATES
from models.rules.vocabulary import EventName

_STATE_MARK = "="
"""The beginning of every packed state, with which no JSON begins."""
_LINE_MARK = b"\1"
"""The beginning of packed lines and outlines."""

_RAW, _MEMORY = -15, 8
"""Deflate without a header, since the row has a hash of its own; the usual memory."""
_SMALL_RAW, _SMALL_MEMORY = -12, 4
"""A window that holds the known texts, and little memory, which is set up for every value."""

_LONGEST = 1 << 20
"""Bytes of JSON at most: who writes to the database must not fill the memory of a worker."""

_ALIKE = 1_024
"""Lines that are packed once: those of one batch are much alike."""

READ_BY_QUERIES = frozenset({
    EventName.ALERT_RAISED, EventName.ALERT_WITHDRAWN, EventName.DECISION_WITHDRAWN,
    EventName.TICKET_ACCEPTED, EventName.TICKET_DEEMED_ACCEPTED, EventName.UNIT_SUCCEEDED,
    EventName.TICKET_RETURNED, EventName.REWORK_OPENED, EventName.EXTENSION_GRANTED,
    EventName.CONDUCT_RECORDED, EventName.CONDUCT_PROPOSED,
    EventName.RESULT_SUBMITTED, EventName.SURVEY_RATED, EventName.RATING_CORRECTED,
})  # fmt: skip
"""The events whose data the bulletin's queries look into (`queries/figures.py`): never packed."""


class Packed(NamedTuple):
    """Packed JSON, as it is stored."""

    stored: bytes


StoredJson: TypeAlias = Packed | msgspec.Raw
"""JSON as a column of packed JSON takes it: packed, or in clear."""


def pack_state(plain: bytes) -> str:
    """Pack the JSON of a state, as text that both databases keep."""
    packer = zlib.compressobj(9, zlib.DEFLATED, _RAW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, IN_STATES)
    return _STATE_MARK + b64encode(packer.compress(plain) + packer.flush()).decode()


def is_packed(stored: bytes) -> bool:
    """Return whether a row holds a packed state."""
    return stored.startswith(_STATE_MARK.encode())


def unpack(stored: str) -> str:
    """Return the JSON that a row holds, whether it is packed or not. Raises msgspec.DecodeError."""
    if not stored.startswith(_STATE_MARK):
        return stored
    try:
        return _inflate(b64decode(stored[len(_STATE_MARK) :]), _RAW, IN_STATES).decode()
    except ValueError as error:
        raise msgspec.DecodeError(str(error)) from error


_line_packer = zlib.compressobj(
    9, zlib.DEFLATED, _SMALL_RAW, _SMALL_MEMORY, zlib.Z_DEFAULT_STRATEGY, IN_LINES
)


@lru_cache(_ALIKE)
def pack_json(plain: bytes) -> StoredJson:
    """Pack JSON that is much like that of other rows, where that makes it shorter."""
    packer = _line_packer.copy()
    stored = _LINE_MARK + packer.compress(plain) + packer.flush()
    return Packed(stored) if len(stored) < len(plain) else msgspec.Raw(plain)


def pack_line(name: str, data: bytes) -> StoredJson:
    """Pack the data of a log's line, unless queries look into it."""
    return msgspec.Raw(data) if name in READ_BY_QUERIES else pack_json(data)


def is_packed_json(stored: bytes) -> bool:
    """Return whether stored JSON is packed."""
    return stored.startswith(_LINE_MARK)


def unpack_json(stored: bytes) -> str:
    """Return the JSON that `pack_json` packed. Raises msgspec.DecodeError."""
    try:
        return _inflate(stored[len(_LINE_MARK) :], _SMALL_RAW, IN_LINES).decode()
    except ValueError as error:
        raise msgspec.DecodeError(str(error)) from error


def _inflate(deflated: bytes, window: int, known: bytes) -> bytes:
    """Return what was deflated; raises ValueError where that is nothing, or too long."""
    unpacker = zlib.decompressobj(window, zdict=known)
    try:
        inflated = unpacker.decompress(deflated, _LONGEST)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("cut short, or too long")
    return inflated
