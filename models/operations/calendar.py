"""Changes of the calendar: every open clock that crosses a changed day is moved."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, select

from models.database import Session
from models.i18n import LazyText, lazy
from models.operations.append_log import append_logs
from models.operations.refold import refold_changed
from models.operations.rulebook import declare_days
from models.operations.ticket_work import lock_tickets
from models.rulebook import Rulebook, load_rulebook
from models.rules.calendar import DeclaredDay
from models.rules.events import AlertWithdrawn, ClockMoved, DecisionWithdrawn
from models.rules.vocabulary import OPEN, ClockState, Status
from models.tables.core import CLOCK, TICKET

T = TypeVar("T")

_CHUNK = 200
_UP_TO_RED = timedelta(days=10)
"""By then the red card of an expiry is raised; provisional days up to it matter to its clock."""


@dataclass
class CalendarChange:
    """The result of a change: the number of days declared, clocks moved, the number of withdrawals.

    `moved` has each clock as ticket, clock and new due; `kept` are tickets left as they were, since
    what people did there would no longer fit.
    """

    days: int = 0
    moved: list[tuple[str, str, datetime]] = field(default_factory=list)
    withdrawn: int = 0
    kept: list[str] = field(default_factory=list)


def change_calendar(
    session: Session, days: Mapping[date, DeclaredDay], now: datetime
) -> CalendarChange:
    """Declare days working or off and move what depends on them, with their documents as reason.

    Levels that should not have been raised are withdrawn; the run of a clock stays the same. A
    caller that only wants to see what would change rolls the transaction back.
    """
    former = load_rulebook(session)
    result = CalendarChange(declare_days(session, days, now))
    if result.days:
        former_days = {day: former.calendar.is_working(day) for day in days}
        documents = "、".join(dict.fromkeys(d.document for d in days.values()))
        why = lazy("the calendar changed: {document}", document=documents)
        running = select(CLOCK.c.ticket_id).where(CLOCK.c.state == ClockState.RUNNING)
        waiting = TICKET.c.status.in_((*OPEN, Status.COMPLETED))
        which = waiting | TICKET.c.id.in_(running)
        _refold(session, which, former, former_days, why, now, result)
    return result


def settle_provisional(session: Session, now: datetime) -> CalendarChange:
    """Move open clocks that were provisional, where the calendar's library knows their year now.

    Called when a service starts, as the library is upgraded between two runs.
    """
    result = CalendarChange()
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
    why = lazy("the State Council's arrangement is known now")
    for ids in _chunks(sorted(settled)):
        _refold(session, TICKET.c.id.in_(ids), former, former_days, why, now, result)
    return result


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def _refold(
    session: Session,
    which: ColumnElement[bool],
    former: Rulebook,
    former_days: Mapping[date, bool],
    why: LazyText,
    now: datetime,
    result: CalendarChange,
) -> None:
    """Fold these tickets again under the calendar as it is now, and append the differences."""
    rulebook = load_rulebook(session)
    numbers = session.scalars(select(TICKET.c.number).where(which).order_by(TICKET.c.number))
    for chunk in _chunks(numbers.all()):
        appends = []
        for work in lock_tickets(session, chunk, wait=True):
            append = refold_changed(session, work, rulebook, former, now, why, former_days)
            if append is None:
                result.kept.append(work.row.number)
            elif append.events or append.state != work.state:
                appends.append(append)
        append_logs(session, appends, rulebook, now)
        for append in appends:
            for event in append.events:
                if isinstance(event.data, ClockMoved):
                    moved = (append.row.number, event.data.clock, event.data.due)
                    result.moved.append(moved)
                result.withdrawn += isinstance(event.data, AlertWithdrawn | DecisionWithdrawn)
