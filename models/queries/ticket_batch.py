"""Tickets with all that is checked of them, read at one moment."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Table

from models.database import Session
from models.i18n import LazyText, lazy
from models.queries.checked_rows import CheckedRow, read_checked
from models.queries.row_check import Wrong
from models.queries.text_check import check_texts
from models.rules.packing import READ_BY_QUERIES
from models.security.chain import EventLine
from models.security.encryption import ForgedValue, KeyUnusable, TextsErased
from models.security.findings import Harm
from models.sql_types import AnyColumn
from models.tables.columns import Unpacked
from models.tables.core import CLOCK, EVENT, NOTICE, TICKET

_COLUMNS = (
    *("ticket_id", "seq", "name", "at", "moment", "cause", "data"),
    *("private", "commitment", "original", "once", "hash"),
)


class TicketBatch(NamedTuple):
    """Tickets with all that is checked of them, read at one moment.

    `faults` are what is wrong with rows of a ticket taken by themselves.
    """

    tickets: Sequence[CheckedRow]
    lines: Mapping[int, list[EventLine]]
    once: Mapping[int, Mapping[int, str]]
    clocks: Mapping[int, list[CheckedRow]]
    notices: Mapping[int, list[CheckedRow]]
    faults: Mapping[int, list[Wrong]]


def read_tickets(session: Session, first: int, last: int, most: int) -> TicketBatch:
    """Read `most` tickets with ids from `first` to `last`, fewer where there are no more."""
    span = TICKET.c.id.between(first, last)
    tickets = list(
        read_checked(
            session,
            list(TICKET.c),
            lambda query: query.where(span).order_by(TICKET.c.id).limit(most),
        )
    )
    numbers = {ticket.id: ticket.number for ticket in tickets if ticket.number}
    session.load_salts(numbers.values())
    faults: dict[int, list[Wrong]] = defaultdict(list)
    if not tickets:
        return TicketBatch([], {}, {}, {}, {}, faults)
    lines: dict[int, list[EventLine]] = defaultdict(list)
    once: dict[int, dict[int, str]] = defaultdict(dict)
    columns = [EVENT.c[name] for name in _COLUMNS]
    for row in _of_tickets(session, columns, tickets, as_text=("data",)):
        if (number := numbers.get(row.ticket_id)) is None:
            # the ticket's row is gone, and with it the number that its texts are bound to
            continue
        lines[row.ticket_id].append(_line(session, number, row))
        if row.once is not None:
            once[row.ticket_id][row.seq] = row.once
        if "once" in row.unreadable:
            faults[row.ticket_id].append((Harm.ALTERED, unreadable_columns(EVENT, row)))
    clocks = _by_ticket(session, CLOCK, tickets, faults)
    notices = _by_ticket(session, NOTICE, tickets, faults)
    for ticket in tickets:
        if not ticket.unreadable:
            faults[ticket.id] += check_texts(session, ticket, lines.get(ticket.id, []))
    return TicketBatch(tickets, lines, once, clocks, notices, faults)


def _line(session: Session, number: str, row: CheckedRow) -> EventLine:
    private = original = None
    is_forged = any(name != "once" for name in row.unreadable)
    # no query would find what it says
    is_forged |= isinstance(row.data, Unpacked) and row.name in READ_BY_QUERIES
    erased = False
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
        (row.data or "").encode(),
        private,
        row.commitment,
        original,
        row.hash or b"",
        is_forged,
        erased,
    )


def _by_ticket(
    session: Session,
    table: Table,
    tickets: Sequence[CheckedRow],
    faults: Mapping[int, list[Wrong]],
) -> dict[int, list[CheckedRow]]:
    """Return the rows of a table by ticket, in the order of their keys."""
    rows: dict[int, list[CheckedRow]] = defaultdict(list)
    for row in _of_tickets(session, list(table.c), tickets):
        if row.unreadable:
            faults[row.ticket_id].append((Harm.ALTERED, unreadable_columns(table, row)))
        else:
            rows[row.ticket_id].append(row)
    return rows


def _of_tickets(
    session: Session,
    columns: Sequence[AnyColumn],
    tickets: Sequence[CheckedRow],
    *,
    as_text: Sequence[str] = (),
) -> Iterator[CheckedRow]:
    """Yield the rows of a table that belong to these tickets, given in the order of their ids."""
    table = columns[0].table
    span = table.c.ticket_id.between(tickets[0].id, tickets[-1].id)
    order = (table.c.ticket_id, *table.primary_key.columns)
    return read_checked(
        session, columns, lambda query: query.where(span).order_by(*order), as_text=as_text
    )


def unreadable_columns(table: Table, row: CheckedRow) -> LazyText:
    """Return which columns of a row cannot be read."""
    names = ", ".join(f"{table.name}.{name}" for name in row.unreadable)
    return lazy("{columns} cannot be read", columns=names)
