"""Fold tickets again after the rulebook changed, and collect what that changed for them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, select, update

from models.database import Session
from models.i18n import LazyText
from models.membership import is_in
from models.operations.append_log import append_logs
from models.operations.refold import refold_changed
from models.operations.ticket_change import LogAppend
from models.operations.ticket_work import TicketWork, lock_tickets
from models.rulebook import Rulebook, load_rulebook
from models.rules import events as log_events
from models.rules.events import (
    AlertRaised,
    AlertWithdrawn,
    ClockExpired,
    ConductProposed,
    ContactDeemedAbsent,
    DecisionWithdrawn,
    EventData,
    TicketArchived,
    TicketDeemedAccepted,
)
from models.rules.state import Clock
from models.rules.vocabulary import OPEN, ClockState, EventName, Status
from models.tables.columns import undecoded
from models.tables.core import CLOCK, EVENT, TICKET

T = TypeVar("T")

CHUNK = 200
_DECISIONS = (
    AlertRaised,
    ClockExpired,
    ConductProposed,
    ContactDeemedAbsent,
    TicketArchived,
    TicketDeemedAccepted,
)
"""The decisions that time alone brings about."""


@dataclass(frozen=True, slots=True)
class MovedClock:
    """A running clock whose due is another; `was` is None where it did not run before."""

    ticket: str
    clock: str
    was: datetime | None
    due: datetime


@dataclass(frozen=True, slots=True)
class ChangedDecision:
    """An automatic decision that came with the change, or was taken back by it.

    `subject` is what it was about: a card's level, the clock that expired, the unit.
    """

    ticket: str
    event: EventName
    subject: str
    came: bool


@dataclass
class RulebookChange:
    """The effect of a change of the rulebook on tickets.

    `days` counts the days that are declared otherwise than before, and `year` says whether a whole
    year was declared; `tickets` counts those that were folded again. `kept` are tickets left as
    they were, since what people did there would no longer fit.
    """

    days: int = 0
    year: bool = False
    tickets: int = 0
    moved: list[MovedClock] = field(default_factory=list)
    decisions: list[ChangedDecision] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    @property
    def withdrawn(self) -> int:
        """The number of decisions that were taken back."""
        return sum(not decision.came for decision in self.decisions)

    def add(self, session: Session, append: LogAppend) -> None:
        """Add what is appended to one ticket's log."""
        ticket = append.row.number
        self.moved += moved_clocks(ticket, append.before, append.state.clocks)
        self.decisions += _decisions(session, append)


@dataclass(frozen=True)
class FormerRulebook:
    """The rulebook before a change; `days` says of the changed days whether they were working."""

    rulebook: Rulebook
    days: Mapping[date, bool] = field(default_factory=dict)


def affected_tickets() -> ColumnElement[bool]:
    """Return the condition for tickets that a change of the rulebook can still change."""
    running = select(CLOCK.c.ticket_id).where(CLOCK.c.state == ClockState.RUNNING)
    return TICKET.c.status.in_((*OPEN, Status.COMPLETED)) | TICKET.c.id.in_(running)


def refold_tickets(
    session: Session,
    which: ColumnElement[bool],
    former: FormerRulebook,
    why: LazyText,
    now: datetime,
    result: RulebookChange,
    policy_of: Callable[[TicketWork], str] | None = None,
) -> None:
    """Fold these tickets again under the rulebook as it is now, and append the differences.

    `policy_of` gives a ticket another policy; those that are kept as they were keep theirs.
    """
    rulebook = load_rulebook(session)
    numbers = session.scalars(select(TICKET.c.number).where(which).order_by(TICKET.c.number))
    for chunk in chunks(numbers.all()):
        appends, policies = [], dict[int, str]()
        for work in lock_tickets(session, chunk, wait=True):
            moved = work if policy_of is None else _under(work, policy_of(work))
            append = refold_changed(
                session, moved, rulebook, former.rulebook, now, why, former.days
            )
            if append is None:
                result.kept.append(work.row.number)
                continue
            result.tickets += 1
            policies[work.row.id] = append.policy_id
            moved_policy = append.policy_id != work.row.policy_id
            if append.events or append.state != work.state or moved_policy:
                appends.append(append)
        append_logs(session, appends, rulebook, now)
        if policy_of is not None:
            _set_policies(session, policies)
        for append in appends:
            result.add(session, append)


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the items in groups that fit into one statement."""
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def moved_clocks(
    ticket: str, before: Mapping[str, Clock], after: Mapping[str, Clock]
) -> Iterator[MovedClock]:
    """Yield the clocks that run to another due than before, or that did not run before."""
    for key, clock in after.items():
        old = before.get(key)
        was = old.due if old is not None and old.running else None
        if clock.running and was != clock.due:
            yield MovedClock(ticket, clock.name, was, clock.due)


def _under(work: TicketWork, policy_id: str) -> TicketWork:
    return replace(work, row=work.row._replace(policy_id=policy_id))


def _set_policies(session: Session, policies: Mapping[int, str]) -> None:
    by_policy: dict[str, list[int]] = {}
    for ticket, policy in policies.items():
        by_policy.setdefault(policy, []).append(ticket)
    for policy, tickets in by_policy.items():
        session.execute(update(TICKET).where(is_in(TICKET.c.id, tickets)).values(policy_id=policy))


def _decisions(session: Session, append: LogAppend) -> Iterator[ChangedDecision]:
    ticket = append.row.number
    withdrawn = [e.data.of for e in append.events if isinstance(e.data, DecisionWithdrawn)]
    logged = _logged(session, append.row.id, withdrawn) if withdrawn else {}
    for event in append.events:
        match event.data:
            case AlertWithdrawn(level=level):
                yield ChangedDecision(ticket, EventName.ALERT_RAISED, level, came=False)
            case DecisionWithdrawn(name=name, of=seq):
                yield ChangedDecision(ticket, name, _subject(logged[seq]), came=False)
            case _ if isinstance(event.data, _DECISIONS):
                yield ChangedDecision(ticket, event.name, _subject(event.data), came=True)


def _logged(session: Session, ticket_id: int, seqs: Sequence[int]) -> dict[int, EventData]:
    rows = session.execute(
        select(EVENT.c.seq, EVENT.c.name, undecoded(EVENT.c.data)).where(
            EVENT.c.ticket_id == ticket_id, EVENT.c.seq.in_(seqs)
        )
    )
    return {row.seq: log_events.decode(row.name, row.data) for row in rows}


def _subject(data: EventData) -> str:
    match data:
        case AlertRaised(level=level):
            return level
        case ClockExpired(clock=clock):
            return clock
    return getattr(data, "unit", None) or ""
