"""Tickets with all the messages that they are made of, to be folded again in memory."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

import msgspec
from sqlalchemy import ColumnElement, and_, select

from models.database import Session
from models.membership import is_in
from models.queries.conditions import OPEN_TICKET
from models.queries.inbox_rows import INBOX_COLUMNS, OUTLINE_COLUMNS, InboxRow, OutlineRow
from models.queries.stored_messages import read_inbox_row, read_outline
from models.rules.messages import Message
from models.rules.packing import unpack
from models.rules.routing.directory import Directory
from models.tables.core import INBOX, TICKET
from models.tables.inbox import WAITING


class TicketChoice(NamedTuple):
    """A choice of tickets: received from one moment until before another, the open ones, or all."""

    begins_at: datetime | None = None
    ends_at: datetime | None = None
    only_open: bool = False


class TicketLife(NamedTuple):
    """A ticket with its messages in the order in which they count, and what it is folded under.

    `days_kept` are days that count for it as they did before they were declared otherwise.
    """

    number: str
    policy_id: str
    days_kept: Mapping[str, bool]
    messages: Sequence[Message]


class _KeptDays(msgspec.Struct):
    """The part of a stored state that a fold from the start needs."""

    days_kept: dict[str, bool] = {}


_kept_days = msgspec.json.Decoder(_KeptDays).decode


def chosen_tickets(session: Session, choice: TicketChoice) -> list[int]:
    """Return the ids of the tickets of a choice, in order; those that have not begun are none."""
    query = select(TICKET.c.id).where(_condition(choice)).order_by(TICKET.c.id)
    return list(session.scalars(query))


def ticket_lives(
    session: Session, ids: Sequence[int], directory: Directory
) -> Iterator[TicketLife]:
    """Yield these tickets in order, each with its messages. Raises ForgedMessage.

    Messages that wait for their ticket are no part of it yet.
    """
    tickets = session.execute(
        select(TICKET.c.number, TICKET.c.policy_id, TICKET.c.state)
        .where(is_in(TICKET.c.id, ids))
        .order_by(TICKET.c.id)
    ).all()
    numbers = [ticket.number for ticket in tickets]
    rows = session.execute(
        select(*OUTLINE_COLUMNS)
        .where(is_in(INBOX.c.ticket, numbers), INBOX.c.current)
        .where(INBOX.c.state != WAITING, INBOX.c.conflicting.is_(False))
        .order_by(INBOX.c.ticket, INBOX.c.at, INBOX.c.id)
    )
    grouped = groupby(map(OutlineRow._make, rows), key=lambda row: row.ticket)
    messages = {
        number: [_read(session, row, directory) for row in of_ticket]
        for number, of_ticket in grouped
    }
    for ticket in tickets:
        kept = _kept_days(unpack(ticket.state)).days_kept
        yield TicketLife(ticket.number, ticket.policy_id, kept, messages.get(ticket.number, ()))


def life_of(session: Session, number: str, directory: Directory) -> TicketLife:
    """Return one ticket that has begun, with its messages. Raises ForgedMessage."""
    ids = session.scalars(select(TICKET.c.id).where(TICKET.c.number == number)).all()
    return next(ticket_lives(session, ids, directory))


def _condition(choice: TicketChoice) -> ColumnElement[bool]:
    conditions = [TICKET.c.policy_id.is_not(None), TICKET.c.state != ""]
    if choice.begins_at is not None:
        conditions.append(TICKET.c.received_at >= choice.begins_at)
    if choice.ends_at is not None:
        conditions.append(TICKET.c.received_at < choice.ends_at)
    if choice.only_open:
        conditions.append(OPEN_TICKET)
    return and_(*conditions)


def _read(session: Session, row: OutlineRow, directory: Directory) -> Message:
    if row.outline is not None:
        return read_outline(session, row, row.outline)
    whole = session.execute(select(*INBOX_COLUMNS).where(INBOX.c.id == row.id)).one()
    return read_inbox_row(session, InboxRow._make(whole), directory)
