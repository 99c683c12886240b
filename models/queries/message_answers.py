"""The answers to messages that somebody waits for."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select, tuple_

from models.database import Session, columns_to_decrypt
from models.queries.failures import reason_text
from models.security.message_ids import keyed_id
from models.tables.core import INBOX
from models.tables.inbox import REFUSED, WAITING

MessageKey = tuple[str, str]
"""A message's source and its id there."""


@dataclass(frozen=True, slots=True)
class MessageAnswer:
    """The decision about a message: applied, or refused and why."""

    refused: bool
    why: str = ""


def message_answers(
    session: Session, keys: Collection[MessageKey]
) -> dict[MessageKey, MessageAnswer]:
    """Return the answers to those of these messages that a worker has decided about."""
    if not keys:
        return {}
    kept_as = {(source, keyed_id(session.cipher, name)): (source, name) for source, name in keys}
    rows = session.execute(
        select(INBOX.c.state, INBOX.c.reason, *columns_to_decrypt(INBOX.c.body))
        .where(INBOX.c.current, INBOX.c.state != WAITING)
        .where(tuple_(INBOX.c.source, INBOX.c.message_id).in_(list(kept_as)))
    )
    return {
        kept_as[row.source, row.message_id]: MessageAnswer(
            row.state == REFUSED,
            reason_text(session, row) if row.state == REFUSED else "",
        )
        for row in rows
    }
