"""Hold the notices that go out as one message, so that nobody else sends them meanwhile.

A worker that dies while it sends lets go of them when the hold ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import and_, or_, select, update

from models.bulk import update_rows
from models.database import Session
from models.operations.notices.channel_state import (
    ChannelLimits,
    ChannelState,
    lock_channel,
    spend_allowance,
)
from models.operations.notices.outgoing import OutgoingNotice, ready_notices, unheld
from models.operations.notices.record import drop_over, give_up
from models.rules.vocabulary import NoticeState
from models.tables.core import NOTICE, TICKET

GIVE_UP_AFTER = timedelta(hours=24)
"""So long a notice waits for a channel that rests, quiet days not counted, before it has failed."""

_SOON = timedelta(seconds=5)
_MAX_LINES = 100


@dataclass(frozen=True, slots=True)
class NoticeBatch:
    """Notices that go out as one message; repeated, it is the same message with the same id."""

    id: str
    notices: tuple[OutgoingNotice, ...]

    @property
    def rows(self) -> list[int]:
        """The ids of their rows."""
        return [notice.row for notice in self.notices]


class HeldNotices(NamedTuple):
    """The batches held to be sent now, and how many notices were dropped instead."""

    batches: list[NoticeBatch]
    dropped: int


class _Member(NamedTuple):
    """The columns that decide to which message a notice belongs."""

    id: int
    seq: int
    kind: str
    recipient: str
    parcel: str | None
    number: str


class _Group(NamedTuple):
    """The rows of a message and its id, which names the first of them."""

    batch: str
    rows: list[int]


def hold_batches(
    session: Session,
    channel: str,
    rows: Sequence[int],
    now: datetime,
    until: datetime,
    limits: ChannelLimits,
) -> HeldNotices:
    """Hold what may go out by this channel now until `until`, as messages.

    A gathered kind takes along what else is queued for the same person. What the channel's rate or
    its rest does not let through waits for a later bell; what need not be sent any more is dropped.
    Workers take turns: the channel's row is locked.
    """
    state = lock_channel(session, channel, limits, now)
    if state.rests(now):
        _wait_for_rest_to_end(session, rows, state, now, limits)
        return HeldNotices([], 0)
    groups = _groups(session, channel, rows, now, limits)
    taken, left = groups[: state.max_messages], groups[state.max_messages :]
    ready = ready_notices(session, [row for group in taken for row in group.rows], now)
    standing = {notice.row: notice for notice in drop_over(session, ready, now)}
    batches = []
    for group in taken:
        if notices := tuple(standing[row] for row in group.rows if row in standing):
            batches.append(NoticeBatch(group.batch, notices))
    changes = [
        {"id": row, "held_until": until, "parcel": batch.id}
        for batch in batches
        for row in batch.rows
    ]
    update_rows(session.connection(), NOTICE, changes)
    spend_allowance(session, state, len(batches), now)
    _postpone(session, left, now, limits)
    return HeldNotices(batches, len(ready) - len(standing))


def extend_hold(session: Session, rows: Sequence[int], until: datetime) -> None:
    """Go on holding notices that are held, now until `until`."""
    held = session.is_in(NOTICE.c.id, rows) & NOTICE.c.held_until.is_not(None)
    session.execute(update(NOTICE).where(held).values(held_until=until))


def release_notices(session: Session, rows: Sequence[int], again_at: datetime) -> None:
    """Let go of notices without having tried them; their bells ring at `again_at`."""
    if rows:
        session.execute(
            update(NOTICE)
            .where(session.is_in(NOTICE.c.id, rows), NOTICE.c.state == NoticeState.QUEUED)
            .values(held_until=None, ring_at=again_at)
        )


def _groups(
    session: Session, channel: str, rows: Sequence[int], now: datetime, limits: ChannelLimits
) -> list[_Group]:
    """Return the messages that these notices belong to, each with all its notices."""
    columns = (NOTICE.c.id, NOTICE.c.seq, NOTICE.c.kind, NOTICE.c.recipient, NOTICE.c.parcel)
    unheld_here = (
        select(*columns, TICKET.c.number)
        .join(TICKET, TICKET.c.id == NOTICE.c.ticket_id)
        .where(NOTICE.c.channel == channel, *unheld(now))
        .order_by(NOTICE.c.id)
    )
    asked = session.execute(unheld_here.where(session.is_in(NOTICE.c.id, rows))).all()
    batches = {row.parcel for row in asked if row.parcel}
    gathering_for = {r.recipient for r in asked if not r.parcel and r.kind in limits.digest}
    fresh = and_(
        NOTICE.c.parcel.is_(None),
        NOTICE.c.kind.in_(limits.digest),
        NOTICE.c.recipient.in_(gathering_for),
        NOTICE.c.ring_at <= now + max(limits.gather, timedelta(minutes=1)),
    )
    with_them = session.execute(
        unheld_here.where(
            NOTICE.c.recipient.in_({row.recipient for row in asked}),
            or_(NOTICE.c.parcel.in_(batches), fresh),
        )
    ).all()
    members = {row.id: _Member(*row) for row in [*asked, *with_them]}
    groups: dict[object, list[_Member]] = {}
    for _id, member in sorted(members.items()):
        gathered = member.kind in limits.digest and (member.recipient, member.kind)
        groups.setdefault(member.parcel or gathered or member.id, []).append(member)
    return [_group(members[:_MAX_LINES]) for members in groups.values()]


def _group(members: Sequence[_Member]) -> _Group:
    first = members[0]
    name = f"{first.number}-{first.seq}"
    if len(members) > 1:
        name += f"+{len(members) - 1}"
    return _Group(first.parcel or name, [member.id for member in members])


def _postpone(
    session: Session, groups: Sequence[_Group], now: datetime, limits: ChannelLimits
) -> None:
    """Ring again for what the rate does not let through, when there is room for it."""
    changes = [
        {"id": row, "ring_at": now + max(_SOON, timedelta(seconds=place / limits.per_second))}
        for place, group in enumerate(groups, 1)
        for row in group.rows
    ]
    update_rows(session.connection(), NOTICE, changes)


def _wait_for_rest_to_end(
    session: Session,
    rows: Sequence[int],
    state: ChannelState,
    now: datetime,
    limits: ChannelLimits,
) -> None:
    """Ring again when the channel's rest ends; give up what has waited for too long."""
    mine = (session.is_in(NOTICE.c.id, rows), NOTICE.c.channel == state.name, *unheld(now))
    since = now - GIVE_UP_AFTER
    if limits.quiet is not None:
        since = limits.quiet.waited_since(now, GIVE_UP_AFTER)
    old = session.scalars(select(NOTICE.c.id).where(*mine, NOTICE.c.queued_at <= since))
    give_up(session, dict.fromkeys(old, state.error or ""), state.name, now)
    session.execute(update(NOTICE).where(*mine).values(ring_at=state.rest_until))
