"""Make the rows of notices that wait to be sent."""

from datetime import datetime
from typing import Any

from models.bulk import RowValues
from models.operations.notices.outgoing import OutgoingNotice
from models.rules.events import NoticeQueued
from models.rules.vocabulary import NoticeState

_UNTRIED = {"state": NoticeState.QUEUED, "tries": 0}


def notice_row(ticket_id: int, seq: int, notice: NoticeQueued, now: datetime) -> dict[str, Any]:
    """Return the row of a notice that an event of a ticket queues; no channel is chosen yet."""
    return _UNTRIED | {
        "ticket_id": ticket_id,
        "seq": seq,
        "kind": notice.kind,
        "role": notice.role,
        "recipient": notice.recipient,
        "unit": notice.unit or None,
        "queued_at": now,
        "ring_at": now,
    }


def row_for_channel(notice: OutgoingNotice, channel: str, ring_at: datetime) -> RowValues:
    """Return one more row of a notice, for one more channel that is to send it."""
    return _UNTRIED | {
        "ticket_id": notice.ticket_id,
        "seq": notice.event_seq,
        "kind": notice.kind,
        "role": notice.role,
        "recipient": notice.recipient,
        "unit": notice.unit,
        "channel": channel,
        "queued_at": notice.queued_at,
        "ring_at": ring_at,
    }
