"""A ticket's new events go into its log, with every row that they change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from models.bulk import insert_new, insert_rows, update_rows, upsert_rows
from models.database import Session
from models.operations.bells import bell, drop_bells, set_bells
from models.operations.blind_index import add_blind_index, blind_index_rows
from models.rulebook import Rulebook
from models.rules import events as log_events
from models.rules.events import AlertRaised, Event, NoticeQueued, TicketSupplemented
from models.rules.queues import ESCALATION
from models.rules.redaction import Redactor
from models.rules.state import Clock, State
from models.rules.vocabulary import RECIPIENTS_OF_A_UNIT, ClockName, ClockState, NoticeState
from models.security.chain import event_line
from models.tables.core import BLIND_INDEX, CLOCK, EVENT, NOTICE, TICKET


class TicketRow(NamedTuple):
    """A ticket's row as far as carrying it on needs it: its state, and how far its log reaches."""

    id: int
    number: str
    policy_id: str = ""
    state: str = ""
    seq: int = 0
    hash: bytes = b""


@dataclass(frozen=True)
class NewTicket:
    """What a new ticket's row is made of: its first message's body, its matter as a keyed hash."""

    body: Mapping[str, Any]
    facts: bytes | None = None


@dataclass(frozen=True)
class LogAppend:
    """What is to be written of one ticket: its row as it was, its state now, and the new events.

    `before` are its clocks as they were. `new` is set for a ticket that is just beginning;
    `levels_only` where nothing happened but levels, which come by the ten thousand.
    """

    row: TicketRow
    before: Mapping[str, Clock]
    state: State
    events: Sequence[Event]
    policy_id: str
    ring_at: datetime | None
    new: NewTicket | None = None
    levels_only: bool = False


def append_logs(
    session: Session,
    log_append: Sequence[LogAppend],
    rulebook: Rulebook,
    now: datetime,
    *,
    played: bool = False,
) -> set[str]:
    """Append the events, queue their notices, and bring tickets and clocks up to date.

    With `played`, what time alone brought about is dated by its moment instead of `now`. Returns
    the new tickets that another worker began at the same moment; nothing of them is written.
    """
    events: list[dict[str, Any]] = []
    notices: list[dict[str, Any]] = []
    begun: list[dict[str, Any]] = []
    tickets: list[dict[str, Any]] = []
    clocks: list[dict[str, Any]] = []
    traces: list[dict[str, Any]] = []
    added: list[dict[str, Any]] = []
    for one in log_append:
        seq, chain = one.row.seq, one.row.hash
        for event in one.events:
            seq += 1
            at = event.at if played or event.cause is not None else now
            row = event_row(session, one.row.id, seq, chain, event, at, one.state.folds)
            chain = row["hash"]
            events.append(row)
            if isinstance(event.data, NoticeQueued):
                notices.append(_notice(one.row.id, seq, event.data, now))
        row = _ticket(session, one, seq, chain, now)
        (tickets if one.new is None else begun).append(row)
        clocks += _clocks(one, rulebook.calendar.version)
        if one.new is not None:
            traces += blind_index_rows(session.cipher, one.row.id, one.new.body)
        for event in one.events:
            if isinstance(event.data, TicketSupplemented):
                private = log_events.private_part(event.data)
                added += blind_index_rows(session.cipher, one.row.id, private)
    connection = session.connection()
    lost = {row["id"] for row in begun} - insert_new(connection, TICKET, begun)
    for rows in (events, notices, traces, added, clocks) if lost else ():
        rows[:] = [row for row in rows if row["ticket_id"] not in lost]
    insert_rows(connection, EVENT, events)
    insert_rows(connection, NOTICE, notices)
    insert_rows(connection, BLIND_INDEX, traces)
    add_blind_index(session, added)
    upsert_rows(connection, CLOCK, clocks)
    update_rows(connection, TICKET, tickets)
    rung = {one.row.id: one.ring_at for one in log_append if one.row.id not in lost}
    set_bells(session, (bell(ESCALATION, ticket, at) for ticket, at in rung.items() if at))
    drop_bells(session, ((ESCALATION, ticket) for ticket, at in rung.items() if not at))
    return {one.row.number for one in log_append if one.row.id in lost}


