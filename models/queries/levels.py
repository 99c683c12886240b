"""How many tickets there are and at which level; what a headless service tells."""

from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, case, func, select

from models.database import Session
from models.rules.state import MANUAL, OPEN
from models.tables.core import INBOX, TICKET


@dataclass(frozen=True, slots=True)
class Levels:
    """Tickets in all, open ones by level, those in the manual queue, and waiting messages."""

    tickets: int
    open: int
    prewarning: int
    yellow: int
    red: int
    manual: int
    waiting: int

    def as_dict(self) -> dict[str, int]:
        """For machines."""
        return asdict(self)


def count_levels(session: Session) -> Levels:
    """The counts as they stand."""
    is_open = TICKET.c.status.in_(OPEN)

    def at(level: str) -> ColumnElement[int]:
        return func.count(case((is_open & (TICKET.c.level == level), 1)))

    row = session.execute(
        select(
            func.count(),
            func.count(case((is_open, 1))),
            at("prewarning"),
            at("yellow"),
            at("red"),
            func.count(case((TICKET.c.status == MANUAL, 1))),
        ).select_from(TICKET)
    ).one()
    waiting = select(func.count()).select_from(INBOX).where(INBOX.c.state == "waiting")
    tickets, is_open_now, prewarning, yellow, red, manual = row
    left = session.scalar(waiting) or 0
    return Levels(tickets, is_open_now, prewarning, yellow, red, manual, left)
