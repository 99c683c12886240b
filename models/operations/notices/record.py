"""Notices leave the house: taken, sent outside of any transaction, and then recorded.

Whoever sends over a network holds the rows first (`parcels.pack`), so that nobody else sends them
meanwhile; one that dies lets go of them when its time is up. So a notice is sent at least once,
and recorded exactly once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update

from models.bulk import insert_rows, update_rows
from models.database import Session
from models.operations.log import event_row
from models.rules.state import Event
from models.tables.core import EVENT, NOTICE, TICKET

MAX_TRIES = 8
_FIRST_PAUSE = timedelta(seconds=30)
_EXPLAINED = ("expired", "contact_reminder", "proof_asked", "dissatisfied", "revisited", "declined")
"""Kinds whose text needs more than the ticket's row says."""

_TAKEN = ("id", "seq", "kind", "role", "recipient", "unit", "queued_at", "parcel")
_RECORDED = ("id", "ticket_id", "seq", "kind", "role", "unit", "tries", "ring_at")


@dataclass(frozen=True, slots=True)
class OutgoingNotice:
    """A notice as a channel gets it: no personal data beyond the ticket's number and title.

    `id` stays the same however often it is sent, so that a receiver can drop a repeat; `row` is
    the notice's row. `unit` is the recipient's, `lead` the ticket's; `more` holds what its event
    says of clock, purpose or rating.
    """

    row: int
    id: str
    ticket: str
    title: str
    kind: str
    role: str
    recipient: str
    unit: str | None
    lead: str | None
    level: str | None
    due: datetime | None
    queued_at: datetime
    parcel: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


class ChannelFailed(Exception):
    """A channel could not take letters just now."""


def ready_notices(session: Session, rows: Sequence[int], now: datetime) -> list[OutgoingNotice]:
    """The queued notices among `rows` that nobody holds, as letters.

    They are not held: this is for a channel inside the house, which takes them before the bell
    could ring again.
    """
    return _letters(session, (session.is_in(NOTICE.c.id, rows), *free(now)))


