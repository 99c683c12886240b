"""The work of the desk: what waits for an answer of the district desk or of the city hotline."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select

from models.database import Session
from models.membership import is_in
from models.queries.conditions import OPEN_TICKET, REVISIT, SCREENED_EVENT
from models.queries.duties import ANSWER_CLOCKS, missed_among, owed_clock
from models.queries.owed_calls import MAX_LISTED
from models.rules import events
from models.rules.events import ScreeningDecided, ScreeningProposed
from models.rules.vocabulary import ClockName
from models.tables.core import CLOCK, EVENT, TICKET

SCREENING, REVISITS = "screening", "revisit"

_TICKET_COLUMNS = TICKET.c.number, TICKET.c.title, TICKET.c.unit, TICKET.c.status

KINDS: tuple[str, ...] = (SCREENING, *ANSWER_CLOCKS, REVISITS)


@dataclass(frozen=True, slots=True)
class DeskItem:
    """A ticket that waits for an answer `since` then, `due` by then where a term was set.

    The term may be over: who owes the answer owes it still. `missed` says that a duty of the
    emergency was missed.
    """

    ticket: str
    title: str
    unit: str | None
    status: str
    due: datetime | None
    since: datetime | None
    emergency: str | None = None
    missed: bool = False


def desk_counts(session: Session, _now: datetime) -> dict[str, int]:
    """Count what waits, by kind."""
    waiting = select(TICKET.c.status, func.count()).where(
        OPEN_TICKET, TICKET.c.status.in_(list(ANSWER_CLOCKS))
    )
    counts = dict.fromkeys(KINDS, 0)
    counts |= {row[0]: row[1] for row in session.execute(waiting.group_by(TICKET.c.status))}
    counts[SCREENING] = len(_unanswered(session))
    counts[REVISITS] = session.scalar(select(func.count(TICKET.c.id)).where(REVISIT)) or 0
    return counts


def desk_items(session: Session, kind: str) -> tuple[DeskItem, ...]:
    """List what waits of a kind, the longest first."""

    if kind == SCREENING:
        since = _unanswered(session)
        first = sorted(since, key=lambda ticket_id: (since[ticket_id], ticket_id))[:MAX_LISTED]
        columns = TICKET.c.id, *_TICKET_COLUMNS, TICKET.c.emergency
        listed = session.execute(select(*columns).where(is_in(TICKET.c.id, first))).all()
        missed = missed_among(session, listed)
        items = [
            DeskItem(
                row.number,
                row.title,
                row.unit,
                row.status,
                None,
                since[row.id],
                row.emergency,
                row.number in missed,
            )
            for row in listed
        ]
        return tuple(sorted(items, key=lambda item: (item.since, item.ticket)))
    if kind == REVISITS:
        clock, otherwise = ClockName.REVISIT, TICKET.c.completed_at
        waiting = [REVISIT]
    else:
        clock, otherwise = ANSWER_CLOCKS[kind], TICKET.c.updated_at
        waiting = [OPEN_TICKET, TICKET.c.status == kind]
    begun = func.coalesce(CLOCK.c.base, otherwise, type_=CLOCK.c.base.type)
    rows = select(*_TICKET_COLUMNS, CLOCK.c.due, begun, TICKET.c.emergency).select_from(TICKET)
    rows = rows.outerjoin(CLOCK, owed_clock(clock)).where(*waiting).order_by(begun, TICKET.c.id)
    listed = session.execute(rows.limit(MAX_LISTED)).all()
    missed = missed_among(session, listed)
    return tuple(replace(DeskItem(*row), missed=row.number in missed) for row in listed)


def _unanswered(session: Session) -> dict[int, datetime]:
    """Return since when each open ticket has a proposal of the screening without an answer."""
    lines = session.execute(
        select(EVENT.c.ticket_id, EVENT.c.name, EVENT.c.moment, EVENT.c.data)
        .join(TICKET, TICKET.c.id == EVENT.c.ticket_id)
        .where(SCREENED_EVENT, OPEN_TICKET)
        .order_by(EVENT.c.ticket_id, EVENT.c.seq)
    )
    proposals: dict[int, dict[str, datetime]] = {}
    for line in lines:
        open_items = proposals.setdefault(line.ticket_id, {})
        if line.name == ScreeningProposed.event:
            code = events.read(ScreeningProposed, line.data).code
            open_items[code.removeprefix("2.2.")] = line.moment
        else:
            code = events.read(ScreeningDecided, line.data).code
            open_items.pop(code.removeprefix("2.2."), None)
    return {ticket_id: min(items.values()) for ticket_id, items in proposals.items() if items}
