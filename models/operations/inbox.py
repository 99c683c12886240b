"""Messages come into the inbox, each once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select, update

from models.database import Session
from models.labels import Said, say
from models.operations.ringing import bell, set_bells
from models.rules.messages import Envelope, Refusal, envelope
from models.rules.queues import queue_of
from models.tables.core import INBOX, TICKET
from models.tables.inbox import REFUSED

_CHUNK = 500
"""Rows looked up at once; SQLite allows a limited number of values in a statement."""


@dataclass
class Put:
    """What became of the messages handed in; `refused` are indexes with the reason."""

    enqueued: int = 0
    duplicate: int = 0
    refused: list[tuple[int, Said]] = field(default_factory=list)


def put(
    session: Session,
    source: str,
    messages: Sequence[Mapping[str, Any]],
    now: datetime,
    latest: datetime | None = None,
) -> Put:
    """Put messages into the inbox, in the order given; they wait there for their own `at`.

    The same id of the same source is the same message and changes nothing, unless it had been
    refused and comes back with another content: then it takes the refused one's place. A message
    dated after `latest`, if that is given, is refused: its sender's clock is wrong.
    """
    result = Put()
    kept: dict[str, tuple[Envelope, bytes, Mapping[str, Any]]] = {}
    for index, raw in enumerate(messages):
        found = envelope(raw)
        if isinstance(found, Refusal):
            result.refused.append((index, found.why))
        elif latest is not None and found.at > latest:
            why = say("the time {at} lies in the future", at=found.at.isoformat())
            result.refused.append((index, why))
        elif found.id in kept:
            result.duplicate += 1
        else:
            canonical = msgspec.json.encode(raw, order="deterministic")
            kept[found.id] = (found, session.sealer.fingerprint(canonical), raw)
    names = list(kept)
    for start in range(0, len(names), _CHUNK):
        part = {n: kept[n] for n in names[start : start + _CHUNK]}
        enqueued = _put_chunk(session, source, part, now)
        result.enqueued += enqueued
        result.duplicate += len(part) - enqueued
    return result


def _put_chunk(
    session: Session,
    source: str,
    part: Mapping[str, tuple[Envelope, bytes, Mapping[str, Any]]],
    now: datetime,
) -> int:
    mended = [
        row.id
        for row in session.execute(
            select(INBOX.c.id, INBOX.c.message_id, INBOX.c.digest).where(
                INBOX.c.source == source,
                INBOX.c.message_id.in_(list(part)),
                INBOX.c.current,
                INBOX.c.state == REFUSED,
            )
        )
        if row.digest != part[row.message_id][1]
    ]
    if mended:
        session.execute(update(INBOX).where(INBOX.c.id.in_(mended)).values(current=False))
    numbers = {e.ticket for e, _, _ in part.values()}
    urgent = set(
        session.scalars(
            select(TICKET.c.number).where(
                TICKET.c.number.in_(numbers), TICKET.c.emergency.is_not(None)
            )
        )
    )
    rows = [
        {
            "source": source,
            "message_id": e.id,
            "digest": fingerprint,
            "ticket": e.ticket,
            "type": e.type,
            "queue": queue_of(e.type, emergency="emergency" in raw or e.ticket in urgent),
            "at": e.at,
            "arrived_at": now,
            "body": session.sealer.seal(raw),
            "state": "waiting",
            "current": True,
            "conflicting": False,
        }
        for e, fingerprint, raw in part.values()
    ]
    insert = session.insert(INBOX).on_conflict_do_nothing()
    kept = session.execute(insert.returning(INBOX.c.id, INBOX.c.queue, INBOX.c.at), rows).all()
    set_bells(session, (bell(row.queue, row.id, max(now, row.at)) for row in kept))
    return len(kept)
