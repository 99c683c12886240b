"""Redact the titles that a store holds, as those of new tickets are."""

from sqlalchemy import select

from models.bulk import update_rows
from models.database import Store
from models.queries.log import ticket_redactor
from models.tables.core import TICKET

_BATCH = 500


def redact_titles(store: Store) -> int:
    """Redact the titles of all tickets anew; returns the number of those that have changed.

    For a store whose titles were redacted by older rules. A batch of tickets is a transaction, so
    it may be stopped and begun again.
    """
    after, changed = 0, 0
    while True:
        with store.writing() as session:
            tickets = session.execute(
                select(TICKET.c.id, TICKET.c.title, TICKET.c.claimant)
                .where(TICKET.c.id > after)
                .order_by(TICKET.c.id)
                .limit(_BATCH)
            ).all()
            if not tickets:
                return changed
            rows = [
                {"id": ticket.id, "title": title}
                for ticket in tickets
                if (title := ticket_redactor(session, ticket.claimant).redact_text(ticket.title))
                != ticket.title
            ]
            update_rows(session.connection(), TICKET, rows)
        after, changed = tickets[-1].id, changed + len(rows)
