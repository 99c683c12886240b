"""Past letters and the units that accepted them, for training."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import select

from models.database import Session, columns_to_decrypt
from models.rules.vocabulary import EventName, MessageType
from models.tables.core import EVENT, INBOX, TICKET
from models.tables.inbox import APPLIED

_TAKEN = (EventName.TICKET_ACCEPTED, EventName.TICKET_DEEMED_ACCEPTED)


class PastDispatch(NamedTuple):
    """A past letter in clear, and the unit that accepted it. It belongs in no log and no error."""

    title: str
    content: str
    unit: str


def past_dispatches(session: Session) -> Iterator[PastDispatch]:
    """Yield the letters that a unit has accepted, with that unit, in the order of arrival."""
    taken = select(EVENT.c.ticket_id).where(
        EVENT.c.ticket_id == TICKET.c.id, EVENT.c.name.in_(_TAKEN)
    )
    rows = session.execute(
        select(TICKET.c.unit, *columns_to_decrypt(INBOX.c.body))
        .join(INBOX, INBOX.c.ticket == TICKET.c.number)
        .where(
            INBOX.c.type == MessageType.TICKET_RECEIVED,
            INBOX.c.state == APPLIED,
            INBOX.c.current,
            TICKET.c.unit.is_not(None),
            taken.exists(),
        )
        .order_by(INBOX.c.id)
    )
    for row in rows:
        if body := session.texts(INBOX.c.body, row):
            title, content = (str(body.get(name) or "") for name in ("title", "content"))
            yield PastDispatch(title, content, row.unit)
