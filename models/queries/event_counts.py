"""The counts of tickets received and completed, by the hour of a day and by the day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import and_, case, func, select

from models.database import Session
from models.queries.conditions import event_named
from models.queries.overview import day_bounds
from models.rules.vocabulary import EventName
from models.tables.core import EVENT

HOURS = 24
DAYS = 30
"""Days of the history, today among them."""


@dataclass(frozen=True, slots=True)
class HourlyCounts:
    """Counts of tickets that came in and were completed in each hour of a day in Shanghai.

    `received_before` and `completed_before` are those of the day before.
    """

    received: tuple[int, ...] = (0,) * HOURS
    completed: tuple[int, ...] = (0,) * HOURS
    received_before: tuple[int, ...] = (0,) * HOURS
    completed_before: tuple[int, ...] = (0,) * HOURS


@dataclass(frozen=True, slots=True)
class DailyCounts:
    """Counts of tickets that came in and were completed in each day of Shanghai, today's last."""

    received: tuple[int, ...] = (0,) * DAYS
    completed: tuple[int, ...] = (0,) * DAYS


def hourly_counts(session: Session, now: datetime) -> HourlyCounts:
    """Count what was received and completed today and yesterday, by the hour of its record."""
    today, _end = day_bounds(now)
    days = (today, today - timedelta(days=1))
    hours = [[begin + timedelta(hours=n) for n in range(HOURS + 1)] for begin in days]
    names = (EventName.TICKET_RECEIVED, EventName.TICKET_COMPLETED)
    return HourlyCounts(*(_counts(session, name, edges) for edges in hours for name in names))


def daily_counts(session: Session, now: datetime) -> DailyCounts:
    """Count what was received and completed in the last days, by the day of its record."""
    _begin, end = day_bounds(now)
    edges = [end - timedelta(days=n) for n in range(DAYS, -1, -1)]
    return DailyCounts(
        _counts(session, EventName.TICKET_RECEIVED, edges),
        _counts(session, EventName.TICKET_COMPLETED, edges),
    )


def _counts(session: Session, name: EventName, edges: Sequence[datetime]) -> tuple[int, ...]:
    """Count the events of this name that were recorded between each edge and the next."""
    # a sum for each span: no function that cuts an instant is the same on both databases
    spans = [
        func.sum(case((and_(EVENT.c.at >= begin, EVENT.c.at < end), 1), else_=0))
        for begin, end in pairwise(edges)
    ]
    whole = EVENT.c.at >= edges[0], EVENT.c.at < edges[-1]
    return tuple(
        n or 0 for n in session.execute(select(*spans).where(event_named(name), *whole)).one()
    )
