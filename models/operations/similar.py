"""Index new letters by what they say, so that similar ones can be found."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, exists, func, select

from models.bulk import insert_missing
from models.database import Session, Store
from models.json_types import JsonObject
from models.queries.letter import letters_to_compare
from models.rules.similarity import BAND_BYTES, shingles_of
from models.tables.core import SIMILARITY, TICKET

_BANDS, _ROWS = 16, 3
"""Letters that share half of their shingles share a band in 88 of 100 cases, with 0.7 always."""

_LOOK_BACK = 50_000
"""Tickets are committed in another order than that of their ids: so far back some may be new."""


_AT_ONCE = 200
"""Letters that are read in one transaction."""

BandRow = dict[str, int | bytes]


class NewBands(NamedTuple):
    """The bands of letters, and the last of the tickets that were looked at; None for none."""

    rows: list[BandRow]
    last: int | None


def new_bands(session: Session, since: datetime, most: int, after: int = 0) -> NewBands:
    """Return the bands of up to `most` letters received from `since` on that have none yet.

    It goes on after the ticket of the id `after`. It only reads, so that no lock is held meanwhile;
    `add_bands` stores them. Letters whose key has not come yet are left for later.
    """
    furthest = session.scalar(select(func.coalesce(func.max(SIMILARITY.c.ticket_id), 0))) or 0
    looked_at = exists().where(SIMILARITY.c.ticket_id == TICKET.c.id)
    numbers = session.execute(
        select(TICKET.c.id, TICKET.c.number)
        .where(TICKET.c.id > max(furthest - _LOOK_BACK, after), TICKET.c.received_at >= since)
        .where(~looked_at)
        .order_by(TICKET.c.id)
        .limit(most)
    ).all()
    letters = letters_to_compare(session, [row.number for row in numbers])
    bands: list[BandRow] = [
        {"ticket_id": row.id, "hashes": _bands(session, letter)}
        for row in numbers
        if (letter := letters.get(row.number, {})) is not None
    ]
    return NewBands(bands, numbers[-1].id if numbers else None)


def add_bands(session: Session, bands: Sequence[BandRow]) -> None:
    """Store what `new_bands` returned; another process may have stored the same already."""
    insert_missing(session.connection(), SIMILARITY, bands)


def add_all_bands(store: Store, since: datetime) -> None:
    """Store the bands of all letters received from `since` on that have none yet."""
    after: int | None = 0
    while after is not None:
        with store.reading() as session:
            bands = new_bands(session, since, _AT_ONCE, after)
        if bands.rows:
            with store.writing() as session:
                add_bands(session, bands.rows)
        after = bands.last


def delete_old_bands(session: Session, before: datetime) -> None:
    """Delete the bands of letters received before this moment, which are compared no more."""
    old = select(TICKET.c.id).where(TICKET.c.received_at < before)
    session.execute(delete(SIMILARITY).where(SIMILARITY.c.ticket_id.in_(old)))


def _bands(session: Session, body: JsonObject) -> bytes:
    """Return the keyed hashes of a letter's bands; none where it says too little."""
    from models.rules.minhash import signature  # noqa: PLC0415  (numpy takes 14 MB)

    pieces = shingles_of(body)
    if not pieces:
        return b""
    values = signature(pieces, _BANDS * _ROWS).astype("<u8")
    parts = [values[n : n + _ROWS].tobytes() for n in range(0, len(values), _ROWS)]
    keyed = [session.cipher.keyed_hash(b"matter%d" % n + part) for n, part in enumerate(parts)]
    return b"".join(each[:BAND_BYTES] for each in keyed)
