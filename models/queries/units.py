"""Units: which has a ticket, and what each is rated at (in time, contacted, satisfied)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from models.database import Session
from models.membership import is_in
from models.queries.conditions import CARD_EVENT
from models.queries.figure_cases import DutyCounts
from models.queries.figures import RATES, Interval, card_events
from models.rules.vocabulary import HOTLINE_HOLDERS, Level
from models.tables.core import FORMER_UNIT_NAME, TICKET, UNIT

WINDOW = timedelta(days=30)
"""The time before now that the rates are of."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A count of a whole: `good` of `of`."""

    good: int = 0
    of: int = 0

    @property
    def rate(self) -> float | None:
        """The quotient, from 0 to 1; None where there is nothing to divide by."""
        return self.good / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class UnitRates:
    """A unit in the last 30 days: handled in time, contacts made in time, claimants satisfied.

    Each is counted as the bulletin counts it (Regulation 5.4): over the duties that ended in that
    time, so that one which runs late is in no rate before it ends. `yellow` and `red` count its
    cards but withdrawn ones.
    """

    on_time: Ratio = Ratio()
    first_contact: Ratio = Ratio()
    closing_contact: Ratio = Ratio()
    satisfied: Ratio = Ratio()
    yellow: int = 0
    red: int = 0


def units_of_tickets(session: Session, numbers: Collection[str]) -> dict[str, str]:
    """Return the unit that has each of these tickets; one without a unit is left out."""
    rows = session.execute(
        select(TICKET.c.number, TICKET.c.unit).where(
            is_in(TICKET.c.number, numbers), TICKET.c.unit.is_not(None)
        )
    )
    return {row.number: row.unit for row in rows}


def names_of_units(session: Session) -> dict[str, set[str]]:
    """Return every unit that may have tickets, with the names by which it is looked for.

    A retired unit is among them; whoever looks for it also finds its successor.
    """
    rows = session.execute(select(UNIT.c.id, UNIT.c.name, UNIT.c.words, UNIT.c.successor)).all()
    former: dict[str, set[str]] = {}
    for row in session.execute(select(FORMER_UNIT_NAME)):
        former.setdefault(row.unit_id, set()).add(row.name)
    names_of_row = {r.id: {r.name, *r.words["aliases"], *former.get(r.id, ())} for r in rows}
    names: dict[str, set[str]] = {}
    for row in rows:
        # a ticket that is closed has the name of its time
        for name in (row.name, *former.get(row.id, ())):
            names.setdefault(name, set()).update(names_of_row[row.id])
    for row in rows:
        if row.successor in names_of_row:
            successor = next(r.name for r in rows if r.id == row.successor)
            names[successor] |= names_of_row[row.id]
    return names


def received_moments(session: Session, numbers: Collection[str]) -> dict[str, datetime]:
    """Return when each of these tickets was received; one that is unknown is left out."""
    rows = session.execute(
        select(TICKET.c.number, TICKET.c.received_at).where(
            is_in(TICKET.c.number, numbers), TICKET.c.received_at.is_not(None)
        )
    )
    return {row.number: row.received_at for row in rows}


def unit_rates(session: Session, now: datetime) -> dict[str, UnitRates]:
    """Return the rates and cards of every unit that has any."""
    span = Interval(now - WINDOW, now)
    duty_counts = DutyCounts(session, span)
    duty_counts.count_completions()
    duty_counts.count_duties()
    (counts,) = duty_counts.counts()
    cards = _cards(session, span)
    units = {unit for unit in counts if unit not in HOTLINE_HOLDERS}
    units |= {unit for unit, _level in cards}
    return {
        unit: UnitRates(
            *_ratios(counts.get(unit, {})),
            yellow=cards.get((unit, Level.YELLOW), 0),
            red=cards.get((unit, Level.RED), 0),
        )
        for unit in units
    }


def _ratios(figures: Mapping[str, int]) -> tuple[Ratio, Ratio, Ratio, Ratio]:
    on_time, first, closing, satisfied = (
        Ratio(figures.get(good, 0), figures.get(of, 0)) for good, of in RATES.values()
    )
    return on_time, first, closing, satisfied


def _cards(session: Session, span: Interval) -> dict[tuple[str, str], int]:
    raised = card_events(session, span).where(CARD_EVENT).subquery()
    rows = session.execute(
        select(raised.c.unit, raised.c.level, func.count())
        .where(raised.c.unit.is_not(None))
        .group_by(raised.c.unit, raised.c.level)
    )
    return {(unit, level): count for unit, level, count in rows}
