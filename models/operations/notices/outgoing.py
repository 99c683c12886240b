"""Load queued notices as the one value that routing, batching and the channels work with."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, and_, or_, select

from models.database import Session
from models.errors import UnreadableValue
from models.i18n import LazyText
from models.membership import is_in
from models.operations.ticket_work import ForgedEnd, ForgedTicket
from models.rules.events import NoticedDuty, NoticeQueued
from models.rules.occasions import NEVER_SENT, TOLD_WITH_FACTS, level_stands, why_over
from models.rules.state import State, read_state
from models.rules.vocabulary import ClockName, DutyChange, NoticeKind, NoticeState, Recipient
from models.tables.columns import undecoded
from models.tables.core import EVENT, NOTICE, TICKET
from models.tables.instants import LATEST

log = logging.getLogger("hotline.notices")

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


_RECORDED = (TICKET.c.hash, TICKET.c.row_hash, TICKET.c.seq.label("end"), NOTICE.c.tries)
_MOST_TRIES, _LAST_LINE = 1_000, 1_000_000_000
"""More than there ever are: no database keeps one more than the largest number."""

_LATER = EVENT.alias()
_FOLLOWS = and_(_LATER.c.ticket_id == TICKET.c.id, _LATER.c.seq == TICKET.c.seq + 1)

_DECODER = msgspec.json.Decoder(NoticeQueued)


@dataclass(frozen=True, slots=True)
class OutgoingNotice:
    """A queued notice. It holds no personal data beyond the ticket's number and masked title.

    `row` is the id of its row, `event_seq` the line of the ticket's log that queued it. `id` names
    it to receivers: it stays the same however often the notice is sent, so that a repeat can be
    dropped. `unit` is the recipient's unit. `channel` is None until it is routed. What it says is
    said by `event`, which queued it; `due` is the deadline that it names (decision 34). `over` is
    why it need not be sent any more.
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
    emergency: bool
    event: NoticeQueued
    queued_at: datetime
    ring_at: datetime
    due: datetime | None = None
    channel: str | None = None
    over: LazyText | None = None

    @property
    def duties(self) -> Sequence[NoticedDuty]:
        """The duties of the recipient that the occasion changed."""
        return self.event.duties or ()


class ChannelFailed(Exception):
    """A channel could not take notices just now."""


