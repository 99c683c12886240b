"""A ticket's log as it is shown: kept texts told, what citizens wrote masked."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from models.database import Session
from models.errors import HotlineError
from models.i18n import _, readable
from models.rules.calendar import SHANGHAI
from models.rules.redaction import Redactor
from models.security.encryption import Encrypted
from models.tables.core import EVENT, TICKET


class TicketNotFound(HotlineError):
    """No ticket has this number."""

    def __init__(self, number: str) -> None:
        super().__init__(_("no ticket {number}; see `hotline queue`").format(number=number))
        self.number = number


def ticket_log(session: Session, number: str) -> Iterator[dict[str, Any]]:
    """The events of a ticket in order, as the interface has them. Raises TicketNotFound."""
    ticket = session.execute(
        select(TICKET.c.id, TICKET.c.claimant).where(TICKET.c.number == number)
    ).first()
    if ticket is None:
        raise TicketNotFound(number)
    rows = session.execute(
        select(EVENT).where(EVENT.c.ticket_id == ticket.id).order_by(EVENT.c.seq)
    )
    redactor = ticket_redactor(session, ticket.claimant)
    for row in rows:
        yield event_as_dict(session, number, row, redactor)


def ticket_redactor(session: Session, claimant: Encrypted | None) -> Redactor:
    """What hides this ticket's claimant in its texts."""
    return Redactor(session.cipher.decrypt(claimant) if claimant else {})


def event_as_dict(session: Session, number: str, row: Any, redactor: Redactor) -> dict[str, Any]:
    """One event as the interface has it, every instant in +08:00, its claimant hidden."""
    private = session.cipher.decrypt(row.private) if row.private else {}
    return {
        "seq": row.seq,
        "ticket": number,
        "at": row.at.astimezone(SHANGHAI).isoformat(),
        "event": row.name,
        **readable(row.data),
        **redactor.over(private),
    }
