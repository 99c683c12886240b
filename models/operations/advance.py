"""The one operation behind all domain work: carry tickets on to the present."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Row, select

from models.database import Session
from models.labels import say
from models.operations.anew import fold_anew
from models.operations.cases import RECEIVED, Case, Dealt, case_of, mark, message_of, refusals
from models.operations.log import Appending, New, write
from models.operations.repeats import matters
from models.queries.rulebook import Rulebook
from models.rules.lifecycle.decide import fold, next_moment
from models.rules.messages import Refusal, checked
from models.rules.policy import in_force
from models.rules.screening import screen
from models.tables.core import INBOX, TICKET
from models.tables.inbox import WAITING

_CHUNK = 500
"""Tickets looked up at once; SQLite allows a limited number of values in a statement."""


@dataclass
class Advanced:
    """What came of an advance: tickets carried on, and those that another worker held."""

    tickets: int = 0
    applied: int = 0
    refused: int = 0
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
    cases = {row.number: case_of(row) for row in locked(session, numbers)}
    known = set(cases)
    missing = [n for n in numbers if n not in known]
    if missing:
        known |= set(session.scalars(select(TICKET.c.number).where(TICKET.c.number.in_(missing))))
    # read only after the lock: what another worker has just dealt with must not be seen as waiting
    waiting = _waiting(session, numbers, now)
    dealt, begun = _strangers(
        session, [n for n in numbers if n not in known], waiting, rulebook, now
    )
    cases |= begun
    unreadable = {d.row.id for d in dealt}
    result.skipped += [n for n in numbers if n in known and n not in cases]
    for number, case in cases.items():
        case.waiting = [r for r in waiting.get(number, ()) if r.id not in unreadable]
        case.messages = {r.id: message_of(session, r, rulebook) for r in case.waiting}
    _screen(session, cases.values(), rulebook)
    appending: list[Appending] = []
    for case in cases.values():
        appended, outcome = _carry_on(session, case, rulebook, now, inclusive, played)
        dealt += outcome
        appending.append(appended)
    write(session, appending, rulebook, now, played=played)
    mark(session, dealt)
    result.tickets += len(cases)
    result.refused += sum(d.why is not None for d in dealt)
    result.applied += sum(d.why is None for d in dealt)


def locked(session: Session, numbers: Sequence[str], *, wait: bool = False) -> Sequence[Row[Any]]:
    """The rows of these tickets, locked, in order; without those that another holds, or waiting."""
    found = select(TICKET).where(TICKET.c.number.in_(numbers)).order_by(TICKET.c.number)
    return session.execute(found.with_for_update(skip_locked=not wait)).all()


def _strangers(
    session: Session,
    numbers: Sequence[str],
    waiting: Mapping[str, Sequence[Any]],
    rulebook: Rulebook,
    now: datetime,
) -> tuple[list[Dealt], dict[str, Case]]:
    """Begin the tickets that have a readable receipt; what came before its receipt waits on."""
    dealt: list[Dealt] = []
    begin: list[str] = []
    for number in numbers:
        rows = waiting.get(number, [])
        bad = _unreadable(session, [r for r in rows if r.type == RECEIVED])
        refused = {d.row.id for d in bad}
        dealt += bad
        if any(r.type == RECEIVED and r.id not in refused for r in rows):
            begin.append(number)
        else:
            dealt += _patience([r for r in rows if r.id not in refused], rulebook, now)
    return dealt, {row.number: case_of(row) for row in _begin(session, begin)}


def _begin(session: Session, numbers: Sequence[str]) -> Sequence[Row[Any]]:
    """New tickets, locked; without those that another worker is just beginning."""
    if not numbers:
        return []
    blank = {"status": "received", "category": "", "title": "", "provisional": False}
    blank |= {"state": "", "seq": 0, "hash": b""}
    insert = session.insert(TICKET).on_conflict_do_nothing(index_elements=["number"])
    return session.execute(insert.returning(TICKET), [{"number": n} | blank for n in numbers]).all()


def _waiting(session: Session, numbers: Sequence[str], now: datetime) -> dict[str, list[Any]]:
    rows = session.execute(
        select(INBOX)
        .where(
            INBOX.c.ticket.in_(numbers),
            INBOX.c.state == WAITING,
            INBOX.c.current,
            INBOX.c.at <= now,
        )
        .order_by(INBOX.c.at, INBOX.c.id)
    )
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row.ticket, []).append(row)
    return found


def _unreadable(session: Session, rows: Sequence[Any]) -> list[Dealt]:
    bad = []
    for row in rows:
        body = checked(row.type, session.sealer.open(row.body))
        if isinstance(body, Refusal):
            bad.append(Dealt(row, body))
    return bad


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


def _screen(session: Session, cases: Iterable[Case], rulebook: Rulebook) -> None:
    """Look what speaks against taking each new ticket (Regulation 2.2), and what it is about."""
    new = {c.row.number: c for c in cases if c.state.received_at is None}
    for number, matter in matters(session, {n: c.first for n, c in new.items()}).items():
        case = new[number]
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
    return Appending(case.row, state, events, policy_id, next_moment(state), case.new), dealt
