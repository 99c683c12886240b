"""Advance tickets to the present: the one operation behind all work on them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from sqlalchemy import select

from models.bulk import next_ids
from models.database import Session
from models.i18n import lazy
from models.membership import is_in
from models.operations.append_log import LogAppend, NewTicket, TicketRow, append_logs
from models.operations.duplicates import DuplicateCheck
from models.operations.refold import refold_late
from models.operations.ticket_work import (
    MessageOutcome,
    TicketWork,
    current_particulars,
    lock_tickets,
    mark_messages,
    read_waiting,
    require_new,
)
from models.queries.inbox_rows import INBOX_COLUMNS, InboxRow
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
from models.rules.messages import Message, Refusal, TicketReceived
from models.rules.policy import in_force
from models.rules.screening import is_dismissed, screen
from models.rules.state import EDITION, Clock, State
from models.rules.vocabulary import MessageType
from models.tables.core import INBOX, TICKET
from models.tables.inbox import WAITING

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
) -> AdvanceResult:
    """Apply the waiting messages of these tickets in the order of `at`, and what time brings.

    Each ticket's row is locked first; one that another worker has locked is skipped and named in
    the result.
    """
    result = AdvanceResult()
    wanted = sorted(set(numbers))
    for start in range(0, len(wanted), _CHUNK):
        _advance_chunk(session, wanted[start : start + _CHUNK], rulebook, now, result)
    return result


def _advance_chunk(
    session: Session,
    numbers: Sequence[str],
    rulebook: Rulebook,
    now: datetime,
    result: AdvanceResult,
) -> None:
    works = {work.row.number: work for work in lock_tickets(session, numbers)}
    known = set(works)
    if missing := [n for n in numbers if n not in known]:
        locked_elsewhere = select(TICKET.c.number).where(is_in(TICKET.c.number, missing))
        known |= set(session.scalars(locked_elsewhere).all())
    # read only after the lock: what another worker has just finished must not be seen as waiting
    waiting = _waiting(session, numbers, now)
    messages = read_waiting(session, waiting, rulebook)
    for number, work in works.items():
        work.waiting = waiting.get(number, [])
        work.messages = messages.get(number, {})
    require_new(session, works.values())
    begun, outcomes = _begin(session, known, waiting, messages, rulebook, now)
    result.skipped += _drop_locked(session, begun)
    result.skipped += [n for n in numbers if n in known and n not in works and n not in begun]
    advanced = [_advance_one(session, work, rulebook, now) for work in works.values()]
    # after the others, as these may just have been withdrawn
    dismissed = dict(filter(None, (_dismissal(append) for append, _of_ticket in advanced)))
    advanced += _advance_begun(session, begun, dismissed, rulebook, now)
    works |= begun
    appends = [append for append, _of_ticket in advanced]
    outcomes += [outcome for _append, of_ticket in advanced for outcome in of_ticket]
    lost = append_logs(session, appends, rulebook, now)
    result.skipped += lost
    outcomes = [o for o in outcomes if o.row.ticket not in lost]
    mark_messages(session, outcomes)
    result.by_queue.update(o.row.queue for o in outcomes if o.ring_at is None)
    result.refused_by_queue.update(o.row.queue for o in outcomes if o.why is not None)
    result.tickets += len(works) - len(lost)
    result.refused += sum(o.why is not None for o in outcomes)
    result.applied += sum(o.why is None for o in outcomes)


def _begin(
    session: Session,
    known: Set[str],
    waiting: Mapping[str, Sequence[InboxRow]],
    messages_of: Mapping[str, Mapping[int, Message]],
    rulebook: Rulebook,
    now: datetime,
) -> tuple[dict[str, TicketWork], list[MessageOutcome]]:
    """Return the tickets that a readable receipt begins; what came before its receipt waits on."""
    begun: dict[str, TicketWork] = {}
    outcomes: list[MessageOutcome] = []
    # in one order everywhere, so that two workers never wait for each other
    for number in sorted(waiting.keys() - known):
        rows = waiting[number]
        messages = messages_of[number]
        receipts = [r for r in rows if r.type == MessageType.TICKET_RECEIVED]
        unreadable = [
            MessageOutcome(r, content)
            for r in receipts
            if isinstance(content := messages[r.id].content, Refusal)
        ]
        outcomes += unreadable
        refused = {outcome.row.id for outcome in unreadable}
        rest = [r for r in rows if r.id not in refused]
        if len(unreadable) == len(receipts):
            outcomes += _wait_for_receipt(rest, rulebook, now)
            continue
        work = TicketWork(TicketRow(0, number), State(number, EDITION), waiting=rest)
        work.messages = {r.id: messages[r.id] for r in rest}
        begun[number] = work
    ids = next_ids(session.connection(), TICKET, len(begun))
    for work, row_id in zip(begun.values(), ids, strict=True):
        work.row = work.row._replace(id=row_id)
    return begun, outcomes


def _drop_locked(session: Session, begun: dict[str, TicketWork]) -> list[str]:
    """Remove from `begun` the tickets that another worker is just beginning, and return them.

    They have no rows yet that could be locked, but their receipts have: inserting what another
    transaction is inserting would wait for its end, however long that takes.
    """
    receipts = [work.first.arrival for work in begun.values()]
    free = set(
        session.scalars(
            select(INBOX.c.id).where(is_in(INBOX.c.id, receipts)).with_for_update(skip_locked=True)
        ).all()
    )
    held = [number for number, work in begun.items() if work.first.arrival not in free]
    for number in held:
        del begun[number]
    return held


def _waiting(session: Session, numbers: Sequence[str], now: datetime) -> dict[str, list[InboxRow]]:
    """Return the rows that wait for these tickets and are due, by the ticket's number."""
    rows = session.execute(
        select(*INBOX_COLUMNS)
        .where(is_in(INBOX.c.ticket, numbers))
        .where(INBOX.c.state == WAITING, INBOX.c.current, INBOX.c.at <= now)
        .order_by(INBOX.c.at, INBOX.c.id)
    )
    waiting: dict[str, list[InboxRow]] = {}
    for row in rows.all():
        waiting.setdefault(row.ticket, []).append(InboxRow(*row))
    return waiting


def _wait_for_receipt(
    rows: Sequence[InboxRow], rulebook: Rulebook, now: datetime
) -> list[MessageOutcome]:
    """Let messages wait for a ticket that was never received, but not for ever."""
    outcomes = []
    for row in rows:
        policy = in_force(list(rulebook.policies.values()), row.at)
        until = row.arrived_at + policy.intake.wait_for_receipt.span
        if until <= now:
            why = lazy("ticket {ticket} was never received; send it first", ticket=row.ticket)
            outcomes.append(MessageOutcome(row, Refusal(why)))
        else:
            outcomes.append(MessageOutcome(row, ring_at=until))
    return outcomes


def _advance_begun(
    session: Session,
    begun: Mapping[str, TicketWork],
    dismissed: dict[str, datetime],
    rulebook: Rulebook,
    now: datetime,
) -> Iterator[tuple[LogAppend, list[MessageOutcome]]]:
    """Screen each new ticket (Regulation 2.2) and advance it, in the order of their receipt.

    `dismissed` are tickets that have just been declined or withdrawn, and when.
    """
    receipts = {number: work.first for number, work in begun.items()}
    duplicates = DuplicateCheck(session, receipts, dismissed)
    for number in sorted(begun, key=lambda number: (receipts[number].at, number)):
        work, first = begun[number], receipts[number]
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
