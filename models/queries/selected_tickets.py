"""The tickets that an operator selects: all of a filter, those that left it, and what they are."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import select

from models.database import Session
from models.membership import is_in
from models.queries.conditions import OPEN_TICKET
from models.queries.ticket_filter import TicketFilter, filter_condition
from models.queries.ticket_order import QUEUE_ORDER, TicketOrder, ordered_ids
from models.tables.core import TICKET

MOST_SELECTED = 2_000
"""Tickets that can be selected at once: so many messages a worker decides in a short while."""


@dataclass(frozen=True, slots=True)
class SelectedTicket:
    """A ticket as far as it is seen among others; `title` is redacted."""

    number: str
    title: str
    status: str
    unit: str | None


def numbers_in_filter(
    session: Session, wanted: TicketFilter, order: TicketOrder, most: int
) -> list[str]:
    """Return the numbers of the open tickets of a filter, the first `most` in this order."""
    if order != QUEUE_ORDER:
        ids = ordered_ids(session, wanted, order)[:most]
        rows = session.execute(select(TICKET.c.id, TICKET.c.number).where(is_in(TICKET.c.id, ids)))
        by_id = {row.id: row.number for row in rows}
        return [by_id[ticket] for ticket in ids]
    condition = filter_condition(session, wanted)
    in_order = TICKET.c.emergency.is_(None), TICKET.c.next_due.asc().nulls_last(), TICKET.c.number
    numbers = select(TICKET.c.number).where(OPEN_TICKET, condition).order_by(*in_order)
    return list(session.scalars(numbers.limit(most)))


def numbers_left(session: Session, wanted: TicketFilter, numbers: Collection[str]) -> set[str]:
    """Return those of these tickets that are not, or no longer, open tickets of a filter."""
    asked = set(numbers)
    if wanted.numbers is not None:
        asked &= set(wanted.numbers)
    condition = filter_condition(session, replace(wanted, numbers=None))
    which = is_in(TICKET.c.number, sorted(asked))
    there = session.scalars(select(TICKET.c.number).where(OPEN_TICKET, condition, which))
    return set(numbers) - set(there)


def selected_tickets(session: Session, numbers: Collection[str]) -> list[SelectedTicket]:
    """Return these tickets in this order; a number that no ticket has is left out."""
    columns = (TICKET.c[name] for name in SelectedTicket.__dataclass_fields__)
    rows = session.execute(select(*columns).where(is_in(TICKET.c.number, list(numbers)))).all()
    tickets = {row.number: SelectedTicket(*row) for row in rows}
    return [tickets[number] for number in numbers if number in tickets]
