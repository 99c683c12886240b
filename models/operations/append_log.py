"""Append events to tickets' logs, and write every row that they change."""

import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeAlias

import msgspec
from sqlalchemy import delete

from models.bulk import insert_new, insert_rows, next_ids, settle_rows, update_rows, upsert_rows
from models.database import Session
from models.json_types import Json
from models.membership import is_in
from models.operations.bells import bell, drop_bells, set_bells
from models.operations.blind_index import add_blind_index, blind_index_rows
from models.operations.changes import record_changes
from models.operations.notices.queue import notice_row
from models.queries.ticket_heads import clock_head
from models.rulebook import Rulebook
from models.rules import events as log_events
from models.rules.events import (
    BLINDING,
    AlertRaised,
    Event,
    EventData,
    NoticeQueued,
    TicketSupplemented,
)
from models.rules.lifecycle.decision import clock_key
from models.rules.messages import RawMessage
from models.rules.particulars import Particulars, read_particulars
from models.rules.queues import ESCALATION
from models.rules.state import Clock, State, stored_state
from models.rules.ticket_columns import level_columns, state_columns
from models.rules.titles import redacted_title
from models.rules.vocabulary import ClockName, Status
from models.security.chain import LogEnd, event_line, first_link
from models.security.encryption import Cipher
from models.security.heads import DIGEST_BYTES, ChangedHead, HeadKind, void_head
from models.security.row_hashes import TicketContent, listed_hash, row_hash
from models.tables.core import BLIND_INDEX, CLOCK, EVENT, NOTICE, TICKET

_Row: TypeAlias = dict[str, Any]
"""The values of a row by column."""

NO_TEXTS: RawMessage = MappingProxyType({})
"""The message of an event that none caused."""


class NumberedTicket(Protocol):
    """A ticket's row by its id and number."""

    @property
    def id(self) -> int:
        """The row's id."""
        ...

    @property
    def number(self) -> str:
        """The ticket's number."""
        ...


class TicketRow(NamedTuple):
    """A ticket's row as far as advancing it needs it: its state, and where its log ends."""

    id: int
    number: str
    policy_id: str = ""
    state: str = ""
    title: str = ""
    facts: bytes | None = None
    updated_at: datetime | None = None
    seq: int = 0
    hash: bytes = b""
    row_hash: bytes | None = None
    quarantined_at: datetime | None = None

    @property
    def content(self) -> TicketContent:
        """The columns that the row's hash covers beside the end of the log."""
        return TicketContent(
            self.id,
            self.number,
            self.policy_id,
            self.state,
            self.title,
            self.facts,
            self.updated_at,
        )

    @property
    def end(self) -> LogEnd:
        """The end of its log."""
        return LogEnd(self.seq, self.hash)


@dataclass(frozen=True)
class NewTicket:
    """A new ticket: the body of its first message, and the keyed hash of who wrote what."""

    body: Mapping[str, Json]
    facts: bytes | None = None


@dataclass(frozen=True)
class LogAppend:
    """The change to write for one ticket: its row as it was, its state now, the new events.

    `before` are its clocks as they were, `past` those that others of their key have replaced since.
    `new` is set for a ticket that is just beginning; `refolded` for one that was folded from its
    start, whose `past` are all; `levels_only` where it only reached its next level: such tickets
    come by the ten thousand. `particulars` are the ticket's as corrected, where they were.
    `texts` are the messages that caused the events, as they came, by arrival number.
    """

    row: TicketRow
    before: Mapping[str, Clock]
    state: State
    events: Sequence[Event]
    policy_id: str
    ring_at: datetime | None
    new: NewTicket | None = None
    levels_only: bool = False
    past: Sequence[Clock] = ()
    refolded: bool = False
    particulars: Particulars | None = None
    texts: Mapping[int, RawMessage] = field(default_factory=dict)


def append_logs(
    session: Session,
    appends: Sequence[LogAppend],
    rulebook: Rulebook,
    now: datetime,
) -> set[str]:
    """Append the events, queue their notices, and bring tickets and clocks up to date.

    Returns the new tickets that another worker began at the same moment; nothing of them is
    written.
    """
    return write_rows(session, make_rows(session, appends, rulebook, now))


def make_rows(
    session: Session, appends: Sequence[LogAppend], rulebook: Rulebook, now: datetime
) -> "LogRows":
    """Return the rows that `append_logs` writes, and write none; new tickets have no ids yet."""
    rows = LogRows()
    for append in appends:
        rows.add(session, append, rulebook, now)
    return rows


