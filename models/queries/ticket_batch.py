"""Tickets with all that is checked of them, read at one moment."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Row, Table, Text, select, type_coerce

from models.database import Session
from models.security.chain import EventLine
from models.security.encryption import ForgedValue, KeyUnusable, TextsErased
from models.tables.core import CLOCK, EVENT, NOTICE, TICKET

_COLUMNS = (
    *("seq", "name", "at", "moment", "cause", "private", "commitment", "original"),
    "hash",
)


class TicketBatch(NamedTuple):
    """Tickets with all that is checked of them, read at one moment."""

    tickets: Sequence[Row[Any]]
    lines: Mapping[int, list[EventLine]]
    clocks: Mapping[int, list[Row[Any]]]
    notices: Mapping[int, list[Row[Any]]]


def read_tickets(session: Session, start: int, stop: int) -> TicketBatch:
    """Read the tickets with these ids. Raises ValueError where a row cannot be read any more."""
    span = (TICKET.c.id >= start, TICKET.c.id < stop)
    tickets = session.execute(select(TICKET).where(*span).order_by(TICKET.c.id)).all()
    numbers = {ticket.id: ticket.number for ticket in tickets}
    session.load_salts(numbers.values())
    events = session.execute(
        select(
            EVENT.c.ticket_id,
            *(EVENT.c[name] for name in _COLUMNS),
            type_coerce(EVENT.c.data, Text).label("data"),
        )
        .where(EVENT.c.ticket_id >= start, EVENT.c.ticket_id < stop)
        .order_by(EVENT.c.ticket_id, EVENT.c.seq)
    )
    lines: dict[int, list[EventLine]] = defaultdict(list)
    for row in events:
        lines[row.ticket_id].append(_line(session, numbers.get(row.ticket_id, ""), row))
    clocks = _by_ticket(session, CLOCK, start, stop)
    return TicketBatch(tickets, lines, clocks, _by_ticket(session, NOTICE, start, stop))


def _line(session: Session, number: str, row: Row[Any]) -> EventLine:
    private = original = None
    is_forged = erased = False
    try:
        if row.private is not None:
            private = msgspec.json.encode(session.decrypt(EVENT.c.private, row, number))
        if row.original is not None:
            original = str(session.decrypt(EVENT.c.original, row, number)).encode()
    except TextsErased:
        erased = True
    except (ForgedValue, KeyUnusable):
        # the key fits this store, or it would not be open: the ciphertext was changed
        is_forged = True
    return EventLine(
        row.seq,
        row.name,
        row.at,
        row.moment,
        row.cause,
        row.data.encode(),
        private,
        row.commitment and bytes(row.commitment),
        original,
        bytes(row.hash),
        is_forged,
        erased,
    )


def _by_ticket(session: Session, table: Table, start: int, stop: int) -> dict[int, list[Row[Any]]]:
    """Return the rows of a table by ticket, in the order of their keys."""
    rows = session.execute(
        select(table)
        .where(table.c.ticket_id >= start, table.c.ticket_id < stop)
        .order_by(table.c.ticket_id, *table.primary_key.columns)
    )
    return {
        ticket: list(group) for ticket, group in groupby(rows, key=lambda row: int(row.ticket_id))
    }
