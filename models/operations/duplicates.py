"""The same claimant with the same facts (Regulation 2.2.6): found by a keyed hash."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from models.database import Session
from models.operations.blind_index import facts_hash
from models.rules.messages import Message, TicketReceived
from models.tables.core import TICKET


@dataclass(frozen=True, slots=True)
class DuplicateCheck:
    """What a new ticket is about, as a keyed hash, and the first earlier ticket about the same."""

    facts: bytes | None = None
    earlier: str | None = None


def find_duplicates(session: Session, received: Mapping[str, Message]) -> dict[str, DuplicateCheck]:
    """For each new ticket, by number, whether its matter has come in before."""
    hashes: dict[str, bytes] = {}
    for number, message in received.items():
        content = message.content
        if isinstance(content, TicketReceived) and (hashed := facts_hash(session.cipher, content)):
            hashes[number] = hashed
    first = (
        func.row_number()
        .over(partition_by=TICKET.c.facts, order_by=(TICKET.c.received_at, TICKET.c.number))
        .label("place")
    )
    placed = (
        select(TICKET.c.facts, TICKET.c.received_at, TICKET.c.number, first)
        .where(TICKET.c.facts.in_(list(set(hashes.values()))))
        .subquery()
    )
    earliest: dict[bytes, tuple[datetime, str]] = {
        row.facts: (row.received_at, row.number)
        for row in session.execute(select(placed).where(placed.c.place == 1))
    }
    for number, said in hashes.items():
        here = (received[number].at, number)
        earliest[said] = min(earliest.get(said, here), here)
    found = {}
    for number, message in received.items():
        if number not in hashes:
            found[number] = DuplicateCheck()
            continue
        before = earliest[hashes[number]]
        repeated = before < (message.at, number)
        found[number] = DuplicateCheck(hashes[number], before[1] if repeated else None)
    return found
