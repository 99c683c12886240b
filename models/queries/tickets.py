"""What other parts need to know of tickets by their numbers."""

from collections.abc import Collection

from sqlalchemy import select

from models.database import Session
from models.tables.core import TICKET


def units_of_tickets(session: Session, numbers: Collection[str]) -> dict[str, str]:
    """The units that have these tickets; a ticket without a unit is left out."""
    rows = session.execute(
        select(TICKET.c.number, TICKET.c.unit).where(
            session.is_in(TICKET.c.number, numbers), TICKET.c.unit.is_not(None)
        )
    )
    return {row.number: row.unit for row in rows}
