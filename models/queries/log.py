"""A ticket's log as it is shown: kept texts told, what citizens wrote masked."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from models.database import Session
from models.errors import HotlineError
from models.labels import _, readable
from models.rules.calendar import SHANGHAI
from models.rules.text import clean, mask
from models.tables.core import EVENT, TICKET


class TicketNotFound(HotlineError):
    """No ticket has this number."""

    def __init__(self, number: str) -> None:
        super().__init__(_("no ticket {number}; see `hotline queue`").format(number=number))
        self.number = number


def ticket_log(session: Session, number: str) -> Iterator[dict[str, Any]]:
    """The events of a ticket in order, as the interface has them. Raises TicketNotFound."""
    ticket_id = session.scalar(select(TICKET.c.id).where(TICKET.c.number == number))
    if ticket_id is None:
        raise TicketNotFound(number)
    rows = session.execute(
        select(EVENT).where(EVENT.c.ticket_id == ticket_id).order_by(EVENT.c.seq)
    )
    for row in rows:
        yield shown_event(session, number, row)


def shown_event(session: Session, number: str, row: Any) -> dict[str, Any]:
    """One event as the interface has it, every instant in +08:00."""
    private = session.sealer.open(row.private) if row.private else {}
    return {
        "seq": row.seq,
        "ticket": number,
        "at": row.at.astimezone(SHANGHAI).isoformat(),
        "event": row.name,
        **readable(row.data),
        **masked(private),
    }


def masked(value: Any) -> Any:
    """What a citizen wrote, fit to be shown: no control characters, no numbers of persons."""
    match value:
        case str():
            return mask(clean(value))
        case dict():
            return {k: masked(v) for k, v in value.items()}
        case list():
            return [masked(v) for v in value]
        case _:
            return value
