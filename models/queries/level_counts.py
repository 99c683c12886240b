"""The counts of tickets by level, which a service without a screen prints."""

from dataclasses import asdict, dataclass

from sqlalchemy import func, select

from models.database import Session
from models.queries.conditions import OPEN_TICKET
from models.rules.queues import MESSAGE_QUEUES
from models.rules.vocabulary import Level, Status
from models.tables.core import BELL, TICKET


@dataclass(frozen=True, slots=True)
class LevelCounts:
    """Tickets in all, open ones by level, those in the manual queue, and waiting messages."""

    tickets: int
    open: int
    prewarning: int
    yellow: int
    red: int
    manual: int
    waiting: int

    def as_dict(self) -> dict[str, int]:
        """Return the counts for machines."""
        return asdict(self)


def count_levels(session: Session) -> LevelCounts:
    """Count the tickets now."""
    rows = session.execute(
        select(TICKET.c.status, TICKET.c.level, func.count())
        .where(OPEN_TICKET)
        .group_by(TICKET.c.status, TICKET.c.level)
    ).all()
    levels = {level: sum(n for _s, lv, n in rows if lv == level) for level in Level}
    return LevelCounts(
        tickets=session.scalar(select(func.count(TICKET.c.id))) or 0,
        open=sum(n for *_, n in rows),
        manual=sum(n for status, _, n in rows if status == Status.MANUAL),
        waiting=session.scalar(
            select(func.count(BELL.c.row_id)).where(BELL.c.queue.in_(MESSAGE_QUEUES))
        )
        or 0,
        **levels,
    )