def unheld(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for a notice that may be taken: queued, and held by nobody."""
    until = NOTICE.c.held_until
    # nobody holds one until a moment that nobody can read
    not_held = or_(until.is_(None), until <= now, until > LATEST)
    return NOTICE.c.state == NoticeState.QUEUED, not_held


def ready_notices(
    session: Session,
    rows: Sequence[int],
    now: datetime,
    *,
    lock: bool = False,
    unfit: dict[int, Exception] | None = None,
) -> list[OutgoingNotice]:
    """Return the queued notices among `rows` that nobody holds, in the order they were queued.

    With `lock` their rows are locked until the end of the transaction, and those that another
    transaction has locked are left out. So are corrections of a notice that is being sent just now.
    One that cannot be read, or whose outcome could not be recorded, so that it would be sent again
    and again, is added to `unfit` with the error; without that it is raised, as ForgedTicket,
    ForgedEnd or UnreadableValue where it is for what somebody wrote.
    """
    query = (
        select(*(NOTICE.c[name] for name in _COLUMNS))
        .add_columns(TICKET.c.number, TICKET.c.title, TICKET.c.emergency, TICKET.c.state)
        .add_columns(TICKET.c.status, TICKET.c.level)
        .add_columns(TICKET.c.unit.label("lead"), TICKET.c.due.label("ticket_due"))
        .add_columns(undecoded(EVENT.c.data), EVENT.c.at)
        .add_columns(*_RECORDED, _LATER.c.seq.label("later"))
        .join(TICKET, TICKET.c.id == NOTICE.c.ticket_id)
        .join(EVENT, and_(EVENT.c.ticket_id == NOTICE.c.ticket_id, EVENT.c.seq == NOTICE.c.seq))
        .outerjoin(_LATER, _FOLLOWS)
        .where(is_in(NOTICE.c.id, rows), *unheld(now))
        .order_by(NOTICE.c.id)
    )
    if lock:
        query = query.with_for_update(of=NOTICE, skip_locked=True)
    notice_rows = session.execute(query).all()
    states: dict[int, State | None] = {}
    notices = []
    for row in notice_rows:
        try:
            notices.append(_read(row, states, now))
        except Exception as error:
            if unfit is None:
                raise
            unfit[row.id] = error
    notices = _told_once(session, notices, {row.id: row.at for row in notice_rows})
    corrections = [notice for notice in notices if notice.kind == NoticeKind.CORRECTION]
    if not corrections:
        return notices
    known = _corrected(session, corrections)
    return [each for n in notices if (each := _with_correction(n, known, now)) is not None]


def _read(row: Any, states: dict[int, State | None], now: datetime) -> OutgoingNotice:
    """Return the notice in a row; `states` are those of tickets that have been read, by id."""
    event = _DECODER.decode(row.data)
    _require_recordable(row, event)
    if level_stands(event, row.status, row.level, row.lead, row.ticket_due, now):
        # cards come by the ten thousand: their tickets' states are not read
        return _outgoing(row, event, event.due or None, None)
    if row.ticket_id not in states:
        states[row.ticket_id] = _state(row)
    if (state := states[row.ticket_id]) is None:
        # nobody knows whether it is over; the notices of all other tickets must go on
        return _outgoing(row, event, event.due or None, None)
    return _outgoing(row, event, _due(event, state), why_over(event, state, now))


def _require_recordable(row: Any, event: NoticeQueued) -> None:
    hashes = row.hash, row.row_hash or b""
    if not all(isinstance(each, bytes) for each in hashes) or not _is_count(row.end, _LAST_LINE):
        raise ForgedTicket(row.number)
    # a line after the end that the ticket knows: another could not be added
    if row.later is not None:
        raise ForgedEnd(row.number)
    if row.kind != event.kind or not _is_count(row.tries, _MOST_TRIES):
        raise UnreadableValue


def _is_count(value: Any, most: int) -> bool:
    return isinstance(value, int) and 0 <= value <= most


def _state(row: Any) -> State | None:
    """Return the state of a notice's ticket; None where it cannot be read."""
    try:
        return read_state(row.number, row.state)
    except UnreadableValue:
        log.error("the state of a ticket cannot be read", extra={"ticket": row.number})
        return None


def _outgoing(
    row: Any, event: NoticeQueued, due: datetime | None, over: LazyText | None
) -> OutgoingNotice:
    return OutgoingNotice(
        row=row.id,
        ticket_id=row.ticket_id,
        event_seq=row.seq,
        id=f"{row.number}-{row.seq}",
        ticket=row.number,
        title=row.title,
        kind=event.kind,
        role=event.role,
        recipient=row.recipient,
        unit=row.unit,
        emergency=row.emergency is not None,
        event=event,
        queued_at=row.queued_at,
        ring_at=row.ring_at,
        due=due,
        channel=row.channel,
        over=over,
    )


_ABOUT = {
    NoticeKind.DISPATCHED: ClockName.ACCEPT,
    NoticeKind.DESIGNATED: ClockName.ACCEPT,
    NoticeKind.RETURN_REFUSED: ClockName.ACCEPT,
    NoticeKind.DEEMED_ACCEPTED: ClockName.HANDLING,
}
"""The duty whose deadline a notice names; an emergency's dispatch brings shorter ones with it."""


def _due(event: NoticeQueued, state: State) -> datetime | None:
    """Return the deadline that a notice names: its own, or that of a duty that it brings.

    Of several it is the one that the notice is about, else the first.
    """
    if event.due:
        return event.due
    owed = (DutyChange.STARTED, DutyChange.MOVED)
    duties = [duty for duty in event.duties or () if duty.change in owed]
    if duties:
        about = _ABOUT.get(event.kind)
        return next((duty for duty in duties if duty.clock == about), duties[0]).due
    # the release before wrote no deadline into these two, and they only go out while it holds
    with_due = (NoticeKind.PREWARNING, NoticeKind.DISPATCHED)
    return state.due if event.kind in with_due and not event.duties else None


def _told_once(
    session: Session, notices: list[OutgoingNotice], moments: Mapping[int, datetime]
) -> list[OutgoingNotice]:
    """Return notices; a correction of what was received is over if its edit is told otherwise.

    One edit by the source can be both new facts and a correction, of one moment (`moments`, by
    row): the person who is told of the facts is not told of the correction too.
    """
    amended = [n for n in notices if n.kind == NoticeKind.AMENDED and n.over is None]
    if not amended:
        return notices
    of_facts = (
        select(NOTICE.c.ticket_id, NOTICE.c.recipient, EVENT.c.at)
        .join(EVENT, and_(EVENT.c.ticket_id == NOTICE.c.ticket_id, EVENT.c.seq == NOTICE.c.seq))
        .where(
            is_in(NOTICE.c.ticket_id, [n.ticket_id for n in amended]),
            NOTICE.c.kind == NoticeKind.SUPPLEMENTED,
            NOTICE.c.state.in_((NoticeState.QUEUED, NoticeState.SENT)),
        )
    )
    facts_of = {tuple(row) for row in session.execute(of_facts)}
    twice = {n.row for n in amended if (n.ticket_id, n.recipient, moments[n.row]) in facts_of}
    return [replace(n, over=TOLD_WITH_FACTS) if n.row in twice else n for n in notices]


class _Corrected(NamedTuple):
    """One row of a notice that is corrected."""

    recipient: str
    state: str
    held_until: datetime | None


def _corrected(
    session: Session, corrections: Collection[OutgoingNotice]
) -> Mapping[tuple[int, int], list[_Corrected]]:
    """Return the rows of the notices that these correct, by ticket and number of their line."""
    columns = (NOTICE.c.recipient, NOTICE.c.state, NOTICE.c.held_until)
    query = select(NOTICE.c.ticket_id, NOTICE.c.seq, *columns).where(
        is_in(NOTICE.c.ticket_id, [n.ticket_id for n in corrections]),
        NOTICE.c.kind != NoticeKind.CORRECTION,
    )
    rows: dict[tuple[int, int], list[_Corrected]] = {}
    for ticket_id, seq, *values in session.execute(query):
        rows.setdefault((ticket_id, seq), []).append(_Corrected(*values))
    return rows


def _with_correction(
    notice: OutgoingNotice, known: Mapping[tuple[int, int], list[_Corrected]], now: datetime
) -> OutgoingNotice | None:
    """Return a notice with why it is over if it corrects what nobody got; None if it must wait.

    A notice that was removed since, or that an older release corrected, counts as sent.
    """
    if notice.kind != NoticeKind.CORRECTION:
        return notice
    rows = known.get((notice.ticket_id, notice.event.of or 0), ())
    rows = [row for row in rows if row.recipient == notice.recipient]
    if not rows or any(row.state == NoticeState.SENT for row in rows):
        return notice
    if any(row.held_until and row.held_until > now for row in rows):
        return None
    return replace(notice, over=NEVER_SENT)
