"""The messages of tickets as the inbox holds them: read for the first time, or from outlines."""

from collections.abc import Sequence

import msgspec

from models.database import Session
from models.queries.inbox_rows import ForgedMessage, InboxRow, OutlineRow, has_own_outline
from models.rules.calendar import SHANGHAI
from models.rules.message_outline import decode_outline
from models.rules.messages import Message, RawMessage, read_message
from models.rules.routing.directory import Directory
from models.rules.routing.unit_history import Succession
from models.rules.vocabulary import MessageType
from models.tables.core import INBOX
from models.tables.inbox import NO_QUEUE, WAITING


def read_inbox_row(
    session: Session, row: InboxRow, directory: Directory, passed_on: Sequence[Succession] = ()
) -> Message:
    """Read the message of a row; where that was read before, its outline of then.

    `passed_on` are the successions of its ticket, for a message that is read for the first time.
    Raises ForgedMessage.
    """
    if row.outline is None:
        if row.queue == NO_QUEUE:
            raise ForgedMessage(row)
        return directory.resolve_names(read_message_of(session, row), passed_on)
    return read_outline(session, row, row.outline)


def read_outline(session: Session, row: InboxRow | OutlineRow, outline: str) -> Message:
    """Read a message from its outline. Raises ForgedMessage."""
    if row.state == WAITING or not has_own_outline(session.cipher, row, outline):
        raise ForgedMessage(row)
    at = row.at.astimezone(SHANGHAI)
    kind = MessageType(row.type)
    return decode_outline(kind, row.ticket, at, row.id, outline, row.quiet_before)


def read_texts(session: Session, row: InboxRow) -> RawMessage:
    """Return the message of a row as it came, with all its texts."""
    return session.texts(INBOX.c.body, row)


def read_message_of(session: Session, row: InboxRow) -> Message:
    """Read the message of a row with its texts, its units as the source named them."""
    at = row.at.astimezone(SHANGHAI)
    message = read_message(row.type, row.ticket, at, row.id, read_texts(session, row))
    if row.quiet_before is not None:
        message = msgspec.structs.replace(message, quiet_before=row.quiet_before)
    return message
