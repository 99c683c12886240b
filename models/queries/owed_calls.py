"""Claimants to be called: contacts and surveys owed, claimants dissatisfied or unreachable."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, func, literal, null, or_, select

from models.database import Session
from models.queries.conditions import REVISIT, RUNNING_CLOCK, event_named
from models.queries.duties import missed_among, owed_clock
from models.rules.vocabulary import ClockName, EventName
from models.sql_types import AnySelect
from models.tables.core import CLOCK, EVENT, TICKET

DISSATISFIED, UNREACHABLE = "dissatisfied", "unreachable"
KINDS: tuple[str, ...] = (
    ClockName.FIRST_CONTACT,
    ClockName.CLOSING_CONTACT,
    ClockName.SURVEY,
    DISSATISFIED,
    UNREACHABLE,
    ClockName.PROOF,
)
MAX_LISTED = 500
"""The most of a kind that are listed; all are counted."""

_UNREACHABLE_KEPT = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class OwedCall:
    """A claimant to be called, or one that could not be reached.

    `due` is the expiry of the clock, or None where there is none; a revisit is owed beyond it.
    `at` is when the want arose; `missed` says that a duty of the emergency was missed.
    """

    ticket: str
    title: str
    unit: str | None
    status: str
    rating: str | None
    due: datetime | None
    at: datetime | None
    emergency: str | None = None
    missed: bool = False


@dataclass(frozen=True, slots=True)
class OwedCalls:
    """The number of each kind, and the calls of one kind, the most urgent first."""

    counts: dict[str, int]
    kind: str
    rows: tuple[OwedCall, ...] = ()


_OWN = (TICKET.c.number, TICKET.c.title, TICKET.c.unit, TICKET.c.status, TICKET.c.rating)


def owed_calls(session: Session, now: datetime, kind: str) -> OwedCalls:
    """Read the calls of a kind that are owed, by due; unreachable claimants of two weeks."""
    counts = dict.fromkeys(KINDS, 0)
    running = session.execute(
        select(CLOCK.c.name, func.count())
        .where(
            RUNNING_CLOCK,
            CLOCK.c.name.in_(
                (
                    ClockName.FIRST_CONTACT,
                    ClockName.CLOSING_CONTACT,
                    ClockName.SURVEY,
                    ClockName.PROOF,
                )
            ),
        )
        .group_by(CLOCK.c.name)
    )
    counts |= {row[0]: row[1] for row in running}
    counts[DISSATISFIED] = session.scalar(select(func.count(TICKET.c.id)).where(REVISIT)) or 0
    unreachable = event_named(EventName.CONTACT_UNREACHABLE), EVENT.c.at >= now - _UNREACHABLE_KEPT
    recent = select(func.count()).select_from(EVENT).where(*unreachable)
    counts[UNREACHABLE] = session.scalar(recent) or 0
    rows = session.execute(_select_calls(kind, unreachable).limit(MAX_LISTED)).all()
    missed = missed_among(session, rows)
    return OwedCalls(
        counts, kind, tuple(replace(OwedCall(*r), missed=r.number in missed) for r in rows)
    )


def is_call_due(session: Session, number: str) -> bool:
    """Return whether the claimant of a ticket is to be called: a contact, survey or revisit."""
    calls = (ClockName.FIRST_CONTACT, ClockName.CLOSING_CONTACT, ClockName.SURVEY)
    of_ticket = CLOCK.c.ticket_id == TICKET.c.id
    owed = exists().where(of_ticket, RUNNING_CLOCK, CLOCK.c.name.in_(calls))
    due = select(TICKET.c.id).where(TICKET.c.number == number, or_(REVISIT, owed))
    return session.execute(due).first() is not None


def _select_calls(kind: str, unreachable: tuple[ColumnElement[bool], ...]) -> AnySelect:
    if kind == DISSATISFIED:
        begun = func.coalesce(CLOCK.c.base, TICKET.c.completed_at, type_=CLOCK.c.base.type)
        return (
            select(*_OWN, CLOCK.c.due, begun, TICKET.c.emergency)
            .select_from(TICKET)
            .outerjoin(CLOCK, owed_clock(ClockName.REVISIT))
            .where(REVISIT)
            .order_by(begun, TICKET.c.id)
        )
    if kind == UNREACHABLE:
        return (
            select(*_OWN, null().label("due"), EVENT.c.moment, TICKET.c.emergency)
            .join(EVENT, EVENT.c.ticket_id == TICKET.c.id)
            .where(*unreachable)
            .order_by(EVENT.c.at.desc(), EVENT.c.ticket_id)
        )
    return (
        select(*_OWN, CLOCK.c.due, CLOCK.c.base, TICKET.c.emergency)
        .join(CLOCK, CLOCK.c.ticket_id == TICKET.c.id)
        .where(RUNNING_CLOCK, CLOCK.c.name == literal(kind))
        .order_by(CLOCK.c.due, CLOCK.c.ticket_id)
    )
