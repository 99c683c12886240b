"""Load queued notices as the one value that routing, batching and the channels work with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select

from models.database import Session
from models.rules.events import NoticeQueued, read
from models.rules.vocabulary import NoticeKind, NoticeState, Recipient
from models.tables.core import EVENT, NOTICE, TICKET

_EXPLAINED = (
    NoticeKind.EXPIRED,
    NoticeKind.CONTACT_REMINDER,
    NoticeKind.PROOF_ASKED,
    NoticeKind.DISSATISFIED,
    NoticeKind.REVISITED,
    NoticeKind.DECLINED,
)
"""Kinds whose text needs more than the ticket's row says."""

_COLUMNS = (
    "id",
    "ticket_id",
    "seq",
    "kind",
    "role",
    "recipient",
    "unit",
    "channel",
    "queued_at",
    "ring_at",
)


@dataclass(frozen=True, slots=True)
class OutgoingNotice:
    """A queued notice. It holds no personal data beyond the ticket's number and masked title.

    `row` is the id of its row, `event_seq` the line of the ticket's log that queued it. `id` names
    it to receivers: it stays the same however often the notice is sent, so that a repeat can be
    dropped. `unit` is the recipient's unit, `lead` the ticket's. `channel` is None until it is
    routed; `event` is the event that queued it, of kinds whose text says more than the ticket's
    row does.
    """

    row: int
    ticket_id: int
    event_seq: int
    id: str
    ticket: str
    title: str
    kind: NoticeKind
    role: Recipient
    recipient: str
    unit: str | None
    lead: str | None
    emergency: bool
    due: datetime | None
    queued_at: datetime
    ring_at: datetime
    channel: str | None = None
    event: NoticeQueued | None = None


class ChannelFailed(Exception):
    """A channel could not take notices just now."""


def unheld(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for a notice that may be taken: queued, and held by nobody."""
    not_held = or_(NOTICE.c.held_until.is_(None), NOTICE.c.held_until <= now)
    return NOTICE.c.state == NoticeState.QUEUED, not_held


def ready_notices(
    session: Session, rows: Sequence[int], now: datetime, *, lock: bool = False
) -> list[OutgoingNotice]:
    """Return the queued notices among `rows` that nobody holds, in the order they were queued.

    With `lock` their rows are locked until the end of the transaction, and those that another
    transaction has locked are left out.
    """
    return _load(session, (session.is_in(NOTICE.c.id, rows), *unheld(now)), lock=lock)


def load_notices(session: Session, rows: Sequence[int]) -> list[OutgoingNotice]:
    """Return the notices of these rows, in the order they were queued."""
    return _load(session, (session.is_in(NOTICE.c.id, rows),)) if rows else []


def _load(
    session: Session, conditions: Sequence[ColumnElement[bool]], *, lock: bool = False
) -> list[OutgoingNotice]:
    query = (
        select(*(NOTICE.c[name] for name in _COLUMNS))
        .add_columns(TICKET.c.number, TICKET.c.title, TICKET.c.due)
        .add_columns(TICKET.c.unit.label("lead"), TICKET.c.emergency)
        .join(TICKET, TICKET.c.id == NOTICE.c.ticket_id)
        .where(*conditions)
        .order_by(NOTICE.c.id)
    )
    if lock:
        query = query.with_for_update(of=NOTICE, skip_locked=True)
    rows = session.execute(query).all()
    events = _events(session, [row.id for row in rows if row.kind in _EXPLAINED])
    return [
        OutgoingNotice(
            row=row.id,
            ticket_id=row.ticket_id,
            event_seq=row.seq,
            id=f"{row.number}-{row.seq}",
            ticket=row.number,
            title=row.title,
            kind=NoticeKind(row.kind),
            role=Recipient(row.role),
            recipient=row.recipient,
            unit=row.unit,
            lead=row.lead,
            emergency=row.emergency is not None,
            due=row.due,
            queued_at=row.queued_at,
            ring_at=row.ring_at,
            channel=row.channel,
            event=events.get(row.id),
        )
        for row in rows
    ]


def _events(session: Session, rows: Sequence[int]) -> dict[int, NoticeQueued]:
    if not rows:
        return {}
    same = and_(EVENT.c.ticket_id == NOTICE.c.ticket_id, EVENT.c.seq == NOTICE.c.seq)
    query = select(NOTICE.c.id, EVENT.c.data).join(EVENT, same)
    query = query.where(session.is_in(NOTICE.c.id, rows))
    return {row.id: read(NoticeQueued, row.data) for row in session.execute(query).all()}
