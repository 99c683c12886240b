"""The list of open tickets, a window at a time, filtered and sorted by the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, tuple_

from models.database import Session
from models.membership import is_in
from models.queries.conditions import OPEN_TICKET, ORDINARY, URGENT
from models.queries.duties import NextDuty, missed_duties, next_duty, overdue_answer, waits_since
from models.queries.ticket_filter import TicketFilter, filter_condition
from models.queries.ticket_order import QUEUE_ORDER, TicketOrder, ordered_ids
from models.rules.vocabulary import EMERGENCY_CLOCKS, ClockName, ClockState
from models.sql_types import SelectedRow
from models.tables.core import CLOCK, TICKET


@dataclass(frozen=True, slots=True)
class ListedTicket:
    """One line of the list.

    `first_contact` is how its clock stands, None where there is none; `missed` are the emergency
    clocks that have expired (Regulation 3.4). `next_duty` is the running duty that ends first,
    whoever owes it; where none runs, the ticket has waited since `waits_since`, and
    `overdue_answer` is the expired duty of the desk or the city that it waits for.
    """

    id: int
    number: str
    status: str
    category: str
    emergency: str | None
    title: str
    unit: str | None
    level: str | None
    level_at: datetime | None
    due: datetime | None
    provisional: bool
    policy_id: str | None
    received_at: datetime | None = None
    topic: str | None = None
    first_contact: str | None = None
    missed: tuple[ClockName, ...] = ()
    next_duty: NextDuty | None = None
    waits_since: datetime | None = None
    overdue_answer: NextDuty | None = None


@dataclass(frozen=True, slots=True)
class TicketPage:
    """A window of the list: the rows from `offset` on, of `total`."""

    rows: tuple[ListedTicket, ...] = ()
    offset: int = 0
    total: int = 0


_COLUMNS = [f for f in ListedTicket.__dataclass_fields__ if f in TICKET.c]


def list_tickets(
    session: Session,
    wanted: TicketFilter,
    *,
    order: TicketOrder = QUEUE_ORDER,
    offset: int = 0,
    limit: int | None = None,
    total: int | None = None,
) -> TicketPage:
    """List the open tickets of a filter, from `offset` on.

    In the order of the queue emergencies come first, then those whose next duty is due first; last
    those of which none runs. `total` is how many there are where the caller knows it already.
    """
    if order != QUEUE_ORDER:
        ids = ordered_ids(session, wanted, order)
        end = None if limit is None else offset + limit
        return TicketPage(tickets_of(session, ids[offset:end]), offset, len(ids))
    condition = filter_condition(session, wanted)
    urgent = _count(session, URGENT, condition)
    if total is None:
        total = urgent + _count(session, ORDINARY, condition)
    end = total if limit is None else min(total, offset + limit)
    ids = []
    if offset < urgent:
        ids += _ids(session, URGENT, condition, offset, min(end, urgent) - offset)
    if end > urgent:
        first = max(offset, urgent)
        ids += _ids(session, ORDINARY, condition, first - urgent, end - first)
    return TicketPage(tickets_of(session, ids), offset, total)


def tickets_of(session: Session, ids: list[int]) -> tuple[ListedTicket, ...]:
    """Return the lines of the tickets with these ids, in their order."""
    clocks = _Clocks(session, ids)
    return tuple(
        ListedTicket(
            **r._mapping,
            first_contact=clocks.first_contact.get(r.id),
            missed=clocks.missed.get(r.id, ()),
            next_duty=clocks.next_duty.get(r.id),
            **clocks.wait(r.id, r.status, r.received_at),
        )
        for r in _rows(session, ids)
    )


def count_tickets(session: Session, wanted: TicketFilter) -> int:
    """Count the open tickets of a filter."""
    return _count(session, OPEN_TICKET, filter_condition(session, wanted))


def queue_position(session: Session, wanted: TicketFilter, number: str) -> int | None:
    """Count the tickets of a filter before this one in the list; None where it is not in it."""
    condition = filter_condition(session, wanted)
    ticket = session.execute(
        select(TICKET.c.emergency, TICKET.c.next_due).where(
            OPEN_TICKET, condition, TICKET.c.number == number
        )
    ).first()
    if ticket is None:
        return None
    before: ColumnElement[bool]
    if ticket.next_due is None:
        before = TICKET.c.next_due.is_not(None) | (TICKET.c.number < number)
    else:
        before = tuple_(TICKET.c.next_due, TICKET.c.number) < tuple_(
            literal(ticket.next_due, TICKET.c.next_due.type), literal(number)
        )
    segment = ORDINARY if ticket.emergency is None else URGENT
    earlier = _count(session, URGENT, condition) if ticket.emergency is None else 0
    return earlier + _count(session, segment, and_(condition, before))


def _count(session: Session, segment: ColumnElement[bool], condition: ColumnElement[bool]) -> int:
    rows = select(func.count()).select_from(TICKET).where(segment, condition)
    return session.scalar(rows) or 0


def _ids(
    session: Session,
    segment: ColumnElement[bool],
    condition: ColumnElement[bool],
    offset: int,
    limit: int,
) -> list[int]:
    """Return a window of the list's ids, from the index alone where there is no filter."""
    in_order = TICKET.c.next_due.asc().nulls_last(), TICKET.c.number
    ids = select(TICKET.c.id).where(segment, condition).order_by(*in_order)
    return list(session.scalars(ids.offset(offset).limit(limit)))


