"""The one operation behind all domain work: carry tickets on to the present."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import select

from models.bulk import next_ids
from models.database import Session
from models.i18n import lazy
from models.operations.duplicates import find_duplicates
from models.operations.log import LogAppend, NewTicket, TicketRow, append_logs
from models.operations.refold import refold_late
from models.operations.ticket_work import (
    MessageOutcome,
    TicketWork,
    lock_tickets,
    mark_messages,
    read_message,
    refusals,
)
from models.rulebook import Rulebook
from models.rules.events import AlertRaised, NoticeQueued
from models.rules.lifecycle.decide import fold, next_moment
from models.rules.messages import Refusal, TicketReceived
from models.rules.policy import in_force
from models.rules.screening import screen
from models.rules.state import State
from models.rules.vocabulary import MessageType
from models.tables.core import INBOX, TICKET
from models.tables.inbox import WAITING

_CHUNK = 2_000
"""Tickets carried on at once: enough that a statement's own cost is lost among its rows."""

_LEVELS = (AlertRaised, NoticeQueued)
"""What a level that comes with time is told by, and nothing else."""

_READ = ("id", "ticket", "type", "queue", "at", "arrived_at", "body", "resolved")
"""The columns of a waiting row that are read."""


@dataclass
class AdvanceResult:
    """What came of an advance: tickets carried on, and those that another worker held.

    `by_queue` are the messages dealt with, `refused_by_queue` those of them that were refused.
    """

    tickets: int = 0
    applied: int = 0
    refused: int = 0
    by_queue: Counter[str] = field(default_factory=Counter)
    refused_by_queue: Counter[str] = field(default_factory=Counter)
    skipped: list[str] = field(default_factory=list)


def advance(
    session: Session,
    numbers: Iterable[str],
    rulebook: Rulebook,
    now: datetime,
    *,
    inclusive: bool = True,
    played: bool = False,
) -> AdvanceResult:
    """Apply the waiting messages of these tickets, in the order of `at`, and what time brings.

    Each ticket's row is locked first; one that another worker holds is skipped and named in the
    result. With `played`, events of time alone are dated by their moment instead of `now`; with
    `inclusive` false, moments that fall exactly on `now` are left for later: both for a replay.
    """
    result = AdvanceResult()
    wanted = sorted(set(numbers))
    for start in range(0, len(wanted), _CHUNK):
        _advance_chunk(
            session, wanted[start : start + _CHUNK], rulebook, now, inclusive, played, result
        )
    return result


def _advance_chunk(
    session: Session,
    numbers: Sequence[str],
    rulebook: Rulebook,
    now: datetime,
    inclusive: bool,
    played: bool,
    result: AdvanceResult,
) -> None:
    works = {work.row.number: work for work in lock_tickets(session, numbers)}
    known = set(works)
    if missing := [n for n in numbers if n not in known]:
        found = select(TICKET.c.number).where(session.is_in(TICKET.c.number, missing))
        known |= set(session.scalars(found).all())
    # read only after the lock: what another worker has just dealt with must not be seen as waiting
    waiting = _waiting(session, numbers, now)
    for number, work in works.items():
        work.waiting = waiting.get(number, [])
        work.messages = {r.id: read_message(session, r, rulebook) for r in work.waiting}
    begun, outcomes = _strangers(session, known, waiting, rulebook, now)
    result.skipped += _held(session, begun)
    works |= begun
    result.skipped += [n for n in numbers if n in known and n not in works]
    _screen(session, begun, rulebook)
    log_append: list[LogAppend] = []
    for work in works.values():
        appended, outcome = _carry_on(session, work, rulebook, now, inclusive, played)
        outcomes += outcome
        log_append.append(appended)
    lost = append_logs(session, log_append, rulebook, now, played=played)
    result.skipped += lost
    outcomes = [d for d in outcomes if d.row.ticket not in lost]
    mark_messages(session, outcomes)
    result.by_queue.update(d.row.queue for d in outcomes if d.ring_at is None)
    result.refused_by_queue.update(d.row.queue for d in outcomes if d.why is not None)
    result.tickets += len(works) - len(lost)
    result.refused += sum(d.why is not None for d in outcomes)
    result.applied += sum(d.why is None for d in outcomes)


