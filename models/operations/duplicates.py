"""Find earlier tickets of the same claimant with the same facts (Regulation 2.2.6)."""

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
    """The keyed hash of who wrote a new ticket about what, and the first earlier ticket with it."""

    facts: bytes | None = None
    earlier: str | None = None


def find_duplicates(session: Session, received: Mapping[str, Message]) -> dict[str, DuplicateCheck]:
    """Check for each new ticket, by number, whether the same has come in before.

    The rule is that of `screening.find_repeats`, put as a query: earlier tickets are looked up by
    the keyed hash, of which the store has millions and a replay has none.
    """
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
    earliest: dict[bytes, tuple[datetime, str]] = {
        row.facts: (row.received_at, row.number)
        for row in session.execute(select(numbered).where(numbered.c.place == 1))
    }
    for number, hashed in hashes.items():
        present = (received[number].at, number)
        earliest[hashed] = min(earliest.get(hashed, present), present)
    checks = {}
    for number, message in received.items():
        if number not in hashes:
            checks[number] = DuplicateCheck()
            continue
        first_at, first_number = earliest[hashes[number]]
        is_repeated = (first_at, first_number) < (message.at, number)
        checks[number] = DuplicateCheck(hashes[number], first_number if is_repeated else None)
    return checks