def write_rows(session: Session, rows: "LogRows") -> set[str]:
    """Write these rows, once; returns the new tickets that another worker has just begun."""
    connection = session.connection()
    rows.give_ids(session.cipher, next_ids(connection, TICKET, len(rows.begun)))
    lost = {row["id"] for row in rows.begun} - insert_new(connection, TICKET, rows.begun)
    if lost:
        rows.drop(lost)
    insert_rows(connection, EVENT, rows.events)
    insert_rows(connection, NOTICE, rows.notices)
    insert_rows(connection, BLIND_INDEX, rows.index)
    add_blind_index(session, rows.more_index)
    if rows.refolded:
        session.execute(delete(CLOCK).where(is_in(CLOCK.c.ticket_id, rows.refolded)))
    upsert_rows(connection, CLOCK, rows.clocks)
    update_rows(connection, TICKET, rows.tickets)
    at_rest = [row["id"] for row in rows.tickets if row.get("status") == Status.ARCHIVED]
    settle_rows(connection, TICKET, at_rest)
    ring_at = rows.ring_at
    set_bells(session, (bell(ESCALATION, ticket, at) for ticket, at in ring_at.items() if at))
    drop_bells(session, ((ESCALATION, ticket) for ticket, at in ring_at.items() if not at))
    record_changes(session, rows.heads)
    return {row["number"] for row in rows.begun if row["id"] in lost}


@dataclass
class LogRows:
    """The rows to be written for a batch of tickets, by table.

    `begun` are rows of new tickets; `index` are their rows of the blind index, `more_index` those
    of supplements, some of which may be there already, `past` their clocks that others have
    replaced. `ring_at` says when time changes which ticket next; the clocks of `refolded` ones are
    written anew. A new ticket has a number below zero for an id until it is written.
    """

    events: list[_Row] = field(default_factory=list)
    notices: list[_Row] = field(default_factory=list)
    begun: list[_Row] = field(default_factory=list)
    tickets: list[_Row] = field(default_factory=list)
    clocks: list[_Row] = field(default_factory=list)
    index: list[_Row] = field(default_factory=list)
    more_index: list[_Row] = field(default_factory=list)
    past: list[_Row] = field(default_factory=list)
    heads: list[ChangedHead] = field(default_factory=list)
    ring_at: dict[int, datetime | None] = field(default_factory=dict)
    refolded: list[int] = field(default_factory=list)

    def add(self, session: Session, append: LogAppend, rulebook: Rulebook, now: datetime) -> None:
        """Add the rows of one ticket."""
        ticket, seq, chain = append.row.id, append.row.seq, append.row.hash
        if append.new is not None:
            chain = first_link(append.row.number)
        for event in append.events:
            seq += 1
            at = event.at if event.cause is not None else now
            raw = append.texts.get(event.cause or 0, NO_TEXTS)
            row = event_row(session, append.row, seq, chain, event, at, raw, append.state.folds)
            chain = row["hash"]
            self.events.append(row)
            if isinstance(event.data, NoticeQueued):
                self.notices.append(notice_row(ticket, seq, event.data, now))
            if isinstance(event.data, TicketSupplemented):
                private = log_events.private_part(event.data, raw)
                self.more_index += blind_index_rows(session.cipher, ticket, private)
        row = _ticket(session, append, rulebook, seq, chain, now)
        if append.particulars is not None:
            known = append.particulars.as_body()
            self.more_index += blind_index_rows(session.cipher, ticket, known)
        clocks = _clocks(append, rulebook.calendar.version)
        self.clocks += clocks
        self.ring_at[ticket] = append.ring_at
        past = clocks[: len(append.past)]
        if append.new is not None:
            self.index += blind_index_rows(session.cipher, ticket, append.new.body)
            self.begun.append(row)
            self.past += past
            return
        row["row_hash"] = _row_hash(session.cipher, append.row, append.policy_id, row)
        self.tickets.append(row)
        self.heads.append(_head(row, append.row.seq))
        if append.refolded:
            self.refolded.append(ticket)
            self.heads.append(void_head(session.cipher, ticket, seq))
        self.heads += (clock_head(session.cipher, clock) for clock in past)

    def give_ids(self, cipher: Cipher, ids: Sequence[int]) -> None:
        """Give the new tickets these ids, and their rows the hashes that cover an id."""
        if not self.begun:
            return
        id_of = {row["id"]: new_id for row, new_id in zip(self.begun, ids, strict=True)}
        for rows in self._of_tickets():
            for row in rows:
                if (ticket := row["ticket_id"]) in id_of:
                    row["ticket_id"] = id_of[ticket]
        self.ring_at = {id_of.get(ticket, ticket): at for ticket, at in self.ring_at.items()}
        for row in self.begun:
            row["id"] = id_of[row["id"]]
            began = TicketRow(row["id"], row["number"])
            row["row_hash"] = _row_hash(cipher, began, row["policy_id"], row)
            self.heads.append(_head(row, 0, row["number"]))
        self.heads += (clock_head(cipher, clock) for clock in self.past)

    def drop(self, tickets: Set[int]) -> None:
        """Remove all rows of these tickets but the tickets' own."""
        for rows in self._of_tickets():
            rows[:] = [row for row in rows if row["ticket_id"] not in tickets]
        self.heads[:] = [head for head in self.heads if head.key not in tickets]
        self.ring_at = {t: at for t, at in self.ring_at.items() if t not in tickets}

    def _of_tickets(self) -> tuple[list[_Row], ...]:
        """Return the rows that name their ticket by its id."""
        return self.events, self.notices, self.clocks, self.index, self.more_index


