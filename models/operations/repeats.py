"""The same claimant with the same facts (Regulation 2.2.6): found by a keyed hash."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from models.database import Session
from models.rules.messages import Message
from models.rules.screening import same_matter
from models.tables.core import TICKET


@dataclass(frozen=True, slots=True)
class Matter:
    """What a new ticket is about, as a keyed hash, and the first earlier ticket about the same."""

    facts: bytes | None = None
    earlier: str | None = None


def matters(session: Session, received: Mapping[str, Message]) -> dict[str, Matter]:
    """For each new ticket, by number, whether its matter has come in before."""
    hashes: dict[str, bytes] = {}
    for number, message in received.items():
        if said := same_matter(message.body):
            hashes[number] = session.sealer.fingerprint(said)
    known: dict[bytes, list[tuple[Any, str]]] = {}
    rows = session.execute(
        select(TICKET.c.facts, TICKET.c.received_at, TICKET.c.number).where(
            TICKET.c.facts.in_(list(set(hashes.values())))
        )
    )
    for row in rows:
        known.setdefault(row.facts, []).append((row.received_at, row.number))
    for number, facts in hashes.items():
        known.setdefault(facts, []).append((received[number].at, number))
    found = {}
    for number, message in received.items():
        said_before = known.get(hashes.get(number, b""), ())
        earlier = min((k for k in said_before if k < (message.at, number)), default=None)
        found[number] = Matter(hashes.get(number), earlier[1] if earlier else None)
    return found
