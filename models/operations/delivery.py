"""Notices are handed to a channel, and the log says what became of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from models.bulk import insert_rows, update_rows
from models.database import Session
from models.operations.log import event_row
from models.rules.state import Event
from models.tables.core import EVENT, NOTICE, TICKET

MOST_TRIES = 8
_FIRST_PAUSE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice as a channel gets it: no personal data beyond the ticket's number and title.

    `id` stays the same however often it is sent, so that a receiver can drop a repeat.
    """

    id: str
    ticket: str
    title: str
    kind: str
    role: str
    unit: str | None
    level: str | None
    due: datetime | None
    queued_at: datetime


class ChannelFailed(Exception):
    """A channel could not take letters just now."""


Send = Callable[[Sequence[Letter]], None]
"""Takes letters, all or none of them; raises ChannelFailed."""


def deliver(
    session: Session, ids: Sequence[int], now: datetime, channel: str, send: Send
) -> tuple[int, int]:
    """Hand the queued notices among `ids` to a channel; returns how many were sent and given up.

    A notice may be sent twice if the store fails just after the channel took it, never not at all:
    what fails is tried again, with growing pauses, and after `MOST_TRIES` is marked failed.
    """
    tickets = {
        row.id: row
        for row in session.execute(
            select(TICKET.c.id, TICKET.c.number, TICKET.c.title, TICKET.c.due, TICKET.c.level,
                   TICKET.c.seq, TICKET.c.hash)
            .where(TICKET.c.id.in_(select(NOTICE.c.ticket_id).where(NOTICE.c.id.in_(ids))))
            .order_by(TICKET.c.number)
            .with_for_update(skip_locked=True)
        )
    }  # fmt: skip
    rows = session.execute(
        select(NOTICE)
        .where(NOTICE.c.id.in_(ids), NOTICE.c.state == "queued")
        .where(NOTICE.c.ticket_id.in_(list(tickets)))
        .order_by(NOTICE.c.id)
    ).all()
    if not rows:
        return 0, 0
    error = None
    try:
        send([_letter(row, tickets[row.ticket_id]) for row in rows])
    except ChannelFailed as failed:
        error = str(failed)
    changes: list[dict[str, Any]] = []
    told: dict[int, list[Event]] = {}
    for row in rows:
        change = _after(row, now, channel, error)
        changes.append(change)
        if change["state"] != "queued":
            data = {"kind": row.kind, "channel": channel, "of": row.seq}
            event = Event(f"notice.{change['state']}", now, now, None, data)
            told.setdefault(row.ticket_id, []).append(event)
    update_rows(session.connection(), NOTICE, changes)
    _append(session, tickets, told, now)
    states = [c["state"] for c in changes]
    return states.count("sent"), states.count("failed")


def _letter(row: Any, ticket: Any) -> Letter:
    return Letter(
        id=f"{ticket.number}-{row.seq}",
        ticket=ticket.number,
        title=ticket.title,
        kind=row.kind,
        role=row.role,
        unit=row.unit,
        level=ticket.level,
        due=ticket.due,
        queued_at=row.queued_at,
    )


def _after(row: Any, now: datetime, channel: str, error: str | None) -> dict[str, Any]:
    tries = row.tries + 1
    change = {"id": row.id, "tries": tries, "channel": channel, "error": error}
    if error is None:
        return change | {"state": "sent", "sent_at": now, "ring_at": row.ring_at}
    state = "failed" if tries >= MOST_TRIES else "queued"
    pause = _FIRST_PAUSE * 2 ** (tries - 1)
    return change | {"state": state, "sent_at": None, "ring_at": now + pause}


def _append(
    session: Session, tickets: dict[int, Any], told: dict[int, list[Event]], now: datetime
) -> None:
    rows, heads = [], []
    for ticket_id, events in told.items():
        ticket = tickets[ticket_id]
        seq, chain = ticket.seq, ticket.hash
        for event in events:
            seq += 1
            row = event_row(session, ticket_id, seq, chain, event, now)
            chain = row["hash"]
            rows.append(row)
        heads.append({"id": ticket_id, "seq": seq, "hash": chain})
    if rows:
        insert_rows(session.connection(), EVENT, rows)
        update_rows(session.connection(), TICKET, heads)
