"""The queue of open tickets, a window at a time: chosen and sorted by the database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from models.database import Session
from models.rules.state import FIRST, ON_SITE, OPEN, REPORT, RUNNING
from models.tables.core import CLOCK, TICKET, UNIT

NO_LEVEL = "none"
"""In `Wanted.levels`: tickets at which no level has been raised."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which open tickets: each field that is set narrows them, within a field any value will do.

    `units` are parts of a unit's name or of one of its other names; `words` must all be in the
    title or the number. A ticket without a due is in no span of `due_from` (included) and
    `due_before` (not included).
    """

    levels: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    emergency: bool = False
    words: tuple[str, ...] = ()
    due_from: datetime | None = None
    due_before: datetime | None = None


EVERYTHING = Wanted()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the queue.

    `first_contact` is how its clock stands, None where there is none; `urgent` is the emergency
    clock to look at: the nearest that runs, or else one that has expired (Regulation 3.4).
    """

    id: int
    number: str
    status: str
    category: str
    emergency: str | None
    title: str
    unit: str | None
    level: str | None
    level_at: datetime | None
    due: datetime | None
    provisional: bool
    policy_id: str | None
    first_contact: str | None = None
    urgent: "Urgent | None" = None


@dataclass(frozen=True, slots=True)
class Urgent:
    """A clock of an emergency: which, how it stands, and until when."""

    name: str
    state: str
    due: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """A window of the queue: the rows from `offset` on, of `total`."""

    rows: tuple[Row, ...] = ()
    offset: int = 0
    total: int = 0


_COLUMNS = [f for f in Row.__dataclass_fields__ if f in TICKET.c]


def listing(session: Session, wanted: Wanted, *, offset: int = 0, limit: int | None = None) -> Page:
    """The open tickets that are wanted: emergencies first, then by due, those without one last."""
    condition = _condition(session, wanted)
    total = session.scalar(select(func.count()).select_from(TICKET).where(condition)) or 0
    found = select(*(TICKET.c[c] for c in _COLUMNS)).where(condition)
    rows = session.execute(_in_order(found).offset(offset).limit(limit)).all()
    ids = [r.id for r in rows]
    contacts, urgent = _clocks(session, ids) if limit is not None else ({}, {})
    return Page(
        tuple(
            Row(**r._mapping, first_contact=contacts.get(r.id), urgent=urgent.get(r.id))
            for r in rows
        ),
        offset,
        total,
    )


def position(session: Session, wanted: Wanted, number: str) -> int | None:
    """How many wanted tickets stand before this one in the queue; None where it is not in it."""
    condition = _condition(session, wanted)
    urgent, undated = _keys()
    own = session.execute(
        select(urgent, undated, TICKET.c.due).where(condition, TICKET.c.number == number)
    ).first()
    if own is None:
        return None
    by_due = TICKET.c.due < own.due if own.due is not None else None
    same_due = TICKET.c.due == own.due if own.due is not None else TICKET.c.due.is_(None)
    earlier = and_(same_due, TICKET.c.number < number)
    before = or_(
        urgent < own[0],
        and_(
            urgent == own[0],
            or_(
                undated < own[1],
                and_(undated == own[1], earlier if by_due is None else or_(by_due, earlier)),
            ),
        ),
    )
    return session.scalar(select(func.count()).select_from(TICKET).where(condition, before)) or 0


def _keys() -> tuple[ColumnElement[int], ColumnElement[int]]:
    return (
        case((TICKET.c.emergency.is_(None), 1), else_=0),
        case((TICKET.c.due.is_(None), 1), else_=0),
    )


def _in_order(found: Select[Any]) -> Select[Any]:
    return found.order_by(*_keys(), TICKET.c.due, TICKET.c.number)


def _condition(session: Session, wanted: Wanted) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = [TICKET.c.status.in_(wanted.statuses or OPEN)]
    if wanted.statuses:
        parts.append(TICKET.c.status.in_(OPEN))
    if wanted.levels:
        level = TICKET.c.level.in_([lv for lv in wanted.levels if lv != NO_LEVEL])
        none = TICKET.c.level.is_(None)
        parts.append(or_(level, none) if NO_LEVEL in wanted.levels else level)
    if wanted.units:
        parts.append(_of_units(session, wanted.units))
    if wanted.categories:
        parts.append(TICKET.c.category.in_(wanted.categories))
    if wanted.emergency:
        parts.append(TICKET.c.emergency.is_not(None))
    for word in wanted.words:
        title = TICKET.c.title.icontains(word, autoescape=True)
        parts.append(or_(title, TICKET.c.number.icontains(word, autoescape=True)))
    if wanted.due_from is not None:
        parts.append(TICKET.c.due >= wanted.due_from)
    if wanted.due_before is not None:
        parts.append(TICKET.c.due < wanted.due_before)
    return and_(*parts)


def _of_units(session: Session, texts: tuple[str, ...]) -> ColumnElement[bool]:
    known = session.execute(select(UNIT.c.name, UNIT.c.words)).all()
    names = [
        row.name
        for row in known
        if any(text in name for text in texts for name in (row.name, *row.words["aliases"]))
    ]
    return or_(
        TICKET.c.unit.in_(names),
        # a unit that has left the file still has its tickets
        *(TICKET.c.unit.contains(text, autoescape=True) for text in texts),
    )


def _clocks(session: Session, ids: list[int]) -> tuple[dict[int, str], dict[int, Urgent]]:
    """How the first contact stands, and the emergency clock to look at, of these tickets."""
    rows = session.execute(
        select(CLOCK.c.ticket_id, CLOCK.c.name, CLOCK.c.state, CLOCK.c.due)
        .where(CLOCK.c.ticket_id.in_(ids), CLOCK.c.key.in_((FIRST, ON_SITE, REPORT)))
        .order_by(case((CLOCK.c.state == RUNNING, 0), else_=1), CLOCK.c.due)
    ).all()
    contacts = {row.ticket_id: row.state for row in rows if row.name == FIRST}
    urgent: dict[int, Urgent] = {}
    for row in rows:
        if row.name != FIRST and row.state in (RUNNING, "expired"):
            urgent.setdefault(row.ticket_id, Urgent(row.name, row.state, row.due))
    return contacts, urgent
