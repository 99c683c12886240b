"""The duties of a ticket: who owes what since when until when, how it ended, who was told."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, select

from models.database import Session
from models.membership import is_in
from models.queries.log_lines import LogLine
from models.rules.events import ClockExpired, ClockStopped, NoticeQueued, TicketDeemedAccepted
from models.rules.vocabulary import (
    EMERGENCY_CLOCKS,
    ClockName,
    ClockState,
    ContactPurpose,
    DutyChange,
    EventName,
    NoticeKind,
    NoticeState,
    Status,
)
from models.sql_types import SelectedRow
from models.tables.core import CLOCK, TICKET

ANSWER_CLOCKS: dict[str, ClockName] = {
    Status.RETURNED: ClockName.RETURN_REVIEW,
    Status.SUBMITTED: ClockName.RESULT_REVIEW,
    Status.MANUAL: ClockName.ASSIGNMENT,
    Status.DISPUTED: ClockName.MEDIATION,
}
"""The statuses in which a ticket waits for the desk or the city, and the clock of the answer."""


@dataclass(frozen=True, slots=True)
class DutyRow:
    """A duty as its row has it; `holder` is a unit, `district_desk` or `city_hotline`."""

    key: str
    ordinal: int
    name: ClockName
    holder: str
    purpose: ContactPurpose | None
    base: datetime
    due: datetime
    provisional: bool
    state: ClockState
    ended_at: datetime | None

    def is_overdue(self, now: datetime) -> bool:
        """Return whether it runs on after its due."""
        return self.state == ClockState.RUNNING and self.due < now


@dataclass(frozen=True, slots=True)
class NextDuty:
    """The running duty of a ticket that ends first: its clock, who owes it, and until when."""

    clock: ClockName
    holder: str
    due: datetime


@dataclass(frozen=True, slots=True)
class DutyNotice:
    """A notice to a holder of its duty: of when and of what kind, and what had happened to it.

    `state` says whether it was sent; None where its row is no longer kept.
    """

    at: datetime
    kind: NoticeKind
    change: DutyChange
    state: NoticeState | None = None


@dataclass(frozen=True, slots=True)
class DutyView:
    """A duty with what discharged or ended it, and the notices of it to its holder.

    `ended_by` is the event that the ending came with, None while it runs, and where its log does
    not tell.
    """

    row: DutyRow
    ended_by: EventName | None
    notices: tuple[DutyNotice, ...]


def next_duty(duties: Iterable[DutyRow | SelectedRow]) -> NextDuty | None:
    """Return the duty of a ticket that runs and ends first, whoever owes it."""
    running = [duty for duty in duties if duty.state == ClockState.RUNNING]
    first = min(running, key=lambda duty: duty.due, default=None)
    if first is None:
        return None
    return NextDuty(ClockName(first.name), first.holder, first.due)


def missed_duties(
    duties: Iterable[DutyRow | SelectedRow],
) -> tuple[DutyRow | SelectedRow, ...]:
    """Return the emergency duties of a ticket that have expired (Regulation 3.4).

    The rows of a clock are in their order: only its last one counts.
    """
    last = {duty.name: duty for duty in duties if duty.name in EMERGENCY_CLOCKS}
    return tuple(duty for duty in last.values() if duty.state == ClockState.EXPIRED)


def has_missed_duty() -> ColumnElement[bool]:
    """Return the condition that a ticket is an emergency with `missed_duties`."""
    duty, later = CLOCK.alias("duty"), CLOCK.alias("later")
    is_followed = exists().where(
        later.c.ticket_id == duty.c.ticket_id,
        later.c.key == duty.c.key,
        later.c.ordinal > duty.c.ordinal,
    )
    has_expired = exists().where(
        duty.c.ticket_id == TICKET.c.id,
        duty.c.key.in_(EMERGENCY_CLOCKS),
        duty.c.state == ClockState.EXPIRED,
        ~is_followed,
    )
    return and_(TICKET.c.emergency.is_not(None), has_expired)


def missed_among(session: Session, rows: Sequence[SelectedRow]) -> Set[str]:
    """Return the numbers of the emergencies among these tickets of which a duty was missed.

    Beside other columns PostgreSQL would look through the clocks of all tickets for it.
    """
    if not (numbers := [row.number for row in rows if row.emergency is not None]):
        return frozenset()
    missed = select(TICKET.c.number).where(is_in(TICKET.c.number, numbers), has_missed_duty())
    return set(session.scalars(missed))


def overdue_answer(
    duties: Iterable[DutyRow | SelectedRow], status: str
) -> DutyRow | SelectedRow | None:
    """Return the expired duty of the desk or the city whose answer a ticket still waits for.

    The rows of a clock are in their order: only its last one counts.
    """
    clock = ANSWER_CLOCKS.get(status)
    last = None
    for duty in duties:
        if duty.name == clock:
            last = duty
    return last if last is not None and last.state == ClockState.EXPIRED else None


def waits_since(
    duties: Sequence[DutyRow | SelectedRow], status: str, received_at: datetime | None
) -> datetime | None:
    """Return since when a ticket of which no duty runs has waited.

    Since it came to whoever still owes an answer beyond its term; else since its last duty ended;
    without any, since its receipt.
    """
    answer = overdue_answer(duties, status)
    if answer is not None:
        return answer.base
    ends = (duty.ended_at for duty in duties if duty.ended_at is not None)
    return max(ends, default=received_at)


def owed_clock(name: ClockName) -> ColumnElement[bool]:
    """Return what joins to a ticket the last clock of a name while it runs, and once it is over."""
    same = CLOCK.alias("same")
    last = (
        select(func.max(same.c.ordinal))
        .where(same.c.ticket_id == TICKET.c.id, same.c.key == name)
        .scalar_subquery()
    )
    is_owed = CLOCK.c.state.in_((ClockState.RUNNING, ClockState.EXPIRED))
    of_ticket = CLOCK.c.ticket_id == TICKET.c.id
    return and_(of_ticket, CLOCK.c.key == name, CLOCK.c.ordinal == last, is_owed)


def duty_views(
    rows: Sequence[DutyRow], log: Sequence[LogLine], states: Mapping[int, NoticeState]
) -> tuple[DutyView, ...]:
    """Return the duties of a ticket in the order of their rows, as its log tells of them.

    `states` are those of the ticket's notices, by the line of the log that queued each.
    """
    began: dict[tuple[str, int], datetime] = {}
    for row in sorted(rows, key=lambda row: row.ordinal):
        before = next((r for r in rows if (r.key, r.ordinal) == (row.key, row.ordinal - 1)), None)
        if before is not None and before.ended_at is not None:
            began[row.key, row.ordinal] = before.ended_at
    return tuple(
        DutyView(
            row, _ended_by(row, log), _notices(row, began.get((row.key, row.ordinal)), log, states)
        )
        for row in rows
    )


def _ended_by(row: DutyRow, log: Sequence[LogLine]) -> EventName | None:
    if row.ended_at is None:
        return None
    for line in reversed(log):
        if line.moment == row.ended_at and _ends(line, row):
            if line.cause is None:
                return line.name
            # the occasion is named by its first event: the acceptance, the result
            occasion = (e for e in log if (e.cause, e.moment) == (line.cause, line.moment))
            named = (e.name for e in occasion if not isinstance(e.event, ClockStopped))
            return next(named, line.name)
    return None


def _ends(line: LogLine, row: DutyRow) -> bool:
    match line.event:
        case ClockStopped() | ClockExpired() as event:
            unit = row.holder if row.name == ClockName.EVIDENCE else None
            return (
                event.clock == row.name
                and (event.purpose or None) == row.purpose
                and (unit is None or event.unit == unit)
            )
        case TicketDeemedAccepted():
            return row.name == ClockName.ACCEPT
    return False


def _notices(
    row: DutyRow,
    since: datetime | None,
    log: Sequence[LogLine],
    states: Mapping[int, NoticeState],
) -> tuple[DutyNotice, ...]:
    notices = []
    for line in log:
        event = line.event
        if not isinstance(event, NoticeQueued) or not event.duties or event.holder != row.holder:
            continue
        if (since and line.moment < since) or (row.ended_at and line.moment > row.ended_at):
            continue
        notices += [
            DutyNotice(line.moment, event.kind, duty.change, states.get(line.seq))
            for duty in event.duties
            if duty.clock == row.name and (duty.purpose or None) == row.purpose
        ]
    return tuple(notices)
