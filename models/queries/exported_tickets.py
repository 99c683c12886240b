"""Tickets with everything that belongs to them, for the archive and for auditors."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Table, func, select

from models.database import Session
from models.json_types import JsonObject
from models.membership import is_in
from models.queries.letter import read_letters
from models.queries.log import LOG_COLUMNS, LogRow, event_with_texts, line_texts
from models.rules.calendar import SHANGHAI
from models.rules.redaction import Redactor
from models.sql_types import AnySelect, SelectedRow
from models.tables.core import CLOCK, EVENT, NOTICE, TICKET

_TICKETS = 100
"""Tickets that are held at once."""

_TICKET = (
    *("number", "status", "category", "emergency", "topic", "unit", "level", "due"),
    *("received_at", "completed_at", "rating", "policy_id"),
)
_CLOCK = (
    *("key", "ordinal", "name", "holder", "unit", "purpose"),
    *("base", "due", "provisional", "state", "ended_at"),
)
_NOTICE = (
    *("seq", "kind", "role", "recipient", "unit", "state", "channel", "error"),
    *("queued_at", "sent_at"),
)
_WRITTEN = ("title", "content")
_CLAIMANT = ("name", "phone", "address")

KINDS = ("tickets", "events", "clocks", "notices")


class ExportScope(NamedTuple):
    """The tickets to be exported: one, or those that were received in a time, `until` left out."""

    ticket: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def narrow(self, query: AnySelect) -> AnySelect:
        """Return a query of tickets with these conditions."""
        if self.ticket is not None:
            query = query.where(TICKET.c.number == self.ticket)
        if self.since is not None:
            query = query.where(TICKET.c.received_at >= self.since)
        if self.until is not None:
            query = query.where(TICKET.c.received_at < self.until)
        return query


class ExportedBatch(NamedTuple):
    """Some tickets: their ids, and by kind what belongs to them."""

    ids: Sequence[int]
    rows: dict[str, list[JsonObject]]


def count_exported(session: Session, scope: ExportScope) -> int:
    """Return how many tickets a scope has."""
    return session.scalar(scope.narrow(select(func.count()).select_from(TICKET))) or 0


def exported_tickets(
    session: Session, scope: ExportScope, *, in_clear: bool
) -> Iterator[ExportedBatch]:
    """Yield the tickets of a scope in batches, their texts redacted or in clear.

    Raises ForgedValue where a text was altered.
    """
    after = 0
    while True:
        page = select(TICKET).where(TICKET.c.id > after).order_by(TICKET.c.id).limit(_TICKETS)
        tickets = session.execute(scope.narrow(page)).all()
        if not tickets:
            return
        yield _batch(session, tickets, in_clear=in_clear)
        after = tickets[-1].id


def _batch(session: Session, tickets: Sequence[SelectedRow], *, in_clear: bool) -> ExportedBatch:
    ids = [ticket.id for ticket in tickets]
    letters = read_letters(session, [ticket.number for ticket in tickets])
    claimants = session.all_texts(TICKET.c.claimant, tickets)
    clocks = _by_ticket(session, CLOCK, ids)
    notices = _by_ticket(session, NOTICE, ids)
    events = _by_ticket(session, EVENT, ids)
    rows: dict[str, list[JsonObject]] = {kind: [] for kind in KINDS}
    for ticket, claimant in zip(tickets, claimants, strict=True):
        redact = _as_it_is if in_clear else Redactor(claimant).redact
        letter = letters.get(ticket.number, {})
        written = redact({name: letter[name] for name in _WRITTEN if letter.get(name)})
        if not in_clear:
            written["title"] = ticket.title
        known = {name: claimant.get(name) for name in _CLAIMANT if in_clear}
        end = {"lines": ticket.seq, "hash": bytes(ticket.hash).hex()}
        rows["tickets"].append(_fields(ticket, _TICKET) | written | known | end)
        for row in events[ticket.id]:
            log_row = LogRow(*(getattr(row, column.name) for column in LOG_COLUMNS))
            texts = redact(line_texts(session, ticket.number, row))
            event = event_with_texts(ticket.number, log_row, texts)
            proof = {"moment": _value(row.moment), "cause": row.cause, "hash": row.hash.hex()}
            rows["events"].append(event | proof)
        number = {"ticket": ticket.number}
        rows["clocks"] += [number | _fields(row, _CLOCK) for row in clocks[ticket.id]]
        rows["notices"] += [number | _fields(row, _NOTICE) for row in notices[ticket.id]]
    return ExportedBatch(ids, rows)


def _by_ticket(session: Session, table: Table, ids: Sequence[int]) -> dict[int, list[SelectedRow]]:
    rows: dict[int, list[SelectedRow]] = defaultdict(list)
    keys = (table.c.ticket_id, *table.primary_key.columns)
    for row in session.execute(select(table).where(is_in(table.c.ticket_id, ids)).order_by(*keys)):
        rows[row.ticket_id].append(row)
    return rows


def _fields(row: SelectedRow, names: Sequence[str]) -> JsonObject:
    return {name: _value(getattr(row, name)) for name in names}


def _value(value: Any) -> Any:
    return value.astimezone(SHANGHAI).isoformat() if isinstance(value, datetime) else value


def _as_it_is(texts: JsonObject) -> JsonObject:
    return texts
