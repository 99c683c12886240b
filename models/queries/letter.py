"""The letter that a ticket began with."""

from sqlalchemy import select

from models.database import Session, columns_to_decrypt
from models.i18n import _
from models.json_types import JsonObject
from models.rules.vocabulary import MessageType
from models.tables.core import INBOX
from models.tables.inbox import APPLIED


def read_letter(session: Session, number: str) -> JsonObject:
    """Return the message that a ticket began with, in clear; whoever shows it redacts it."""
    row = session.execute(
        select(*columns_to_decrypt(INBOX.c.body))
        .where(
            INBOX.c.ticket == number, INBOX.c.type == MessageType.TICKET_RECEIVED, INBOX.c.current
        )
        .where(INBOX.c.state == APPLIED)
        .order_by(INBOX.c.id)
        .limit(1)
    ).first()
    if row is None:
        return {}
    return session.texts(INBOX.c.body, row) or {"content": _("(erased)")}
