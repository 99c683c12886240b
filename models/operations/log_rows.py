"""The rows that appending to tickets' logs writes."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from models.database import Session
from models.operations.blind_index import blind_index_rows
from models.operations.event_rows import NO_TEXTS, event_row
from models.operations.notices.queue import notice_row
from models.operations.ticket_change import LogAppend, TicketRow
from models.queries.ticket_heads import clock_head
from models.rulebook import Rulebook
from models.rules import events as log_events
from models.rules.events import NoticeQueued, TicketSupplemented
from models.rules.lifecycle.decision import clock_key
from models.rules.particulars import read_particulars
from models.rules.state import Clock, stored_state
from models.rules.ticket_columns import level_columns, state_columns
from models.rules.titles import redacted_title
from models.rules.vocabulary import ClockName
from models.security.chain import LogEnd, first_link
from models.security.encryption import Cipher
from models.security.heads import DIGEST_BYTES, ChangedHead, HeadKind, void_head
from models.security.row_hashes import listed_hash, row_hash
from models.tables.core import TICKET

_Row: TypeAlias = dict[str, Any]
"""The values of a row by column."""


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