def _strangers(
    session: Session,
    known: Set[str],
    waiting: Mapping[str, Sequence[Any]],
    rulebook: Rulebook,
    now: datetime,
) -> tuple[dict[str, TicketWork], list[MessageOutcome]]:
    """The tickets that begin, by a readable receipt; what came before its receipt waits on."""
    begun: dict[str, TicketWork] = {}
    outcomes: list[MessageOutcome] = []
    # in one order everywhere, so that two workers never wait for each other
    for number in sorted(waiting.keys() - known):
        rows = waiting[number]
        messages = {r.id: read_message(session, r, rulebook) for r in rows}
        receipts = [r for r in rows if r.type == MessageType.TICKET_RECEIVED]
        bad = [
            MessageOutcome(r, content)
            for r in receipts
            if isinstance(content := messages[r.id].content, Refusal)
        ]
        outcomes += bad
        unreadable = {d.row.id for d in bad}
        rest = [r for r in rows if r.id not in unreadable]
        if len(bad) == len(receipts):
            outcomes += _patience(rest, rulebook, now)
            continue
        work = TicketWork(TicketRow(0, number), State(number), waiting=rest)
        work.messages = {r.id: messages[r.id] for r in rest}
        begun[number] = work
    ids = next_ids(session.connection(), TICKET, len(begun))
    for work, row_id in zip(begun.values(), ids, strict=True):
        work.row = work.row._replace(id=row_id)
    return begun, outcomes


def _held(session: Session, begun: dict[str, TicketWork]) -> list[str]:
    """Take out of `begun` the tickets that another worker is just beginning, and return them.

    Their rows are not there to be locked, but their receipts are: inserting what another is
    inserting would wait until that one is done, however long it hangs.
    """
    receipts = [work.first.arrival for work in begun.values()]
    free = set(
        session.scalars(
            select(INBOX.c.id)
            .where(session.is_in(INBOX.c.id, receipts))
            .with_for_update(skip_locked=True)
        ).all()
    )
    held = [number for number, work in begun.items() if work.first.arrival not in free]
    for number in held:
        del begun[number]
    return held


def _waiting(session: Session, numbers: Sequence[str], now: datetime) -> dict[str, list[Any]]:
    rows = session.execute(
        select(*(INBOX.c[name] for name in _READ))
        .where(session.is_in(INBOX.c.ticket, numbers))
        .where(INBOX.c.state == WAITING, INBOX.c.current, INBOX.c.at <= now)
        .order_by(INBOX.c.at, INBOX.c.id)
    )
    found: dict[str, list[Any]] = {}
    for row in rows.all():
        found.setdefault(row.ticket, []).append(row)
    return found


def _patience(rows: Sequence[Any], rulebook: Rulebook, now: datetime) -> list[MessageOutcome]:
    """Messages for a ticket never received wait for it, but not for ever."""
    outcomes = []
    for row in rows:
        policy = in_force(list(rulebook.policies.values()), row.at)
        patience = policy.intake.wait_for_receipt.wall or timedelta()
        until = row.arrived_at + patience
        if until <= now:
            why = lazy("ticket {ticket} was never received; send it first", ticket=row.ticket)
            outcomes.append(MessageOutcome(row, Refusal(why)))
        else:
            outcomes.append(MessageOutcome(row, ring_at=until))
    return outcomes


def _screen(session: Session, begun: Mapping[str, TicketWork], rulebook: Rulebook) -> None:
    """Look what speaks against taking each new ticket (Regulation 2.2), and what it is about."""
    for number, matter in find_duplicates(session, {n: c.first for n, c in begun.items()}).items():
        work = begun[number]
        first = work.first
        policy = rulebook.policies[rulebook.policy_at(first.at)]
        assert isinstance(first.content, TicketReceived), "a ticket begins by a readable receipt"
        findings = screen(first.content, policy.screening, rulebook.directory.place, matter.earlier)
        work.messages[first.arrival] = msgspec.structs.replace(first, findings=findings)
        work.new = NewTicket(first.raw, matter.facts)


def _carry_on(
    session: Session,
    work: TicketWork,
    rulebook: Rulebook,
    now: datetime,
    inclusive: bool,
    played: bool,
) -> tuple[LogAppend, list[MessageOutcome]]:
    state, messages = work.state, work.messages
    if state.received_at is not None and any(state.late_for(m.at) for m in messages.values()):
        return refold_late(session, work, messages, rulebook, now, inclusive, played)
    policy_id = work.row.policy_id or rulebook.policy_at(work.first.at)
    context = rulebook.context_for(policy_id)
    ordered = list(messages.values())
    events = fold(state, ordered, context, now, inclusive=inclusive, played=played)
    refused = refusals(events)
    outcomes = [MessageOutcome(r, refused.get(r.id), messages[r.id]) for r in work.waiting]
    levels_only = not messages and all(isinstance(event.data, _LEVELS) for event in events)
    ring_at = next_moment(state)
    log_append = LogAppend(
        work.row, work.before, state, events, policy_id, ring_at, work.new, levels_only
    )
    return log_append, outcomes
