"""Sort the list of open tickets by one of its columns."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, case, literal_column, select

from models.database import Session
from models.queries.conditions import OPEN_TICKET
from models.queries.ticket_filter import TicketFilter, filter_condition
from models.rules.vocabulary import OPEN, Category, Level
from models.tables.core import TICKET


class SortColumn(StrEnum):
    """A column by which the list can be sorted; LEFT is by the due of the next duty."""

    LEVEL = "level"
    NUMBER = "number"
    TITLE = "title"
    UNIT = "unit"
    LEFT = "left"
    STATUS = "status"
    CATEGORY = "category"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class TicketOrder:
    """A column and a direction; without a column the order of the queue.

    Equal tickets follow each other by the due of the next duty, then by number. What has no value
    comes last in both directions.
    """

    column: SortColumn | None = None
    descending: bool = False


QUEUE_ORDER = TicketOrder()


def ordered_ids(session: Session, wanted: TicketFilter, order: TicketOrder) -> list[int]:
    """Return the ids of all open tickets of a filter in this order, which has a column."""
    assert order.column is not None
    key = _key(session, order.column)
    directed = key.desc() if order.descending else key.asc()
    ids = (
        select(TICKET.c.id)
        .where(OPEN_TICKET, filter_condition(session, wanted))
        .order_by(directed.nulls_last(), TICKET.c.next_due.asc().nulls_last(), TICKET.c.number)
    )
    return list(session.scalars(ids))


def position_of(session: Session, ids: list[int], number: str) -> int | None:
    """Return where among these ids the ticket with this number stands; None where it does not."""
    ticket = session.scalar(select(TICKET.c.id).where(TICKET.c.number == number))
    return ids.index(ticket) if ticket in ids else None


def _key(session: Session, column: SortColumn) -> ColumnElement[Any]:
    match column:
        case SortColumn.LEVEL:
            return _rank(TICKET.c.level, Level)
        case SortColumn.STATUS:
            return _rank(TICKET.c.status, OPEN)
        case SortColumn.CATEGORY:
            return _rank(TICKET.c.category, Category)
        case SortColumn.LEFT:
            return TICKET.c.next_due
        case SortColumn.RECEIVED:
            return _without_index(session, TICKET.c.received_at)
        case SortColumn.NUMBER | SortColumn.TITLE | SortColumn.UNIT:
            text = _without_index(session, TICKET.c[column.value])
            # as SQLite compares texts
            return text.collate("C") if session.dialect == "postgresql" else text


def _without_index(session: Session, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column in words that no index has.

    SQLite would follow the index of all tickets, closed ones too, to save sorting the open ones.
    """
    return column.op("||")(literal_column("''")) if session.dialect == "sqlite" else column


def _rank(column: ColumnElement[Any], codes: Iterable[str]) -> ColumnElement[Any]:
    """Return the place of a code in its list; NULL where it is none of them."""
    return case({code: place for place, code in enumerate(map(str, codes))}, value=column)
