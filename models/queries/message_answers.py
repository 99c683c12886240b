"""The answers to messages that somebody waits for."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select

from models.database import Session, columns_to_decrypt
from models.membership import is_in
from models.queries.conditions import CURRENT_MESSAGE
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
    by_source: dict[str, dict[str, MessageKey]] = {}
    for source, name in keys:
        kept_as = keyed_id(session.cipher, name)
        by_source.setdefault(source, {})[kept_as] = source, name
    answers: dict[MessageKey, MessageAnswer] = {}
    for source, kept in by_source.items():
        rows = session.execute(
            select(INBOX.c.state, INBOX.c.reason, *columns_to_decrypt(INBOX.c.body))
            .where(CURRENT_MESSAGE, INBOX.c.state != WAITING, INBOX.c.source == source)
            .where(is_in(INBOX.c.message_id, list(kept)))
        )
        for row in rows:
            is_refused = row.state == REFUSED
            why = reason_text(session, row) if is_refused else ""
            answers[kept[row.message_id]] = MessageAnswer(is_refused, why)
    return answers
