"""Find earlier tickets of the same claimant with the same facts (Regulation 2.2.6)."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select

from models.database import Session
from models.operations.blind_index import facts_hash
from models.rules.messages import Message, TicketReceived
from models.rules.screening import Receipt, match_repeats
from models.tables.core import TICKET


@dataclass(frozen=True, slots=True)
class DuplicateCheck:
    """The keyed hash of who wrote a new ticket about what, and the first earlier ticket with it."""

    facts: bytes | None = None
    earlier: str | None = None


def find_duplicates(session: Session, received: Mapping[str, Message]) -> dict[str, DuplicateCheck]:
    """Check for each new ticket, by number, whether the same has come in before."""
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
    numbered = (
        select(TICKET.c.facts, TICKET.c.received_at, TICKET.c.number, first)
        .where(TICKET.c.facts.in_(list(set(hashes.values()))))
        .subquery()
    )
    earliest: dict[bytes, Receipt] = {
        row.facts: (row.received_at, row.number)
        for row in session.execute(select(numbered).where(numbered.c.place == 1))
    }
    begun = [(hashed, (received[number].at, number)) for number, hashed in hashes.items()]
    repeats = match_repeats(earliest, begun)
    return {number: DuplicateCheck(hashes.get(number), repeats.get(number)) for number in received}
