"""The moments to come at which duties run out and levels are raised, if nothing is done."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select

from models.database import Session
from models.queries.conditions import RUNNING_CLOCK
from models.rules.levels import moments
from models.rules.state import RuleContext
from models.rules.vocabulary import ClockName, Level
from models.tables.core import CLOCK, TICKET

LONGEST_LADDER = timedelta(days=21)
"""The time before today whose dues may still have a level to come, over the longest holiday."""


@dataclass(slots=True)
class ComingMoment:
    """A moment to come of a holder: duties that run out then, by clock, and levels raised."""

    at: datetime
    holder: str
    dues: dict[ClockName, int] = field(default_factory=dict)
    levels: dict[Level, int] = field(default_factory=dict)


def coming_moments(
    session: Session, now: datetime, until: datetime, contexts: Mapping[str, RuleContext]
) -> list[ComingMoment]:
    """Return what the running clocks bring after `now` up to `until`, by moment and holder.

    `contexts` are what tickets are decided under, by the id of their policy. Nothing is guessed:
    it is what comes if nobody does anything.
    """
    coming: dict[tuple[datetime, str], ComingMoment] = {}

    def at(moment: datetime, holder: str) -> ComingMoment:
        return coming.setdefault((moment, holder), ComingMoment(moment, holder))

    for name, holder, due, count in _dues(session, now, until):
        dues = at(due, holder).dues
        dues[ClockName(name)] = dues.get(ClockName(name), 0) + count
    for holder, policy_id, due, count in _handling_dues(session, now):
        for level, moment in levels_to_come(due, now, contexts[policy_id]):
            if moment <= until:
                levels = at(moment, holder).levels
                levels[level] = levels.get(level, 0) + count
    return sorted(coming.values(), key=lambda moment: (moment.at, moment.holder))


def levels_to_come(
    due: datetime, now: datetime, context: RuleContext
) -> Iterator[tuple[Level, datetime]]:
    """Yield the levels of a running handling clock that are still to come, with their moments."""
    for level, at in moments(due - LONGEST_LADDER, due, context.policy, context.calendar):
        if at > now:
            yield level, at


_Due = tuple[str, str, datetime, int]


def _dues(session: Session, now: datetime, until: datetime) -> Iterator[_Due]:
    rows = session.execute(
        select(CLOCK.c.name, CLOCK.c.holder, CLOCK.c.due, func.count())
        .where(RUNNING_CLOCK, CLOCK.c.name.in_(list(ClockName)))
        .where(CLOCK.c.due > now, CLOCK.c.due <= until)
        .group_by(CLOCK.c.name, CLOCK.c.holder, CLOCK.c.due)
    )
    return ((name, holder, due, count) for name, holder, due, count in rows)


def _handling_dues(session: Session, now: datetime) -> Iterator[_Due]:
    """Yield the running handling terms that may have a level to come: holder, policy, due."""
    rows = session.execute(
        select(CLOCK.c.holder, TICKET.c.policy_id, CLOCK.c.due, func.count())
        .join(TICKET, TICKET.c.id == CLOCK.c.ticket_id)
        .where(RUNNING_CLOCK, CLOCK.c.name == ClockName.HANDLING)
        .where(CLOCK.c.due > now - LONGEST_LADDER)
        .group_by(CLOCK.c.holder, TICKET.c.policy_id, CLOCK.c.due)
    )
    return ((holder, policy, due, count) for holder, policy, due, count in rows)
