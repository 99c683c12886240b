"""Advance tickets to the present: the one operation behind all work on them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from sqlalchemy import select

from models.database import Session
from models.membership import is_in
from models.operations.append_log import make_rows, write_rows
from models.operations.begin_tickets import begin_tickets, drop_locked
from models.operations.duplicates import DuplicateCheck
from models.operations.prepared_changes import PreparedChanges
from models.operations.refold import refold_late
from models.operations.ticket_change import LogAppend, NewTicket
from models.operations.ticket_work import (
    MessageOutcome,
    TicketWork,
    current_particulars,
    finished_rows,
    lock_tickets,
    mark_messages,
    read_waiting,
    require_new,
    waiting_rows,
)
from models.rulebook import Rulebook
from models.rules.events import (
    AlertRaised,
    NoticeQueued,
    TicketAmended,
    TicketArchived,
    TicketDeclined,
)
from models.rules.lifecycle.decide import fold
from models.rules.lifecycle.moments import next_moment
from models.rules.lifecycle.refold import refusals
from models.rules.messages import TicketReceived
from models.rules.screening import is_dismissed, screen
from models.rules.state import Clock
from models.tables.core import TICKET

_CHUNK = 2_000
"""Tickets advanced together: enough that a statement's own cost is small beside its rows."""

_LEVELS = (AlertRaised, NoticeQueued)
"""The only events of a ticket that has merely reached its next level."""


