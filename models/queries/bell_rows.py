"""Find the tickets of the rows that a bell names, and the rows of tickets.

A bell carries row ids and nothing else, since whoever reaches the broker can read it; tickets are
locked and named in the logs by number. So a worker turns ids into numbers before its transaction,
and numbers into ids again for the few tickets that another worker held.
"""

from collections.abc import Sequence

from sqlalchemy import select

from models.database import Session
from models.membership import is_in
from models.rules.queues import ESCALATION
from models.tables.core import INBOX, TICKET
from models.tables.inbox import WAITING


def tickets_of_rows(session: Session, queue: str, ids: Sequence[int]) -> Sequence[str]:
    """Return the numbers of the tickets that a bell of this queue is about.

    In the queue of clocks the ids are tickets', elsewhere those of messages; of a message that does
    not wait any more there is none.
    """
    if queue == ESCALATION:
        tickets = select(TICKET.c.number).where(is_in(TICKET.c.id, ids))
        return session.scalars(tickets).all()
    waiting = is_in(INBOX.c.id, ids) & (INBOX.c.state == WAITING)
    return session.scalars(select(INBOX.c.ticket).where(waiting).distinct()).all()


def rows_of_tickets(session: Session, queue: str, numbers: Sequence[str]) -> Sequence[int]:
    """Return the ids that bells of this queue carry for these tickets."""
    if queue == ESCALATION:
        tickets = select(TICKET.c.id).where(is_in(TICKET.c.number, numbers))
        return session.scalars(tickets).all()
    waiting = is_in(INBOX.c.ticket, numbers) & (INBOX.c.state == WAITING)
    return session.scalars(select(INBOX.c.id).where(waiting, INBOX.c.queue == queue)).all()
