"""The tickets that operators have claimed just now."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from models.database import Session
from models.tables.core import CLAIM, TICKET

CLAIM_TIME = timedelta(minutes=15)
"""The time after which a claim ends by itself: whoever left the desk keeps nobody waiting."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A ticket that somebody works at, since `at` by the system's clock."""

    ticket: str
    who: str
    at: datetime


def claims(session: Session, wall: datetime) -> dict[str, Claim]:
    """Return the claims that hold at `wall`, the system's time, by the number of the ticket."""
    rows = session.execute(
        select(TICKET.c.number, CLAIM.c.who, CLAIM.c.at)
        .join(CLAIM, CLAIM.c.ticket_id == TICKET.c.id)
        .where(CLAIM.c.at > wall - CLAIM_TIME)
    )
    return {row.number: Claim(*row) for row in rows}
