"""The row of a line of a ticket's log."""

import os
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeAlias

import msgspec

from models.database import Session
from models.operations.ticket_change import NumberedTicket
from models.rules import events as log_events
from models.rules.events import BLINDING, AlertRaised, Event, EventData
from models.rules.messages import RawMessage
from models.rules.packing import pack_line
from models.security.chain import event_line
from models.security.heads import DIGEST_BYTES
from models.tables.core import EVENT

EventRow: TypeAlias = dict[str, Any]
"""The values of a row by column."""

NO_TEXTS: RawMessage = MappingProxyType({})
"""The message of an event that none caused."""


def event_row(
    session: Session,
    ticket: NumberedTicket,
    seq: int,
    chain: bytes,
    event: Event,
    at: datetime,
    raw: RawMessage = NO_TEXTS,
    folds: int = 0,
) -> EventRow:
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
    row: EventRow = {
        "ticket_id": ticket.id,
        "seq": seq,
        "at": at,
        "moment": event.moment,
        "name": event.name,
        "cause": event.cause,
        "data": pack_line(event.name, data),
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
