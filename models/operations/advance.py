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
from models.labels import say
from models.operations.anew import fold_anew
from models.operations.cases import RECEIVED, Case, Dealt, locked, mark, message_of, refusals
from models.operations.log import Appending, Head, New, write
from models.operations.repeats import matters
from models.queries.rulebook import Rulebook
from models.rules.lifecycle.decide import fold, next_moment
from models.rules.messages import Refusal, checked
from models.rules.policy import in_force
from models.rules.screening import screen
from models.rules.state import State
from models.tables.core import INBOX, TICKET
from models.tables.inbox import WAITING

_CHUNK = 2_000
"""Tickets carried on at once: enough that a statement's own cost is lost among its rows."""

_LEVELS = {"alert.raised", "notice.queued"}
"""What a level that comes with time is told by, and nothing else."""

_READ = ("id", "ticket", "type", "queue", "at", "arrived_at", "body", "resolved")
"""The columns of a waiting row that are read."""


@dataclass
class Advanced:
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
) -> Advanced:
    """Apply the waiting messages of these tickets, in the order of `at`, and what time brings.

    Each ticket's row is locked first; one that another worker holds is skipped and named in the
    result. With `played`, events of time alone are dated by their moment instead of `now`; with
    `inclusive` false, moments that fall exactly on `now` are left for later: both for a replay.
    """
    result = Advanced()
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
    result: Advanced,
) -> None:
    cases = {case.row.number: case for case in locked(session, numbers)}
    known = set(cases)
    if missing := [n for n in numbers if n not in known]:
        found = select(TICKET.c.number).where(session.among(TICKET.c.number, missing))
        known |= set(session.scalars(found).all())
    # read only after the lock: what another worker has just dealt with must not be seen as waiting
    waiting = _waiting(session, numbers, now)
    for number, case in cases.items():
        case.waiting = waiting.get(number, [])
        case.messages = {r.id: message_of(session, r, rulebook) for r in case.waiting}
    begun, dealt = _strangers(session, known, waiting, rulebook, now)
    result.skipped += _held(session, begun)
    cases |= begun
    result.skipped += [n for n in numbers if n in known and n not in cases]
    _screen(session, begun, rulebook)
    appending: list[Appending] = []
    for case in cases.values():
        appended, outcome = _carry_on(session, case, rulebook, now, inclusive, played)
        dealt += outcome
        appending.append(appended)
    lost = write(session, appending, rulebook, now, played=played)
    result.skipped += lost
    dealt = [d for d in dealt if d.row.ticket not in lost]
    mark(session, dealt)
    result.by_queue.update(d.row.queue for d in dealt if d.ring_at is None)
    result.refused_by_queue.update(d.row.queue for d in dealt if d.why is not None)
    result.tickets += len(cases) - len(lost)
    result.refused += sum(d.why is not None for d in dealt)
    result.applied += sum(d.why is None for d in dealt)


def _strangers(
    session: Session,
    known: Set[str],
    waiting: Mapping[str, Sequence[Any]],
    rulebook: Rulebook,
    now: datetime,
) -> tuple[dict[str, Case], list[Dealt]]:
    """The tickets that begin, by a readable receipt; what came before its receipt waits on."""
    begun: dict[str, Case] = {}
    dealt: list[Dealt] = []
    # in one order everywhere, so that two workers never wait for each other
    for number in sorted(waiting.keys() - known):
        rows = waiting[number]
        messages = {r.id: message_of(session, r, rulebook) for r in rows}
        receipts = [r for r in rows if r.type == RECEIVED]
        bad = [
            Dealt(r, found)
            for r in receipts
            if isinstance(found := checked(r.type, messages[r.id].body), Refusal)
        ]
        dealt += bad
        unreadable = {d.row.id for d in bad}
        rest = [r for r in rows if r.id not in unreadable]
        if len(bad) == len(receipts):
            dealt += _patience(rest, rulebook, now)
            continue
        case = Case(Head(0, number), State(number), waiting=rest)
        case.messages = {r.id: messages[r.id] for r in rest}
        begun[number] = case
    ids = next_ids(session.connection(), TICKET, len(begun))
    for case, row_id in zip(begun.values(), ids, strict=True):
        case.row = case.row._replace(id=row_id)
    return begun, dealt


def _held(session: Session, begun: dict[str, Case]) -> list[str]:
    """Take out of `begun` the tickets that another worker is just beginning, and return them.

    Their rows are not there to be locked, but their receipts are: inserting what another is
    inserting would wait until that one is done, however long it hangs.
    """
    receipts = [case.first.arrival for case in begun.values()]
    free = set(
        session.scalars(
            select(INBOX.c.id)
            .where(session.among(INBOX.c.id, receipts))
            .with_for_update(skip_locked=True)
        ).all()
    )
    held = [number for number, case in begun.items() if case.first.arrival not in free]
    for number in held:
        del begun[number]
    return held


def _waiting(session: Session, numbers: Sequence[str], now: datetime) -> dict[str, list[Any]]:
    rows = session.execute(
        select(*(INBOX.c[name] for name in _READ))
        .where(session.among(INBOX.c.ticket, numbers))
        .where(INBOX.c.state == WAITING, INBOX.c.current, INBOX.c.at <= now)
        .order_by(INBOX.c.at, INBOX.c.id)
    )
    found: dict[str, list[Any]] = {}
    for row in rows.all():
        found.setdefault(row.ticket, []).append(row)
    return found


def _patience(rows: Sequence[Any], rulebook: Rulebook, now: datetime) -> list[Dealt]:
    """Messages for a ticket never received wait for it, but not for ever."""
    dealt = []
    for row in rows:
        policy = in_force(list(rulebook.policies.values()), row.at)
        patience = policy.intake.wait_for_receipt.wall or timedelta()
        until = row.arrived_at + patience
        if until <= now:
            why = say("ticket {ticket} was never received; send it first", ticket=row.ticket)
            dealt.append(Dealt(row, Refusal(why)))
        else:
            dealt.append(Dealt(row, ring_at=until))
    return dealt


def _screen(session: Session, begun: Mapping[str, Case], rulebook: Rulebook) -> None:
    """Look what speaks against taking each new ticket (Regulation 2.2), and what it is about."""
    for number, matter in matters(session, {n: c.first for n, c in begun.items()}).items():
        case = begun[number]
        first = case.first
        policy = rulebook.policies[rulebook.policy_at(first.at)]
        findings = screen(first.body, policy.screening, rulebook.directory.place, matter.earlier)
        case.messages[first.arrival] = msgspec.structs.replace(first, findings=findings)
        case.new = New(first.body, matter.facts)


def _carry_on(
    session: Session,
    case: Case,
    rulebook: Rulebook,
    now: datetime,
    inclusive: bool,
    played: bool,
) -> tuple[Appending, list[Dealt]]:
    state, messages = case.state, case.messages
    if state.received_at is not None and any(state.late_for(m.at) for m in messages.values()):
        return fold_anew(session, case, messages, rulebook, now, inclusive, played)
    policy_id = case.row.policy_id or rulebook.policy_at(case.first.at)
    stage = rulebook.stage_for(policy_id)
    ordered = list(messages.values())
    events = fold(state, ordered, stage, now, inclusive=inclusive, played=played)
    refused = refusals(events)
    dealt = [Dealt(r, refused.get(r.id), messages[r.id]) for r in case.waiting]
    levels_only = not messages and _LEVELS.issuperset(event.name for event in events)
    ring_at = next_moment(state)
    appending = Appending(
        case.row, case.before, state, events, policy_id, ring_at, case.new, levels_only
    )
    return appending, dealt
