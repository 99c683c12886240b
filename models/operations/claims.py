"""Claim a ticket, so that no two operators call the same claimant; it is no event of the ticket."""

from datetime import datetime

from sqlalchemy import delete, or_, select

from models.database import Session
from models.queries.claims import CLAIM_TIME, Claim
from models.queries.log import TicketNotFound
from models.rules.vocabulary import Permission
from models.security.roles import Actor
from models.tables.core import CLAIM, TICKET


def claim(session: Session, actor: Actor, number: str, wall: datetime) -> Claim:
    """Claim a ticket or renew the claim; returns the one that holds, which may be another's.

    `wall` is the system's time. Raises NotAllowed, TicketNotFound.
    """
    actor.require(Permission.ACT, number)
    ticket_id = session.scalar(select(TICKET.c.id).where(TICKET.c.number == number))
    if ticket_id is None:
        raise TicketNotFound(number)
    wanted = session.insert(CLAIM).values(ticket_id=ticket_id, who=actor.name, at=wall)
    is_free = or_(CLAIM.c.who == actor.name, CLAIM.c.at <= wall - CLAIM_TIME)
    session.execute(
        wanted.on_conflict_do_update(
            index_elements=["ticket_id"],
            set_={"who": wanted.excluded.who, "at": wanted.excluded.at},
            where=is_free,
        )
    )
    row = session.execute(select(CLAIM).where(CLAIM.c.ticket_id == ticket_id)).one()
    return Claim(number, row.who, row.at)


def release(session: Session, actor: Actor, number: str) -> None:
    """End one's own claim of a ticket, if there is one; another's stays."""
    ticket_id = select(TICKET.c.id).where(TICKET.c.number == number).scalar_subquery()
    mine = CLAIM.c.ticket_id == ticket_id, CLAIM.c.who == actor.name
    session.execute(delete(CLAIM).where(*mine))
