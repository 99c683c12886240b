"""How each unit does: what it finished in time, whom it called, what claimants think of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from models.database import Session
from models.queries.conditions import RATED, RATED_CLOCK, event_named
from models.rules.choices import DISSATISFIED
from models.rules.policy import LEVELS
from models.rules.state import CLOSING, FIRST, HANDLE
from models.tables.core import CLOCK, EVENT, TICKET

WINDOW = timedelta(days=30)
"""How far back the rates look."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many."""

    good: int = 0
    of: int = 0

    def __add__(self, other: "Share") -> "Share":
        return Share(self.good + other.good, self.of + other.of)


@dataclass(frozen=True, slots=True)
class UnitRates:
    """A unit in the last 30 days: handled in time, contacts made in time, claimants satisfied.

    `yellow` and `red` are the cards it was given in that time, those taken back among them.
    """

    on_time: Share = Share()
    contact: Share = Share()
    satisfied: Share = Share()
    yellow: int = 0
    red: int = 0


def unit_rates(session: Session, now: datetime) -> dict[str, UnitRates]:
    """The rates of every unit that has any; a contact nobody made counts as not made in time."""
    since = now - WINDOW
    shares = _clocks(session, since)
    satisfied = _ratings(session, since)
    cards = _cards(session, since)
    return {
        unit: UnitRates(
            shares.get((unit, True), Share()),
            shares.get((unit, False), Share()),
            satisfied.get(unit, Share()),
            cards.get((unit, LEVELS[1]), 0),
            cards.get((unit, LEVELS[2]), 0),
        )
        for unit in {u for u, _ in shares} | set(satisfied) | {u for u, _ in cards}
    }


def _clocks(session: Session, since: datetime) -> dict[tuple[str, bool], Share]:
    """By unit, and whether it is the handling clock or a contact's."""
    rows = session.execute(
        select(TICKET.c.unit, CLOCK.c.name, CLOCK.c.state, func.count())
        .join(TICKET, TICKET.c.id == CLOCK.c.ticket_id)
        .where(RATED_CLOCK, CLOCK.c.ended_at >= since, TICKET.c.unit.is_not(None))
        .where(CLOCK.c.name.in_((HANDLE, FIRST, CLOSING)), CLOCK.c.state != "cancelled")
        .group_by(TICKET.c.unit, CLOCK.c.name, CLOCK.c.state)
    )
    found: dict[tuple[str, bool], Share] = {}
    for unit, name, state, count in rows:
        key = unit, name == HANDLE
        found[key] = found.get(key, Share()) + Share(count if state == "met" else 0, count)
    return found


def _ratings(session: Session, since: datetime) -> dict[str, Share]:
    rows = session.execute(
        select(TICKET.c.unit, TICKET.c.rating, func.count())
        .where(RATED, TICKET.c.completed_at >= since, TICKET.c.unit.is_not(None))
        .group_by(TICKET.c.unit, TICKET.c.rating)
    )
    found: dict[str, Share] = {}
    for unit, rating, count in rows:
        share = Share(0 if rating in DISSATISFIED else count, count)
        found[unit] = found.get(unit, Share()) + share
    return found


def _cards(session: Session, since: datetime) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for level in LEVELS[1:]:
        rows = session.execute(
            select(TICKET.c.unit, func.count())
            .join(EVENT, EVENT.c.ticket_id == TICKET.c.id)
            .where(event_named("alert.raised"), EVENT.c.at >= since)
            .where(EVENT.c.once.endswith(f"/{level}"), TICKET.c.unit.is_not(None))
            .group_by(TICKET.c.unit)
        )
        found |= {(unit, level): count for unit, count in rows}
    return found