def event_row(
    session: Session,
    ticket: NumberedTicket,
    seq: int,
    chain: bytes,
    event: Event,
    at: datetime,
    raw: RawMessage = NO_TEXTS,
    folds: int = 0,
) -> _Row:
    """Return the row of an event, its hash chained to `chain`, the hash of the line before.

    `raw` is the message that caused it, as it came.
    """
    data = log_events.encode(event.data)
    private = log_events.private_part(event.data, raw)
    commitment = None
    if private:
        # once the texts are erased, nobody can find out by trying what they were
        private[BLINDING] = os.urandom(16).hex()
        commitment = session.cipher.commitment(msgspec.json.encode(private))[:DIGEST_BYTES]
    line = event_line(seq, event.name, at, event.moment, event.cause, data)
    digest = session.cipher.chain_hash(chain + line + (commitment or b""))[:DIGEST_BYTES]
    row: _Row = {
        "ticket_id": ticket.id,
        "seq": seq,
        "at": at,
        "moment": event.moment,
        "name": event.name,
        "cause": event.cause,
        "data": msgspec.Raw(data),
        "private": None,
        "commitment": commitment,
        "once": once_of(event.data, folds),
        "hash": digest,
    }
    if private:
        row["private"] = session.encrypt(EVENT.c.private, private, row, ticket.number)
    return row


def once_of(data: EventData, folds: int) -> str | None:
    """Return the name of what a ticket whose life was folded so often has only once."""
    if not isinstance(data, AlertRaised):
        return None
    return f"{data.clock}/{folds}/{data.run}/{data.level}"


def _head(row: _Row, seq: int, number: str = "") -> ChangedHead:
    """Return the head of a ticket whose row is now this one, and whose log ended with `seq`."""
    return ChangedHead(
        HeadKind.TICKET,
        row["id"],
        row["seq"],
        row["hash"][:DIGEST_BYTES],
        row["seq"] - seq,
        listed_hash(row["row_hash"]),
        number,
    )


def _row_hash(cipher: Cipher, before: TicketRow, policy_id: str, row: _Row) -> bytes:
    """Return the hash of a ticket's row under this policy with these changes."""
    content = before.content._replace(
        policy_id=policy_id,
        state=row["state"],
        title=row.get("title", before.title),
        facts=row.get("facts", before.facts),
        updated_at=row["updated_at"],
    )
    return row_hash(cipher, content, LogEnd(row["seq"], row["hash"]))


def _ticket(
    session: Session, append: LogAppend, rulebook: Rulebook, seq: int, chain: bytes, now: datetime
) -> _Row:
    state = append.state
    row: _Row = {
        "id": append.row.id,
        **level_columns(state),
        "updated_at": now,
        "state": stored_state(state),
        "seq": seq,
        "hash": chain,
    }
    if not append.levels_only:
        row |= state_columns(state)
        # once another acceptance has replaced it, the row has the first one's holder already
        first = _first_acceptance(append)
        if first is not None or append.new is not None or append.refolded:
            row["first_unit"] = first and first.holder
    if append.new is not None:
        row["number"] = append.row.number
        row["policy_id"] = append.policy_id
        row["facts"] = append.new.facts
    particulars = append.particulars
    if append.new is not None:
        particulars = particulars or read_particulars(append.new.body)
    if particulars is not None:
        limit = rulebook.context_for(append.policy_id).policy.intake.title_characters
        row["title"] = redacted_title(particulars, state.category or "", limit)
        row["claimant"] = session.encrypt(
            TICKET.c.claimant, particulars.person, row, append.row.number
        )
    if append.row.quarantined_at is not None:
        row["quarantined_at"] = None
    return row


def _first_acceptance(append: LogAppend) -> Clock | None:
    clocks = (*append.past, *append.state.clocks.values())
    return next((c for c in clocks if c.name == ClockName.ACCEPT and c.ordinal == 1), None)


def _clocks(append: LogAppend, calendar: int) -> list[_Row]:
    if append.levels_only:
        return []
    before = {} if append.refolded else append.before
    changed = [
        clock
        for key, clock in append.state.clocks.items()
        if (old := before.get(key)) is not clock and old != clock
    ]
    return [
        {
            "ticket_id": append.row.id,
            "key": clock_key(clock.name, clock.unit or clock.purpose),
            "ordinal": clock.ordinal,
            "name": clock.name,
            "holder": clock.holder,
            "concerns": clock.concerns,
            "unit": clock.unit,
            "purpose": clock.purpose,
            "base": clock.base,
            "due": clock.due,
            "provisional": clock.provisional,
            "state": clock.state,
            "ended_at": clock.ended_at,
            "calendar": calendar,
        }
        for clock in (*append.past, *changed)
    ]
