"""Keyed hashes of the numbers and names in tickets, by which they are found again."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from models.database import Session, Store
from models.rules.traces import traces
from models.sealing import Sealer
from models.tables.core import INBOX, TICKET, TRACE
from models.tables.inbox import APPLIED

_BATCH = 500
_HASH_BYTES = 16


def trace_rows(sealer: Sealer, ticket_id: int, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows by which a ticket with this first message is found."""
    return [
        {"ticket_id": ticket_id, "kind": kind, "hash": trace_hash(sealer, kind, value)}
        for kind, value in sorted(traces(body))
    ]


def trace_hash(sealer: Sealer, kind: str, value: str) -> bytes:
    """The keyed hash of a number or name in its normal form, short: there are millions of them."""
    return sealer.fingerprint(f"{kind}:{value}".encode())[:_HASH_BYTES]


def trace_older(store: Store) -> int:
    """Give every ticket of a store of the first release its traces; returns how many it had."""
    after, count = 0, 0
    while True:
        with store.writing() as session:
            found = session.execute(
                select(TICKET.c.id, INBOX.c.body)
                .join(INBOX, INBOX.c.ticket == TICKET.c.number)
                .where(INBOX.c.type == "ticket.received", INBOX.c.current)
                .where(INBOX.c.state == APPLIED, TICKET.c.id > after)
                .order_by(TICKET.c.id)
                .limit(_BATCH)
            ).all()
            if not found:
                return count
            _insert(session, [(row.id, session.sealer.open(row.body)) for row in found])
        after, count = found[-1].id, count + len(found)


def _insert(session: Session, bodies: list[tuple[int, Any]]) -> None:
    rows = [r for ticket_id, body in bodies for r in trace_rows(session.sealer, ticket_id, body)]
    if rows:
        session.execute(session.insert(TRACE).on_conflict_do_nothing(), rows)
