"""Record what became of notices: in their rows, and in the logs of their tickets.

A notice is sent outside of any transaction, at least once, and recorded exactly once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import UNSET
from sqlalchemy import select, update

from models.bulk import insert_rows, update_rows
from models.database import Session
from models.membership import is_in
from models.operations.changes import record_changes
from models.operations.event_rows import event_row
from models.operations.notices.outgoing import OutgoingNotice, ready_notices
from models.rules.events import Event, NoticeDropped, NoticeFailed, NoticeQueued, NoticeSent
from models.rules.vocabulary import NoticeKind, NoticeState, Recipient
from models.security.chain import LogEnd
from models.security.heads import DIGEST_BYTES, ChangedHead, HeadKind
from models.security.row_hashes import with_end
from models.tables.core import EVENT, NOTICE, TICKET

MAX_TRIES = 8
_FIRST_PAUSE = timedelta(seconds=30)

_EVENTS: Mapping[NoticeState, type[NoticeSent | NoticeFailed]] = {
    NoticeState.SENT: NoticeSent,
    NoticeState.FAILED: NoticeFailed,
}
"""The event that says that a notice has reached this state."""


class _NoticeRow(NamedTuple):
    """The columns of a notice that its outcome depends on."""

    id: int
    ticket_id: int
    seq: int
    kind: str
    role: str
    unit: str | None
    tries: int
    ring_at: datetime


class _LogEnd(NamedTuple):
    """The end of a ticket's log: its last line's number and hash, and its row's hash."""

    id: int
    number: str
    seq: int
    hash: bytes
    row_hash: bytes | None


class _Outcome(NamedTuple):
    """New values of a notice's columns; `ring_at` counts only where it is still queued."""

    state: NoticeState
    tries: int
    sent_at: datetime | None
    ring_at: datetime


def record_outcomes(
    session: Session, errors: Mapping[int, str | None], channel: str, now: datetime
) -> tuple[int, int]:
    """Record that these notices were tried; returns how many were sent and how many failed.

    `errors` has for each row the error, None where the channel took it. What failed is tried
    again with growing pauses, and marked failed after `MAX_TRIES`. Rows that somebody else has
    recorded meanwhile are left alone.
    """
    states = _record(session, errors, channel, now, _after_try)
    return states.count(NoticeState.SENT), states.count(NoticeState.FAILED)


def count_try(session: Session, row: int) -> int:
    """Count a try of a notice whose outcome cannot be recorded; returns how many there were before.

    At most `MAX_TRIES`, also where nobody can read how many there were.
    """
    notice = NOTICE.c.id == row, NOTICE.c.state == NoticeState.QUEUED
    is_number = NOTICE.c.tries.between(0, MAX_TRIES - 1)
    few = session.scalar(select(NOTICE.c.tries).where(*notice, is_number))
    tries = few if isinstance(few, int) else MAX_TRIES
    changed = {"tries": min(tries + 1, MAX_TRIES), "held_until": None}
    session.execute(update(NOTICE).where(*notice).values(changed))
    return tries


def give_up(session: Session, reasons: Mapping[int, str], channel: str, now: datetime) -> int:
    """Mark these notices failed without another try, as it could not help; returns how many."""
    return _record(session, reasons, channel, now, _after_giving_up).count(NoticeState.FAILED)


def drop_over(
    session: Session, notices: Sequence[OutgoingNotice], now: datetime
) -> list[OutgoingNotice]:
    """Drop those whose occasion is over, with the reason in the log; returns the others.

    Whether it is over is asked once more when the tickets are locked, since it may have changed.
    """
    standing = [notice for notice in notices if notice.over is None]
    if len(standing) == len(notices):
        return standing
    rows = [notice.row for notice in notices if notice.over is not None]
    locked, log_ends = _lock(session, rows, NoticeState.QUEUED)
    reasons = {
        notice.row: notice.over
        for notice in ready_notices(session, [row.id for row in locked], now)
        if notice.over is not None
    }
    blank = {"state": NoticeState.DROPPED, "error": None, "held_until": None}
    update_rows(session.connection(), NOTICE, [{"id": row_id} | blank for row_id in reasons])
    events: dict[int, list[Event]] = {}
    for row in locked:
        if (why := reasons.get(row.id)) is not None:
            data = NoticeDropped(kind=NoticeKind(row.kind), of=row.seq, why=why)
            events.setdefault(row.ticket_id, []).append(Event(data, now, now, None))
    _append(session, log_ends, events, now)
    return standing


