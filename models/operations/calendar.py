"""The calendar changes: every open clock that crosses a changed day is moved."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, select

from models.database import Session
from models.i18n import LazyText, lazy
from models.operations.log import append_logs
from models.operations.refold import refold_changed
from models.operations.rulebook import declare_days
from models.operations.ticket_work import lock_tickets
from models.rulebook import load_rulebook
from models.rules.calendar import DeclaredDay
from models.rules.events import AlertWithdrawn, ClockMoved, DecisionWithdrawn
from models.rules.vocabulary import OPEN, ClockState, Status
from models.tables.core import CLOCK, TICKET

T = TypeVar("T")

_CHUNK = 200
_UP_TO_RED = timedelta(days=10)
"""By then the red card of an expiry has come; days up to it make a clock provisional."""


@dataclass
class CalendarChange:
    """What a new arrangement of days did: days declared, clocks moved, alerts taken back.

    `kept` are tickets left as they were, since what people did there would no longer fit.
    """

    days: int = 0
    moved: list[tuple[str, str, datetime]] = field(default_factory=list)
    withdrawn: int = 0
    kept: list[str] = field(default_factory=list)


def change_calendar(
    session: Session, days: Mapping[date, DeclaredDay], now: datetime
) -> CalendarChange:
    """Declare days working or off and move what depends on them, each with the document as reason.

    What should not have been raised is taken back; the run of a clock stays the same. A caller
    that only wants to see what would change rolls the transaction back.
    """
    result = CalendarChange(declare_days(session, days, now))
    if result.days:
        documents = "、".join(dict.fromkeys(d.document for d in days.values()))
        why = lazy("the calendar changed: {document}", document=documents)
        running = select(CLOCK.c.ticket_id).where(CLOCK.c.state == ClockState.RUNNING)
        waiting = TICKET.c.status.in_((*OPEN, Status.COMPLETED))
        _tell_again(session, waiting | TICKET.c.id.in_(running), why, now, result)
    return result


def settle_provisional(session: Session, now: datetime) -> CalendarChange:
    """Move the open clocks that were a guess, where the calendar's library has learnt their year.

    To be called where a service begins: a library is renewed between two runs.
    """
    result = CalendarChange()
    calendar = load_rulebook(session).calendar
    guessed = session.execute(
        select(CLOCK.c.ticket_id, CLOCK.c.base, CLOCK.c.due)
        .where(CLOCK.c.state == ClockState.RUNNING, CLOCK.c.provisional)
        .order_by(CLOCK.c.ticket_id)
    )
    settled = {
        row.ticket_id
        for row in guessed
        if not calendar.provisional(row.base.date(), (row.due + _UP_TO_RED).date())
    }
    why = lazy("the State Council's arrangement is known now")
    for some in _parts(sorted(settled)):
        _tell_again(session, TICKET.c.id.in_(some), why, now, result)
    return result


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def _tell_again(
    session: Session,
    which: ColumnElement[bool],
    why: LazyText,
    now: datetime,
    result: CalendarChange,
) -> None:
    """Fold these tickets anew under the calendar as it is now, and write what is different."""
    rulebook = load_rulebook(session)
    numbers = session.scalars(select(TICKET.c.number).where(which).order_by(TICKET.c.number))
    for some in _parts(numbers.all()):
        log_append = []
        for work in lock_tickets(session, some, wait=True):
            found = refold_changed(session, work, rulebook, now, why)
            if found is None:
                result.kept.append(work.row.number)
            elif found.events or found.state != work.state:
                log_append.append(found)
        append_logs(session, log_append, rulebook, now)
        for one in log_append:
            for event in one.events:
                if isinstance(event.data, ClockMoved):
                    moved = (one.row.number, event.data.clock, event.data.due)
                    result.moved.append(moved)
                result.withdrawn += isinstance(event.data, AlertWithdrawn | DecisionWithdrawn)
