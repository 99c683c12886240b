"""How each unit does: what it finished in time, whom it called, what claimants think of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func, select

from models.database import Session
from models.queries.conditions import CARD_EVENT
from models.queries.figures import CONDITIONS, RATES, Interval, card_events, in_span_with_unit
from models.rules.vocabulary import Level
from models.tables.core import TICKET

_CARDS = (Level.YELLOW, Level.RED)

WINDOW = timedelta(days=30)
"""How far back the rates look."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many of how many."""

    good: int = 0
    of: int = 0

    def __add__(self, other: "Ratio") -> "Ratio":
        return Ratio(self.good + other.good, self.of + other.of)


@dataclass(frozen=True, slots=True)
class UnitRates:
    """A unit in the last 30 days: handled in time, contacts made in time, claimants satisfied.

    Each is counted as the bulletin counts it (Regulation 5.4): over the tickets completed in that
    time, so that one which runs late is in no rate before it is completed. `contact` is first and
    closing contacts together. `yellow` and `red` are the cards it was given and that stand.
    """

    on_time: Ratio = Ratio()
    contact: Ratio = Ratio()
    satisfied: Ratio = Ratio()
    yellow: int = 0
    red: int = 0


def unit_rates(session: Session, now: datetime) -> dict[str, UnitRates]:
    """The rates and cards of every unit that has any."""
    span = Interval(now - WINDOW, now)
    shares = _shares(session, span)
    given = _cards(session, span)
    none = Ratio(), Ratio(), Ratio()
    return {
        unit: UnitRates(*shares.get(unit, none), *(given.get((unit, card), 0) for card in _CARDS))
        for unit in set(shares) | {unit for unit, _level in given}
    }


def _shares(session: Session, span: Interval) -> dict[str, tuple[Ratio, Ratio, Ratio]]:
    """Of the tickets completed in this time: in time, contacted, satisfied."""
    rates = [figure for pair in RATES.values() for figure in pair]
    sums = (func.sum(case((CONDITIONS[figure], 1), else_=0)) for figure in rates)
    found = select(TICKET.c.unit, *sums).where(*in_span_with_unit(span, TICKET.c.completed_at))
    found = found.group_by(TICKET.c.unit)
    shares = {}
    for unit, *counts in session.execute(found):
        on_time, first, closing, satisfied = (
            Ratio(good, of) for good, of in zip(counts[::2], counts[1::2], strict=True)
        )
        shares[unit] = on_time, first + closing, satisfied
    return shares


def _cards(session: Session, span: Interval) -> dict[tuple[str, str], int]:
    raised = card_events(session, span).where(CARD_EVENT).subquery()
    rows = session.execute(
        select(raised.c.unit, raised.c.level, func.count())
        .where(raised.c.unit.is_not(None))
        .group_by(raised.c.unit, raised.c.level)
    )
    return {(unit, level): count for unit, level, count in rows}
