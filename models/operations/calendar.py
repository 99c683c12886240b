"""Changes of the calendar: every open clock that crosses a changed day is moved."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy import select

from models.database import Session
from models.i18n import lazy
from models.operations.rulebook import declare_days, declare_year
from models.operations.rulebook_change import (
    FormerRulebook,
    RulebookChange,
    affected_tickets,
    chunks,
    refold_tickets,
)
from models.rulebook import hold_rulebook, load_rulebook
from models.rules.calendar import Calendar, DeclaredDay, announced_years
from models.rules.vocabulary import ClockState
from models.tables.core import CLOCK, TICKET

_UP_TO_RED = timedelta(days=10)
"""By then the red card of an expiry is raised; provisional days up to it matter to its clock."""


def change_calendar(
    session: Session,
    days: Mapping[date, DeclaredDay],
    now: datetime,
    year: tuple[int, str] | None = None,
) -> RulebookChange:
    """Declare days working or off and move what depends on them, with their documents as reason.

    `year` declares a whole year by a document: the days of it that nobody names follow the law's
    rule, and are no longer provisional. A year that the calendar's library knows needs no such
    declaration, and takes none: only its days are declared.

    Levels that should not have been raised are withdrawn; the run of a clock stays the same. A
    caller that only wants to see what would change rolls the transaction back.
    """
    hold_rulebook(session, to_change=True)
    result = RulebookChange()
    former = load_rulebook(session)
    former_days = {day: former.calendar.is_working(day) for day in days}
    if year is not None and _may_declare(former.calendar, year[0]):
        result.year = declare_year(session, *year, now)
    result.days = declare_days(session, days, now)
    if result.days or result.year:
        documents = [*(day.document for day in days.values()), *([year[1]] if year else [])]
        why = lazy("the calendar changed: {document}", document="、".join(dict.fromkeys(documents)))
        before = FormerRulebook(former, former_days)
        refold_tickets(session, affected_tickets(), before, why, now, result)
    return result


def _may_declare(calendar: Calendar, year: int) -> bool:
    return year not in announced_years() or year in calendar.years


def settle_provisional(session: Session, now: datetime) -> RulebookChange:
    """Move open clocks that were provisional, where the calendar's library knows their year now.

    Called when a service starts, as the library is upgraded between two runs.
    """
    result = RulebookChange()
    rulebook = load_rulebook(session)
    calendar = rulebook.calendar
    provisional = session.execute(
        select(CLOCK.c.ticket_id, CLOCK.c.base, CLOCK.c.due)
        .where(CLOCK.c.state == ClockState.RUNNING, CLOCK.c.provisional)
        .order_by(CLOCK.c.ticket_id)
    )
    settled: set[int] = set()
    former_days: dict[date, bool] = {}
    for row in provisional:
        first, last = row.base.date(), (row.due + _UP_TO_RED).date()
        if not calendar.provisional(first, last):
            settled.add(row.ticket_id)
            former_days |= calendar.guesses(first, last)
    former = replace(rulebook, calendar=calendar.keeping_days(former_days))
    before = FormerRulebook(former, former_days)
    why = lazy("the State Council's arrangement is known now")
    for ids in chunks(sorted(settled)):
        refold_tickets(session, TICKET.c.id.in_(ids), before, why, now, result)
    return result
