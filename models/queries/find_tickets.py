"""Find tickets, open and closed, by a number or the beginning or ending of one."""

from dataclasses import dataclass

from sqlalchemy import select

from models.database import Session
from models.tables.core import TICKET

SHORTEST_PART = 3
"""The least characters of a part of a number: a shorter one fits too many."""


@dataclass(frozen=True, slots=True)
class FoundTicket:
    """A ticket that a text fits."""

    number: str
    title: str
    status: str


def find_tickets(session: Session, text: str, limit: int) -> list[FoundTicket]:
    """List tickets by number: the one with this number, else those that end or begin with it.

    The last numbers come first. Parts are looked for along the index of numbers.
    """
    number = TICKET.c.number
    if not text:
        return []
    if session.scalar(select(number).where(number == text)) is not None:
        return _tickets(session, [text])
    if len(text) < SHORTEST_PART:
        return []
    newest = select(number).order_by(number.desc()).limit(limit)
    parts = number.endswith(text, autoescape=True), number.startswith(text, autoescape=True)
    numbers = [match for part in parts for match in session.scalars(newest.where(part))]
    return _tickets(session, list(dict.fromkeys(numbers))[:limit])


def _tickets(session: Session, numbers: list[str]) -> list[FoundTicket]:
    rows = session.execute(
        select(TICKET.c.number, TICKET.c.title, TICKET.c.status).where(TICKET.c.number.in_(numbers))
    )
    by_number = {row.number: FoundTicket(*row) for row in rows}
    return [by_number[number] for number in numbers if number in by_number]
