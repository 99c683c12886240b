"""Tickets' logs as they are shown: texts rendered, what citizens wrote redacted."""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain, groupby
from typing import NamedTuple

import msgspec
from sqlalchemy import select

from models.database import Session, columns_to_decrypt
from models.errors import HotlineError
from models.i18n import _, readable
from models.json_types import JsonObject
from models.rules.calendar import SHANGHAI
from models.rules.events import BLINDING, own_texts
from models.rules.old_lines import texts_of
from models.rules.redaction import Redactor
from models.rules.vocabulary import EventName
from models.security.encryption import Encrypted, TextsErased
from models.sql_types import SelectedRow
from models.tables.core import EVENT, INBOX, TICKET
from models.tables.inbox import REFUSED


class TicketNotFound(HotlineError):
    """There is no ticket of this number."""

    def __init__(self, number: str) -> None:
        super().__init__(_("no ticket {number}; see `hotline queue`").format(number=number))
        self.number = number


class LogRow(NamedTuple):
    """A row of a ticket's log as far as it is shown."""

    seq: int
    at: datetime
    name: str
    data: JsonObject
    private: Encrypted | None
    original: Encrypted | None


LOG_COLUMNS = [EVENT.c[name] for name in LogRow._fields]


def ticket_log(session: Session, number: str) -> Iterator[JsonObject]:
    """Yield the events of a ticket in order, for output. Raises TicketNotFound."""
    ticket = session.execute(
        select(TICKET.c.id, *columns_to_decrypt(TICKET.c.claimant)).where(TICKET.c.number == number)
    ).first()
    if ticket is None:
        raise TicketNotFound(number)
    rows = session.execute(
        select(*LOG_COLUMNS).where(EVENT.c.ticket_id == ticket.id).order_by(EVENT.c.seq)
    )
    redactor = ticket_redactor(session, ticket)
    for row in rows:
        yield event_as_dict(session, number, LogRow(*row), redactor)


def all_logs(session: Session) -> Iterator[JsonObject]:
    """Yield the events of all tickets for output, one ticket after another."""
    rows = session.execute(
        select(*LOG_COLUMNS, TICKET.c.number, TICKET.c.claimant)
        .join(TICKET, TICKET.c.id == EVENT.c.ticket_id)
        .order_by(EVENT.c.ticket_id, EVENT.c.seq)
    ).all()
    for number, events in groupby(rows, key=lambda row: str(row.number)):
        first = next(events)
        redactor = ticket_redactor(session, first)
        for row in chain([first], events):
            yield event_as_dict(session, number, LogRow(*row[: len(LOG_COLUMNS)]), redactor)


class RefusalOutsideLogs(NamedTuple):
    """A refused message whose ticket has no log that could say so; `reason` as it is stored."""

    ticket: str
    at: datetime
    type: str
    reason: JsonObject


def refusals_outside_logs(session: Session) -> Iterator[RefusalOutsideLogs]:
    """Return the refused messages that no ticket's log has, in the order of arrival."""
    logged = select(EVENT.c.cause).where(EVENT.c.name == EventName.MESSAGE_REFUSED)
    rows = session.execute(
        select(*(INBOX.c[name] for name in RefusalOutsideLogs._fields))
        .where(INBOX.c.state == REFUSED, INBOX.c.id.not_in(logged))
        .order_by(INBOX.c.id)
    )
    return (RefusalOutsideLogs(*row) for row in rows)


def ticket_redactor(session: Session, ticket: SelectedRow) -> Redactor:
    """Return what redacts the claimant of a ticket in texts; its row has `number`, `claimant`."""
    return Redactor(session.texts(TICKET.c.claimant, ticket))


def line_texts(session: Session, number: str, row: LogRow | SelectedRow) -> JsonObject:
    """Return the texts of a ticket's line in clear, by field; whoever shows them redacts them."""
    texts = session.texts(EVENT.c.private, row, number)
    texts.pop(BLINDING, None)
    if row.original is not None:
        try:
            original = session.decrypt(EVENT.c.original, row, number)
        except TextsErased:
            return texts
        texts = texts | texts_of(msgspec.json.decode(original), row.name)
    return texts


def event_as_dict(session: Session, number: str, row: LogRow, redactor: Redactor) -> JsonObject:
    """Return one event for output, every instant in +08:00, its claimant redacted."""
    return event_with_texts(number, row, redactor.redact(line_texts(session, number, row)))


def event_with_texts(number: str, row: LogRow, private: JsonObject) -> JsonObject:
    """Return one event for output, every instant in +08:00, with these as its texts."""
    return {
        "seq": row.seq,
        "ticket": number,
        "at": row.at.astimezone(SHANGHAI).isoformat(),
        "event": row.name,
        **readable(row.data, private),
        **own_texts(row.name, private),
    }