@dataclass
class AdvanceResult:
    """Counts of tickets advanced, and of messages applied or refused.

    `by_queue` counts the finished messages, `refused_by_queue` the refused ones among them;
    `skipped` are the numbers of tickets that another worker has locked.
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
    prepared: PreparedChanges | None = None,
) -> AdvanceResult:
    """Apply the waiting messages of these tickets in the order of `at`, and what time brings.

    Each ticket's row is locked first; one that another worker has locked is skipped and named in
    the result. `prepared` is what `prepare` has computed for the same tickets: it is written if
    nothing that it was computed from has changed since.
    """
    result = AdvanceResult()
    if prepared is not None and prepared.still_holds(session, rulebook):
        _write(session, prepared, result)
        return result
    wanted = sorted(set(numbers))
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        _write(session, prepare(session, chunk, rulebook, now), result)
    return result


def prepare(
    session: Session, numbers: Sequence[str], rulebook: Rulebook, now: datetime
) -> PreparedChanges:
    """Compute what advancing these tickets writes, and lock the rows of those that there are."""
    works = {work.row.number: work for work in lock_tickets(session, numbers)}
    known = set(works)
    if missing := [n for n in numbers if n not in known]:
        locked_elsewhere = select(TICKET.c.number).where(is_in(TICKET.c.number, missing))
        known |= set(session.scalars(locked_elsewhere).all())
    # read only after the lock: what another worker has just finished must not be seen as waiting
    waiting = waiting_rows(session, numbers, now)
    messages = read_waiting(session, waiting, rulebook)
    for number, work in works.items():
        work.waiting = waiting.get(number, [])
        work.messages = messages.get(number, {})
    require_new(session, works.values())
    begun, outcomes = begin_tickets(waiting, known, messages, rulebook, now)
    skipped = drop_locked(session, begun)
    skipped += [n for n in numbers if n in known and n not in works and n not in begun]
    advanced = [_advance_one(session, work, rulebook, now) for work in works.values()]
    # after the others, as these may just have been withdrawn
    dismissed = dict(filter(None, (_dismissal(append) for append, _of_ticket in advanced)))
    receipts = {number: work.first for number, work in begun.items()}
    duplicates = DuplicateCheck(session, receipts, dismissed)
    advanced += _advance_begun(session, begun, duplicates, dismissed, rulebook, now)
    outcomes += [outcome for _append, of_ticket in advanced for outcome in of_ticket]
    rows = make_rows(session, [append for append, _of_ticket in advanced], rulebook, now)
    return PreparedChanges(
        *(list(numbers), rulebook, now, session.cipher.keyring.active),
        rows,
        outcomes,
        finished_rows(session.cipher, outcomes),
        skipped,
        {n: (work.row.row_hash, work.row.quarantined_at) for n, work in works.items()},
        {row.id: row.body.raw for of_ticket in waiting.values() for row in of_ticket},
        duplicates,
    )


def _write(session: Session, prepared: PreparedChanges, result: AdvanceResult) -> None:
    lost = write_rows(session, prepared.rows)
    outcomes = [o for o in prepared.outcomes if o.row.ticket not in lost]
    mark_messages(session, outcomes, prepared.finished)
    result.skipped += [*prepared.skipped, *lost]
    result.by_queue.update(o.row.queue for o in outcomes if o.ring_at is None)
    result.refused_by_queue.update(o.row.queue for o in outcomes if o.why is not None)
    result.tickets += len(prepared.rows.ring_at)
    result.refused += sum(o.why is not None for o in outcomes)
    result.applied += sum(o.why is None for o in outcomes)


def _advance_begun(
    session: Session,
    begun: Mapping[str, TicketWork],
    duplicates: DuplicateCheck,
    dismissed: dict[str, datetime],
    rulebook: Rulebook,
    now: datetime,
) -> Iterator[tuple[LogAppend, list[MessageOutcome]]]:
    """Screen each new ticket (Regulation 2.2) and advance it, in the order of their receipt.

    `dismissed` are tickets that have just been declined or withdrawn, and when.
    """
    for number, work in sorted(begun.items(), key=lambda item: (item[1].first.at, item[0])):
        first = work.first
        policy = rulebook.policies[rulebook.policy_at(first.at)]
        assert isinstance(first.content, TicketReceived), "a ticket begins by a readable receipt"
        place = rulebook.directory.place_pattern
        findings = screen(first.content, policy, place, duplicates.find_earlier(number))
        work.messages[first.arrival] = msgspec.structs.replace(first, findings=findings)
        work.new = NewTicket(first.raw, duplicates.facts(number))
        append, outcomes = _advance_one(session, work, rulebook, now)
        if (dismissal := _dismissal(append)) is not None:
            dismissed[number] = dismissal[1]
        yield append, outcomes


def _dismissal(append: LogAppend) -> tuple[str, datetime] | None:
    """Return the number of a ticket that has just been dismissed, and the moment of that."""
    if not (append.events and is_dismissed(append.state)):
        return None
    ends = (TicketDeclined, TicketArchived)
    moments = (event.moment for event in append.events if isinstance(event.data, ends))
    moment = next(moments, None)
    return (append.row.number, moment) if moment is not None else None


def _advance_one(
    session: Session, work: TicketWork, rulebook: Rulebook, now: datetime
) -> tuple[LogAppend, list[MessageOutcome]]:
    state, messages = work.state, work.messages
    if state.received_at is not None and any(state.late_for(m.at) for m in messages.values()):
        return refold_late(session, work, messages, rulebook, now)
    policy_id = work.row.policy_id or rulebook.policy_at(work.first.at)
    context = rulebook.context_for(policy_id)
    ordered = list(messages.values())
    past: list[Clock] = []
    events = fold(state, ordered, context, now, past=past)
    refused = refusals(events)
    outcomes = [MessageOutcome(r, refused.get(r.id), messages[r.id]) for r in work.waiting]
    levels_only = not messages and all(isinstance(event.data, _LEVELS) for event in events)
    ring_at = next_moment(state)
    particulars = None
    if messages and any(isinstance(event.data, TicketAmended) for event in events):
        particulars = current_particulars(session, work, refused)
    append = LogAppend(
        work.row,
        work.before,
        state,
        events,
        policy_id,
        ring_at,
        work.new,
        levels_only,
        past,
        particulars=particulars,
        texts={arrival: message.raw for arrival, message in messages.items()},
    )
    return append, outcomes
