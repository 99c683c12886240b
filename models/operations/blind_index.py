"""Keyed hashes of the numbers and names in tickets, by which they are found again."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from models.database import Session, Store
from models.rules.blind_index import index_terms
from models.security.encryption import Cipher
from models.tables.core import BLIND_INDEX, INBOX, TICKET
from models.tables.inbox import APPLIED

_BATCH = 500
_TRACED = ("ticket.received", "claimant.supplemented")
"""Messages in which claimants give their numbers."""
_HASH_BYTES = 16


def blind_index_rows(
    cipher: Cipher, ticket_id: int, body: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The rows by which a ticket with this first message, or this supplement, is found."""
    return [
        {"ticket_id": ticket_id, "kind": kind, "hash": blind_hash(cipher, kind, value)}
        for kind, value in sorted(index_terms(body))
    ]


def add_blind_index(session: Session, rows: list[dict[str, Any]]) -> None:
    """Let tickets be found by these too; some of them may be there already."""
    if rows:
        session.execute(session.insert(BLIND_INDEX).on_conflict_do_nothing(), rows)


def blind_hash(cipher: Cipher, kind: str, value: str) -> bytes:
    """The keyed hash of a number or name in its normal form, short: there are millions of them."""
    return cipher.keyed_hash(f"{kind}:{value}".encode())[:_HASH_BYTES]


def rebuild_blind_index(store: Store) -> int:
    """Give every ticket of an older store its traces; returns how many messages it looked at."""
    after, count = 0, 0
    while True:
        with store.writing() as session:
            found = session.execute(
                select(INBOX.c.id, TICKET.c.id.label("ticket_id"), INBOX.c.body)
                .join(INBOX, INBOX.c.ticket == TICKET.c.number)
                .where(INBOX.c.type.in_(_TRACED), INBOX.c.current)
                .where(INBOX.c.state == APPLIED, INBOX.c.id > after)
                .order_by(INBOX.c.id)
                .limit(_BATCH)
            ).all()
            if not found:
                return count
            cipher = session.cipher
            rows = (
                blind_index_rows(cipher, row.ticket_id, cipher.decrypt(row.body)) for row in found
            )
            add_blind_index(session, [trace for own in rows for trace in own])
        after, count = found[-1].id, count + len(found)