def free(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """What makes a notice one that may be taken: it is queued, and nobody is sending it."""
    held = or_(NOTICE.c.held_until.is_(None), NOTICE.c.held_until <= now)
    return NOTICE.c.state == "queued", held


def letters(session: Session, rows: Sequence[int]) -> list[OutgoingNotice]:
    """These notices as letters, in the order in which they were queued."""
    return _letters(session, (session.is_in(NOTICE.c.id, rows),)) if rows else []


def _letters(session: Session, which: Sequence[ColumnElement[bool]]) -> list[OutgoingNotice]:
    found = session.execute(
        select(*(NOTICE.c[name] for name in _TAKEN))
        .add_columns(TICKET.c.number, TICKET.c.title, TICKET.c.due, TICKET.c.level)
        .add_columns(TICKET.c.unit.label("lead"))
        .join(TICKET, TICKET.c.id == NOTICE.c.ticket_id)
        .where(*which)
        .order_by(NOTICE.c.id)
    ).all()
    more = _explanations(session, [row.id for row in found if row.kind in _EXPLAINED])
    return [
        OutgoingNotice(
            row=row.id,
            id=f"{row.number}-{row.seq}",
            ticket=row.number,
            title=row.title,
            kind=row.kind,
            role=row.role,
            recipient=row.recipient,
            unit=row.unit,
            lead=row.lead,
            level=row.level,
            due=row.due,
            queued_at=row.queued_at,
            parcel=row.parcel,
            more=more.get(row.id, {}),
        )
        for row in found
    ]


def _explanations(session: Session, rows: Sequence[int]) -> dict[int, dict[str, Any]]:
    if not rows:
        return {}
    same = and_(EVENT.c.ticket_id == NOTICE.c.ticket_id, EVENT.c.seq == NOTICE.c.seq)
    found = select(NOTICE.c.id, EVENT.c.data).join(EVENT, same)
    found = found.where(session.is_in(NOTICE.c.id, rows))
    return {row.id: row.data for row in session.execute(found).all()}


def record_outcomes(
    session: Session, outcome: Mapping[int, str | None], channel: str, now: datetime
) -> tuple[int, int]:
    """Record what became of notices that were sent; returns how many were sent and given up.

    `outcome` has for each row the error, None where the channel took it. What failed is tried
    again with growing pauses, and after `MOST_TRIES` it is marked failed. Rows that somebody else
    has recorded meanwhile are left alone.
    """
    rows, tickets = _locked(session, outcome)
    changes = []
    told: dict[int, list[Event]] = {}
    for row in rows:
        change = _after(row, now, channel, outcome[row.id])
        changes.append(change)
        if change["state"] != "queued":
            data = {"kind": row.kind, "channel": channel, "of": row.seq}
            event = Event(f"notice.{change['state']}", now, now, None, data)
            told.setdefault(row.ticket_id, []).append(event)
    update_rows(session.connection(), NOTICE, changes)
    _append(session, tickets, told, now)
    states = [c["state"] for c in changes]
    return states.count("sent"), states.count("failed")


def give_up(session: Session, why: Mapping[int, str], channel: str, now: datetime) -> int:
    """Give these notices up at once, as trying again would not help; returns how many."""
    session.execute(
        update(NOTICE).where(session.is_in(NOTICE.c.id, list(why))).values(tries=MAX_TRIES - 1)
    )
    return record_outcomes(session, why, channel, now)[1]


def extend_hold(session: Session, rows: Sequence[int], until: datetime) -> None:
    """Go on holding notices that are held, now until `until`."""
    held = session.is_in(NOTICE.c.id, rows) & NOTICE.c.held_until.is_not(None)
    session.execute(update(NOTICE).where(held).values(held_until=until))


def release_notices(session: Session, rows: Sequence[int], again_at: datetime) -> None:
    """Let go of notices without having tried them; they are rung for at `again_at`."""
    if rows:
        session.execute(
            update(NOTICE)
            .where(session.is_in(NOTICE.c.id, rows), NOTICE.c.state == "queued")
            .values(held_until=None, ring_at=again_at)
        )


def resend(session: Session, rows: Sequence[int], now: datetime, by: str = "") -> int:
    """Queue the failed notices among `rows` again, under the same ids; returns how many.

    Each goes by the channel that failed, or by another where that is gone. The log says by whom.
    """
    failed, tickets = _locked(session, rows, "failed")
    blank = {"state": "queued", "tries": 0, "error": None, "parcel": None}
    blank |= {"held_until": None, "queued_at": now, "ring_at": now}
    update_rows(session.connection(), NOTICE, [{"id": row.id} | blank for row in failed])
    told: dict[int, list[Event]] = {}
    for row in failed:
        data = {"kind": row.kind, "role": row.role, "again": row.seq}
        data |= {"unit": row.unit} if row.unit else {}
        data |= {"by": by} if by else {}
        told.setdefault(row.ticket_id, []).append(Event("notice.queued", now, now, None, data))
    _append(session, tickets, told, now)
    return len(failed)


def _locked(
    session: Session, rows: Iterable[int], state: str = "queued"
) -> tuple[Sequence[Any], dict[int, Any]]:
    """The notices among `rows` in this state, and their tickets, locked in the order of number."""
    ids = list(rows)
    of = select(NOTICE.c.ticket_id).where(session.is_in(NOTICE.c.id, ids))
    tickets = {
        row.id: row
        for row in session.execute(
            select(TICKET.c.id, TICKET.c.seq, TICKET.c.hash)
            .where(TICKET.c.id.in_(of))
            .order_by(TICKET.c.number)
            .with_for_update()
        ).all()
    }
    found = (
        select(*(NOTICE.c[name] for name in _RECORDED))
        .where(session.is_in(NOTICE.c.id, ids), NOTICE.c.state == state)
        .order_by(NOTICE.c.id)
        .with_for_update()
    )
    return session.execute(found).all(), tickets


def _after(row: Any, now: datetime, channel: str, error: str | None) -> dict[str, Any]:
    tries = row.tries + 1
    change = {"id": row.id, "tries": tries, "channel": channel, "error": error, "held_until": None}
    if error is None:
        return change | {"state": "sent", "sent_at": now, "ring_at": row.ring_at}
    state = "failed" if tries >= MAX_TRIES else "queued"
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
