"""A choice of open tickets, and the condition by which the database makes it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select, true

from models.database import Session
from models.membership import is_in
from models.queries.conditions import URGENT
from models.queries.duties import has_missed_duty
from models.queries.topics import load_topics
from models.queries.units import names_of_units
from models.tables.core import TICKET

NO_LEVEL = "none"
"""In `TicketFilter.levels`: tickets for which no level was raised."""


@dataclass(frozen=True, slots=True)
class TicketFilter:
    """A choice of open tickets: each field that is set narrows it, within a field any value fits.

    `units` are parts of a unit's name or of one of its other names, `topics` are topics by code,
    label or path, each with all below it (`TopicTree.matching`); `words` must all be in the title
    or the number. A ticket of which no duty runs is in no span of `due_from` (included) and
    `due_before` (not included), between which the next duty of the others is due. `overdue_at` lets
    through those whose next duty was due before it, and emergencies of which a duty was missed.
    What passes one of the `inverted` does not pass.
    """

    levels: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    emergency: bool = False
    numbers: tuple[str, ...] | None = None
    words: tuple[str, ...] = ()
    due_from: datetime | None = None
    due_before: datetime | None = None
    overdue_at: datetime | None = None
    inverted: tuple["TicketFilter", ...] = ()


ALL_OPEN = TicketFilter()


def filter_condition(session: Session, wanted: TicketFilter) -> ColumnElement[bool]:
    """Return the condition of a filter, without the one that a ticket is open."""
    parts: list[ColumnElement[bool]] = []
    if wanted.statuses:
        parts.append(TICKET.c.status.in_(wanted.statuses))
    if wanted.levels:
        level = TICKET.c.level.in_([lv for lv in wanted.levels if lv != NO_LEVEL])
        none = TICKET.c.level.is_(None)
        parts.append(or_(level, none) if NO_LEVEL in wanted.levels else level)
    if wanted.units:
        parts.append(_of_units(session, wanted.units))
    if wanted.categories:
        parts.append(TICKET.c.category.in_(wanted.categories))
    if wanted.numbers is not None:
        parts.append(is_in(TICKET.c.number, wanted.numbers))
    if wanted.topics:
        tree = load_topics(session)
        codes = {code for text in wanted.topics for code in tree.matching(text)}
        parts.append(is_in(TICKET.c.topic, sorted(codes)))
    if wanted.emergency:
        parts.append(TICKET.c.emergency.is_not(None))
    for word in wanted.words:
        parts.append(or_(_has(TICKET.c.title, word), _has(TICKET.c.number, word)))
    if wanted.due_from is not None:
        parts.append(TICKET.c.next_due >= wanted.due_from)
    if wanted.due_before is not None:
        parts.append(TICKET.c.next_due < wanted.due_before)
    if wanted.overdue_at is not None:
        parts.append(_is_overdue(session, wanted.overdue_at))
    # a column without a value makes a condition neither true nor false
    parts += [filter_condition(session, part).is_not(true()) for part in wanted.inverted]
    return and_(true(), *parts)


def _has(column: ColumnElement[str], word: str) -> ColumnElement[bool]:
    """Return the condition that a text has a word in it, in capitals or small letters."""
    if word.lower() == word.upper():
        # without letters: PostgreSQL takes many times as long to look at both cases of Chinese
        return column.contains(word, autoescape=True)
    return column.icontains(word, autoescape=True)


def _is_overdue(session: Session, now: datetime) -> ColumnElement[bool]:
    next_is_overdue = TICKET.c.next_due < now
    # read first: they are few, and beside a subquery no index of the next duty would be used
    missed = list(session.scalars(select(TICKET.c.id).where(URGENT, has_missed_duty())))
    return or_(next_is_overdue, is_in(TICKET.c.id, missed)) if missed else next_is_overdue


def _of_units(session: Session, texts: tuple[str, ...]) -> ColumnElement[bool]:
    names = [
        unit
        for unit, names in names_of_units(session).items()
        if any(text in name for text in texts for name in names)
    ]
    if names:
        return TICKET.c.unit.in_(names)
    # a unit that left the file before units were kept still has its tickets
    return or_(*(TICKET.c.unit.contains(text, autoescape=True) for text in texts))
