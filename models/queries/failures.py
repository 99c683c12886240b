"""Refused messages and notices that no channel took, each with the reason."""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from sqlalchemy import ColumnElement, func, or_, select

from models.database import Session, columns_to_decrypt
from models.errors import UnreadableValue
from models.i18n import LazyText, render
from models.json_types import JsonObject
from models.queries.checked_rows import read_checked
from models.queries.conditions import FAILED_NOTICE, QUEUED_NOTICE, REFUSED_MESSAGE
from models.queries.event_channels import EventChannelStatus, event_channels
from models.rules.redaction import redact_text
from models.rules.text import clean
from models.security.message_ids import source_id
from models.sql_types import SelectedRow
from models.tables.core import INBOX, NOTICE, TICKET
from models.tables.inbox import WAITING
from models.tables.instants import is_instant

MESSAGE, NOTE = "message", "notice"
_UNKNOWN = datetime.min.replace(tzinfo=UTC)
"""Stands for a moment that cannot be read: it is listed last."""

MAX_LISTED = 500
"""The most of each that are listed, the latest first; all are counted."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A refused message or a failed notice; `id` is its row's, `what` its type or kind.

    `why` is a text of our own, or what the channel said. `message_id` is a message's in the inbox.
    """

    sort: str
    id: int
    ticket: str
    what: str
    source: str
    why: str
    at: datetime
    message_id: str = ""

    @property
    def key(self) -> str:
        """The key that it keeps: a message sent again and refused again is the same one."""
        if self.sort == MESSAGE:
            return f"{self.sort}:{self.source}:{self.message_id}"
        return f"{self.sort}:{self.id}"


@dataclass(frozen=True, slots=True)
class Failures:
    """The number of failures, the latest of them, and the channels of events that fail."""

    messages: int = 0
    notices: int = 0
    rows: tuple[Failure, ...] = ()
    channels: tuple[EventChannelStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """A refused message with its body in clear, for correcting it; whoever shows it redacts it.

    `missing` are the fields that it was refused for.
    """

    id: int
    source: str
    message_id: str
    type: str
    ticket: str
    why: str
    body: JsonObject
    missing: tuple[str, ...] = ()


def failures(session: Session, most: int | None = MAX_LISTED) -> Failures:
    """Read refused messages that nobody has corrected yet, and notices given up, latest first.

    All are counted; of each at most `most` are listed.
    """
    refused = REFUSED_MESSAGE, INBOX.c.current
    messages = session.scalar(select(func.count(INBOX.c.id)).where(*refused)) or 0
    notices = session.scalar(select(func.count(NOTICE.c.id)).where(FAILED_NOTICE)) or 0
    rows = _refused(session, most, *refused)
    given_up = session.execute(
        select(NOTICE.c.id, TICKET.c.number, NOTICE.c.kind, NOTICE.c.recipient, NOTICE.c.error)
        .add_columns(NOTICE.c.queued_at)
        .join(TICKET, TICKET.c.id == NOTICE.c.ticket_id)
        .where(FAILED_NOTICE)
        .order_by(NOTICE.c.id.desc())
        .limit(most)
    )
    rows += [Failure(NOTE, n[0], n[1], n[2], n[3], clean(n[4] or ""), n[5]) for n in given_up]
    rows.sort(key=lambda f: f.at, reverse=True)
    failing = tuple(channel for channel in event_channels(session) if channel.error is not None)
    return Failures(messages, notices, tuple(rows), failing)


def stuck_notices(session: Session, tries: int, before: datetime) -> list[str]:
    """Return the ticket of each notice that waits after so many tries, or since before a moment.

    One of which nobody can read since when it waits is among them.
    """
    since = NOTICE.c.queued_at
    is_stuck = or_(NOTICE.c.tries >= tries, since < before, ~is_instant(session.dialect, since))
    tickets = select(TICKET.c.number).join(NOTICE, NOTICE.c.ticket_id == TICKET.c.id)
    stuck = tickets.where(QUEUED_NOTICE, is_stuck).order_by(NOTICE.c.id)
    return list(session.scalars(stuck))


def unanswered_messages(session: Session, ticket: str) -> tuple[int, list[Failure]]:
    """Return how many messages wait under a ticket's number, and those refused, latest first."""
    waiting = select(func.count(INBOX.c.id)).where(
        INBOX.c.ticket == ticket, INBOX.c.state == WAITING, INBOX.c.current
    )
    refused = _refused(session, None, REFUSED_MESSAGE, INBOX.c.current, INBOX.c.ticket == ticket)
    return session.scalar(waiting) or 0, refused


def _refused(session: Session, most: int | None, *conditions: ColumnElement[bool]) -> list[Failure]:
    """Return refused messages, also those of which something cannot be read."""
    columns = dict.fromkeys(
        (INBOX.c.reason, INBOX.c.arrived_at, INBOX.c.message_id, *columns_to_decrypt(INBOX.c.body))
    )
    rows = read_checked(
        session,
        list(columns),
        lambda q: q.where(*conditions).order_by(INBOX.c.id.desc()).limit(most),
    )
    return [
        Failure(
            MESSAGE,
            r.id,
            r.ticket or "",
            r.type or "",
            r.source or "",
            str(UnreadableValue()) if r.unreadable else reason_text(session, r),
            r.arrived_at or _UNKNOWN,
            r.message_id or "",
        )
        for r in rows
    ]


def refused_message(session: Session, row_id: int) -> RefusedMessage | None:
    """Read a refused message with its body; None where it has been corrected since."""
    row = session.execute(
        select(INBOX).where(INBOX.c.id == row_id, REFUSED_MESSAGE, INBOX.c.current)
    ).first()
    if row is None:
        return None
    why = reason_text(session, row)
    body = session.texts(INBOX.c.body, row)
    message_id = source_id(session.cipher, row.message_id, body)
    missing = tuple((row.reason or {}).get("missing", ()))
    return RefusedMessage(row.id, row.source, message_id, row.type, row.ticket, why, body, missing)


def reason_text(session: Session, row: SelectedRow) -> str:
    """Return why a message was refused, in words; numbers of persons in it are redacted.

    The row has the reason, and what decrypting the body needs, whose texts the reason may repeat.
    """
    if not row.reason:
        return ""
    try:
        why = msgspec.convert(row.reason["why"], LazyText)
    except (KeyError, TypeError, msgspec.ValidationError):
        return str(UnreadableValue())
    if why.private:
        message = session.texts(INBOX.c.body, row)
        why = why.with_texts({text.field: text.find_in(message) for text in why.private})
    return redact_text(clean(render(why)))
