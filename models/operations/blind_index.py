"""The blind index: keyed hashes of numbers and names, by which encrypted tickets are found."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import select

from models.bulk import RowValues, delete_rows, update_rows
from models.database import Session, Store, columns_to_decrypt
from models.json_types import Json
from models.membership import is_in
from models.operations.batches import in_batches
from models.rules.blind_index import index_terms
from models.rules.messages import TicketReceived, read_content
from models.rules.screening import duplicate_key
from models.rules.vocabulary import MessageType
from models.security.encryption import Cipher
from models.sql_types import SelectedRow
from models.tables.core import BLIND_INDEX, INBOX, TICKET
from models.tables.inbox import APPLIED

_INDEXED = (MessageType.TICKET_RECEIVED, MessageType.CLAIMANT_SUPPLEMENTED)
"""Messages in which claimants give their numbers."""

_HASH_BYTES = 16
"""Shorter than the whole hash: there are millions of rows."""


class _Hashes(NamedTuple):
    """The hashes of one ticket: its rows of the index, and that of its claimant and facts."""

    rows: set[tuple[int, str, bytes]]
    facts: bytes | None


def blind_index_rows(
    cipher: Cipher, ticket_id: int, body: Mapping[str, Json]
) -> list[dict[str, Any]]:
    """Return the rows by which a ticket with this first message, or this supplement, is found."""
    return [
        {"ticket_id": ticket_id, "kind": kind, "hash": blind_hash(cipher, kind, value)}
        for kind, value in sorted(index_terms(body))
    ]


def add_blind_index(session: Session, rows: Sequence[RowValues]) -> None:
    """Add rows to the index; those that are there already are left as they are."""
    if rows:
        session.execute(session.insert(BLIND_INDEX).on_conflict_do_nothing(), list(rows))


def blind_hash(cipher: Cipher, kind: str, value: str) -> bytes:
    """Return the keyed hash of a number or name in its normal form."""
    return cipher.keyed_hash(f"{kind}:{value}".encode())[:_HASH_BYTES]


def facts_hash(cipher: Cipher, received: TicketReceived) -> bytes | None:
    """Return the keyed hash of who wrote a letter and what it says (Regulation 2.2.6).

    None where it says neither.
    """
    key = duplicate_key(received)
    return cipher.keyed_hash(key) if key is not None else None


def rebuild_hashes(store: Store) -> int:
    """Recompute the hashes of all tickets; returns the number of tickets that have changed.

    For a store whose hashes are of an older normal form, or that has none. A batch of tickets is
    a transaction, so it may be stopped and begun again.
    """
    changed = 0

    def rebuild(session: Session, tickets: Sequence[SelectedRow]) -> None:
        nonlocal changed
        ids = {ticket.number: ticket.id for ticket in tickets}
        stored = _stored(session, {ticket.id: ticket.facts for ticket in tickets})
        changed += _replace(session, stored, _computed(session, ids))

    in_batches(store, select(TICKET.c.id, TICKET.c.number, TICKET.c.facts), [TICKET.c.id], rebuild)
    return changed


def computed_facts(session: Session, ticket_id: int, number: str) -> bytes | None:
    """Return the hash of claimant and facts that a ticket should have, by its first letter."""
    hashes = _computed(session, {number: ticket_id}).get(ticket_id)
    return hashes.facts if hashes is not None else None


def _stored(session: Session, facts: Mapping[int, bytes | None]) -> dict[int, _Hashes]:
    """Return the hashes that the store has of these tickets, by the ticket's id."""
    stored = {ticket_id: _Hashes(set(), hashed) for ticket_id, hashed in facts.items()}
    rows = select(BLIND_INDEX).where(is_in(BLIND_INDEX.c.ticket_id, list(facts)))
    for row in session.execute(rows):
        stored[row.ticket_id].rows.add((row.ticket_id, row.kind, bytes(row.hash)))
    return stored


def _computed(session: Session, ids: Mapping[str, int]) -> dict[int, _Hashes]:
    """Compute the hashes that these tickets, by number, should have.

    The first letter gives the facts. A ticket whose messages are not there is left out.
    """
    cipher = session.cipher
    computed: dict[int, _Hashes] = {}
    messages = session.execute(
        select(*columns_to_decrypt(INBOX.c.body))
        .where(is_in(INBOX.c.ticket, list(ids)), INBOX.c.type.in_(_INDEXED))
        .where(INBOX.c.state == APPLIED, INBOX.c.current)
        .order_by(INBOX.c.at, INBOX.c.id)
    ).all()
    for message, body in zip(messages, session.all_texts(INBOX.c.body, messages), strict=True):
        ticket_id = ids[message.ticket]
        hashes = computed.setdefault(ticket_id, _Hashes(set(), None))
        rows = blind_index_rows(cipher, ticket_id, body)
        hashes.rows.update((ticket_id, row["kind"], row["hash"]) for row in rows)
        if message.type == MessageType.TICKET_RECEIVED and hashes.facts is None:
            content = read_content(MessageType.TICKET_RECEIVED, body)
            if isinstance(content, TicketReceived):
                computed[ticket_id] = hashes._replace(facts=facts_hash(cipher, content))
    return computed


def _replace(
    session: Session, stored: Mapping[int, _Hashes], computed: Mapping[int, _Hashes]
) -> int:
    """Write what is different; returns the number of tickets in which something is."""
    changed = [ticket_id for ticket_id in computed if stored[ticket_id] != computed[ticket_id]]
    columns = ("ticket_id", "kind", "hash")
    gone = [row for i in changed for row in stored[i].rows - computed[i].rows]
    new = [row for i in changed for row in computed[i].rows - stored[i].rows]
    connection = session.connection()
    delete_rows(connection, BLIND_INDEX, [dict(zip(columns, row, strict=True)) for row in gone])
    add_blind_index(session, [dict(zip(columns, row, strict=True)) for row in new])
    facts = [i for i in changed if stored[i].facts != computed[i].facts]
    update_rows(connection, TICKET, [{"id": i, "facts": computed[i].facts} for i in facts])
    return len(changed)