def _rows(session: Session, ids: Sequence[int]) -> list[SelectedRow]:
    """Return the rows of these ids, in their order."""
    columns = (TICKET.c[name] for name in _COLUMNS)
    rows = session.execute(select(*columns).where(is_in(TICKET.c.id, ids)))
    by_id = {row.id: row for row in rows}
    return [by_id[i] for i in ids if i in by_id]


class _Clocks:
    """The clocks of the tickets of a page that a line shows, by ticket id."""

    def __init__(self, session: Session, ids: list[int]) -> None:
        self.first_contact: dict[int, str] = {}
        self.missed: dict[int, tuple[ClockName, ...]] = {}
        self.next_duty: dict[int, NextDuty] = {}
        self._add(_shown_clocks(session, ids))
        idle = [ticket for ticket in ids if ticket not in self.next_duty]
        self._of_idle: dict[int, list[SelectedRow]] = {ticket: [] for ticket in idle}
        for row in _rows_of_clocks(session, is_in(CLOCK.c.ticket_id, idle)) if idle else ():
            self._of_idle[row.ticket_id].append(row)

    def wait(self, ticket: int, status: str, received_at: datetime | None) -> dict[str, Any]:
        """Return since when a ticket of which nothing runs waits, and for which overdue answer."""
        if (duties := self._of_idle.get(ticket)) is None:
            return {}
        answer = overdue_answer(duties, status)
        return {
            "waits_since": waits_since(duties, status, received_at),
            "overdue_answer": answer
            and NextDuty(ClockName(answer.name), answer.holder, answer.due),
        }

    def _add(self, rows: Sequence[SelectedRow]) -> None:
        of_ticket: dict[int, list[SelectedRow]] = {}
        for row in rows:
            of_ticket.setdefault(row.ticket_id, []).append(row)
            if row.name == ClockName.FIRST_CONTACT:
                self.first_contact[row.ticket_id] = row.state
        for ticket, duties in of_ticket.items():
            if missed := missed_duties(duties):
                self.missed[ticket] = tuple(ClockName(duty.name) for duty in missed)
            if (first := next_duty(duties)) is not None:
                self.next_duty[ticket] = first


def _shown_clocks(session: Session, ids: list[int]) -> Sequence[SelectedRow]:
    """Return what runs of these tickets, and all of the clocks that a line shows, in order."""
    listed = (ClockName.FIRST_CONTACT, *EMERGENCY_CLOCKS)
    wanted = or_(CLOCK.c.state == ClockState.RUNNING, CLOCK.c.key.in_(listed))
    return _rows_of_clocks(session, and_(is_in(CLOCK.c.ticket_id, ids), wanted))


def _rows_of_clocks(session: Session, wanted: ColumnElement[bool]) -> Sequence[SelectedRow]:
    names = ("ticket_id", "name", "holder", "base", "due", "state", "ended_at")
    in_order = CLOCK.c.ordinal, CLOCK.c.due, CLOCK.c.key
    rows = select(*(CLOCK.c[name] for name in names)).where(wanted).order_by(*in_order)
    return session.execute(rows).all()