def resend(session: Session, rows: Sequence[int], now: datetime, by: str = "") -> int:
    """Queue the failed notices among `rows` again, under the same ids; returns how many.

    Each goes by the channel that failed, or by another where that is gone. The log says by whom.
    """
    failed, log_ends = _lock(session, rows, NoticeState.FAILED)
    blank = {"state": NoticeState.QUEUED, "tries": 0, "error": None, "parcel": None}
    blank |= {"held_until": None, "queued_at": now, "ring_at": now}
    update_rows(session.connection(), NOTICE, [{"id": row.id} | blank for row in failed])
    events: dict[int, list[Event]] = {}
    for row in failed:
        again = NoticeQueued(
            kind=NoticeKind(row.kind),
            role=Recipient(row.role),
            again=row.seq,
            unit=row.unit or UNSET,
            by=by or UNSET,
        )
        events.setdefault(row.ticket_id, []).append(Event(again, now, now, None))
    _append(session, log_ends, events, now)
    return len(failed)


def _record(
    session: Session,
    errors: Mapping[int, str | None],
    channel: str,
    now: datetime,
    outcome_of: Callable[[_NoticeRow, str | None, datetime], _Outcome],
) -> list[NoticeState]:
    """Store the outcome of each notice that is still queued; returns their new states."""
    rows, log_ends = _lock(session, errors, NoticeState.QUEUED)
    outcomes = {row.id: outcome_of(row, errors[row.id], now) for row in rows}
    changes = [
        {"id": row_id, "channel": channel, "error": errors[row_id], "held_until": None}
        | outcome._asdict()
        for row_id, outcome in outcomes.items()
    ]
    update_rows(session.connection(), NOTICE, changes)
    events: dict[int, list[Event]] = {}
    for row in rows:
        if event_type := _EVENTS.get(outcomes[row.id].state):
            data = event_type(kind=NoticeKind(row.kind), channel=channel, of=row.seq)
            events.setdefault(row.ticket_id, []).append(Event(data, now, now, None))
    _append(session, log_ends, events, now)
    return [outcome.state for outcome in outcomes.values()]


def _after_try(row: _NoticeRow, error: str | None, now: datetime) -> _Outcome:
    tries = row.tries + 1
    if error is None:
        return _Outcome(NoticeState.SENT, tries, now, row.ring_at)
    state = NoticeState.FAILED if tries >= MAX_TRIES else NoticeState.QUEUED
    return _Outcome(state, tries, None, now + _FIRST_PAUSE * 2 ** (tries - 1))


def _after_giving_up(row: _NoticeRow, _error: str | None, _now: datetime) -> _Outcome:
    return _Outcome(NoticeState.FAILED, row.tries, None, row.ring_at)


def _lock(
    session: Session, rows: Iterable[int], state: NoticeState
) -> tuple[list[_NoticeRow], dict[int, _LogEnd]]:
    """Lock the notices among `rows` in this state; before them, by number, their tickets."""
    ids = list(rows)
    tickets_of_rows = select(NOTICE.c.ticket_id).where(is_in(NOTICE.c.id, ids))
    tickets = (
        select(*(TICKET.c[name] for name in _LogEnd._fields))
        .where(TICKET.c.id.in_(tickets_of_rows))
        .order_by(TICKET.c.number)
        .with_for_update()
    )
    log_ends = {row.id: _LogEnd(*row) for row in session.execute(tickets).all()}
    notices = (
        select(*(NOTICE.c[name] for name in _NoticeRow._fields))
        .where(is_in(NOTICE.c.id, ids), NOTICE.c.state == state)
        .order_by(NOTICE.c.id)
        .with_for_update()
    )
    return [_NoticeRow(*row) for row in session.execute(notices).all()], log_ends


def _append(
    session: Session,
    log_ends: Mapping[int, _LogEnd],
    events: Mapping[int, Sequence[Event]],
    now: datetime,
) -> None:
    rows, tickets, heads = [], [], []
    for ticket_id, added in events.items():
        ticket = log_ends[ticket_id]
        seq, chain = ticket.seq, ticket.hash
        for event in added:
            seq += 1
            row = event_row(session, ticket, seq, chain, event, now)
            chain = row["hash"]
            rows.append(row)
        was, now_ends = LogEnd(ticket.seq, ticket.hash), LogEnd(seq, chain)
        hashed = with_end(session.cipher, ticket_id, ticket.row_hash or b"", was, now_ends)
        tickets.append({"id": ticket_id, "seq": seq, "hash": chain, "row_hash": hashed})
        end = chain[:DIGEST_BYTES]
        heads.append(ChangedHead(HeadKind.TICKET, ticket_id, seq, end, len(added)))
    if rows:
        insert_rows(session.connection(), EVENT, rows)
        update_rows(session.connection(), TICKET, tickets)
        record_changes(session, heads)