def event_row(
    session: Session,
    ticket_id: int,
    seq: int,
    chain: bytes,
    event: Event,
    at: datetime,
    folds: int = 0,
) -> dict[str, Any]:
    """One line of the log, chained to the line before by its hash."""
    data = log_events.encode(event.data)
    private = log_events.private_part(event.data)
    secret = msgspec.json.encode(private) if private else b""
    line = event_line(seq, event.name, at, event.moment, event.cause, data)
    digest = session.cipher.chain_hash(chain + line + secret)
    once = None
    if isinstance(event.data, AlertRaised):
        alert = event.data
        once = f"{alert.clock}/{folds}/{alert.run}/{alert.level}"
    return {
        "ticket_id": ticket_id,
        "seq": seq,
        "at": at,
        "moment": event.moment,
        "name": event.name,
        "cause": event.cause,
        "data": msgspec.Raw(data),
        "private": session.cipher.encrypt(private) if private else None,
        "once": once,
        "hash": digest,
    }


def _notice(ticket_id: int, seq: int, notice: NoticeQueued, now: datetime) -> dict[str, Any]:
    role, unit = notice.role, notice.unit or None
    return {
        "ticket_id": ticket_id,
        "seq": seq,
        "kind": notice.kind,
        "role": role,
        "recipient": f"{unit}/{role}" if unit and role in RECIPIENTS_OF_A_UNIT else role,
        "unit": unit,
        "state": NoticeState.QUEUED,
        "tries": 0,
        "queued_at": now,
        "ring_at": now,
    }


def _ticket(
    session: Session, one: LogAppend, seq: int, chain: bytes, now: datetime
) -> dict[str, Any]:
    state = one.state
    row: dict[str, Any] = {
        "id": one.row.id,
        "level": state.level,
        "level_at": _level_at(state),
        "updated_at": now,
        "state": msgspec.json.encode(state).decode(),
        "seq": seq,
        "hash": chain,
    }
    if not one.levels_only:
        row |= shown(state)
    if one.new is not None:
        body = one.new.body
        row["number"] = one.row.number
        row["policy_id"] = one.policy_id
        person = {**(body.get("claimant") or {}), "address": body.get("address")}
        row["title"] = Redactor(person).redact_text(str(body.get("title", "")))
        row["claimant"] = session.cipher.encrypt(person)
        row["facts"] = one.new.facts
    return row


def shown(state: State) -> dict[str, Any]:
    """What a ticket's row shows of its state but the level, for those who look."""
    handling = state.clocks.get(ClockName.HANDLING)
    return {
        "status": state.status,
        "category": state.category or "",
        "emergency": state.emergency,
        "unit": state.unit,
        "due": state.due,
        "provisional": handling is not None and handling.running and handling.provisional,
        "received_at": state.received_at,
        "completed_at": state.completed_at,
        "rating": state.rating,
        "handled": state.outcome(ClockName.HANDLING),
        "first_contacted": state.outcome(ClockName.FIRST_CONTACT, f"{ClockName.PROOF}:first"),
        "closing_contacted": state.outcome(ClockName.CLOSING_CONTACT, f"{ClockName.PROOF}:closing"),
        "revisit": state.revisit,
    }


def _level_at(state: State) -> datetime | None:
    raised = len(state.raised)
    return state.ladder[raised - 1][1] if raised else None


def _clocks(one: LogAppend, calendar: int) -> list[dict[str, Any]]:
    before, now = one.before, one.state.clocks
    if one.levels_only:
        return []
    # a life told anew may never have started a clock that ran in the old telling
    gone = {
        key: msgspec.structs.replace(clock, state=ClockState.CANCELLED)
        for key, clock in before.items()
        if key not in now
    }
    return [
        {
            "ticket_id": one.row.id,
            "key": key,
            "name": clock.name,
            "unit": clock.unit,
            "purpose": clock.purpose,
            "base": clock.base,
            "due": clock.due,
            "provisional": clock.provisional,
            "state": clock.state,
            "ended_at": clock.ended_at,
            "calendar": calendar,
        }
        for key, clock in (now | gone).items()
        if (old := before.get(key)) is not clock and old != clock
    ]
