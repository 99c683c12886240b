"""Hold the notices that go out as one message, so that nobody else sends them meanwhile.

A worker that dies while it sends lets go of them when the hold ends.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import String, and_, cast, or_, select, update

from models.bulk import update_rows
from models.database import Session
from models.membership import is_in
from models.operations.notices.channel_state import (
    ChannelLimits,
    ChannelState,
    lock_channel,
    spend_allowance,
)
from models.operations.notices.outgoing import OutgoingNotice, ready_notices, unheld
from models.operations.notices.record import drop_over, give_up
from models.operations.notices.similar import WaitingNotice, sort_by_matter
from models.rules.vocabulary import NoticeState, Recipient
from models.sql_types import AnySelect
from models.tables.core import NOTICE, TICKET

GIVE_UP_AFTER = timedelta(hours=24)
"""So long a notice waits for a channel that rests, quiet days not counted, before it has failed."""

_SOON = timedelta(seconds=5)
_MAX_LINES = 100
_SHORTEST_GATHERING = timedelta(minutes=1)
_ASKED = NOTICE.alias()


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
    """The batches held to be sent now, and how many notices were dropped instead.

    `unfit` are the rows of notices that cannot be sent, with why.
    """

    batches: list[NoticeBatch]
    dropped: int
    unfit: Mapping[int, Exception]


class _Member(NamedTuple):
    """The columns that decide to which message a notice belongs."""

    id: int
    seq: int
    kind: str
    recipient: str
    parcel: str | None
    number: str
    emergency: str | None

    def gathered_in(self, kinds: Collection[str]) -> bool:
        """Return whether it is gathered with others of its kind to the same person."""
        # claimants are many persons under one name
        return self.kind in kinds and self.recipient != Recipient.CLAIMANT


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

    A gathered kind takes along what else is queued for the same person, about anything or about the
    same matter. What the channel's rate or its rest does not let through waits for a later bell;
    what need not be sent any more is dropped; what cannot be sent is left out, and named. Workers
    take turns: the channel's row is locked.
    """
    state = lock_channel(session, channel, limits, now)
    if state.rests(now):
        _wait_for_rest_to_end(session, rows, state, now, limits)
        return HeldNotices([], 0, {})
    groups, later = _groups(session, channel, rows, now, limits)
    waiting = [{"id": row, "ring_at": at} for row, at in later.items()]
    update_rows(session.connection(), NOTICE, waiting)
    taken, left = groups[: state.max_messages], groups[state.max_messages :]
    unfit: dict[int, Exception] = {}
    of_messages = [row for group in taken for row in group.rows]
    ready = ready_notices(session, of_messages, now, unfit=unfit)
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
    return HeldNotices(batches, len(ready) - len(standing), unfit)


def gathered_until(now: datetime, gather: timedelta) -> datetime:
    """Return until when notices are due that go out now with others of their kind."""
    return now + max(gather, _SHORTEST_GATHERING)


def extend_hold(session: Session, rows: Sequence[int], until: datetime) -> None:
    """Go on holding notices that are held, now until `until`."""
    held = is_in(NOTICE.c.id, rows) & NOTICE.c.held_until.is_not(None)
    session.execute(update(NOTICE).where(held).values(held_until=until))


def release_notices(session: Session, rows: Sequence[int], again_at: datetime) -> None:
    """Let go of notices without having tried them; their bells ring at `again_at`."""
    if rows:
        session.execute(
            update(NOTICE)
            .where(is_in(NOTICE.c.id, rows), NOTICE.c.state == NoticeState.QUEUED)
            .values(held_until=None, ring_at=again_at)
        )


def postpone_alone(session: Session, row: int, again_at: datetime) -> None:
    """Leave a notice that cannot be sent until `again_at`, then as a message of its own.

    The others of its message go without it, and none that is gathered takes it along.
    """
    notice = NOTICE.c.id == row, NOTICE.c.state == NoticeState.QUEUED
    number = select(TICKET.c.number).where(TICKET.c.id == NOTICE.c.ticket_id).scalar_subquery()
    name = number.concat("-").concat(cast(NOTICE.c.seq, String))
    session.execute(update(NOTICE).where(*notice).values(parcel=name, ring_at=again_at))


def rows_taken_along(
    session: Session, channel: str, rows: Sequence[int], before: datetime
) -> Sequence[int]:
    """Return these rows of a channel, and those that `hold_batches` may take along.

    Those have been in one message with them, or in none and are due before this moment.
    """
    batches = select(_ASKED.c.parcel).where(is_in(_ASKED.c.id, rows), _ASKED.c.parcel.is_not(None))
    is_fresh = and_(NOTICE.c.parcel.is_(None), NOTICE.c.ring_at <= before)
    taken = or_(is_in(NOTICE.c.id, rows), NOTICE.c.parcel.in_(batches), is_fresh)
    queued = NOTICE.c.channel == channel, NOTICE.c.state == NoticeState.QUEUED
    return session.scalars(select(NOTICE.c.id).where(*queued, taken).order_by(NOTICE.c.id)).all()


def require_readable(session: Session, channel: str, rows: Sequence[int], now: datetime) -> None:
    """Read these notices as `hold_batches` does; raises what keeps one of them from being read."""
    session.execute(_members_of(channel, now).where(is_in(NOTICE.c.id, rows))).all()
    ready_notices(session, rows, now)


def _groups(
    session: Session, channel: str, rows: Sequence[int], now: datetime, limits: ChannelLimits
) -> tuple[list[_Group], dict[int, datetime]]:
    """Return the messages that these notices belong to, each with all its notices.

    Also the notices that wait, since the person has just been told of their matter, until when.
    """
    members = _members(session, channel, rows, now, limits)
    groups: dict[object, list[_Member]] = {}
    comparable: dict[tuple[str, str], list[_Member]] = {}
    for member in members.values():
        if member.parcel is None and member.gathered_in(limits.similar.kinds):
            comparable.setdefault((member.recipient, member.kind), []).append(member)
            continue
        gathered = member.gathered_in(limits.digest) and (member.recipient, member.kind)
        groups.setdefault(member.parcel or gathered or member.id, []).append(member)
    later: dict[int, datetime] = {}
    asked = set(rows)
    for (recipient, kind), waiting in comparable.items():
        sorted_out = sort_by_matter(
            session,
            channel,
            recipient,
            kind,
            [WaitingNotice(m.id, m.number, m.emergency is not None) for m in waiting],
            limits.similar,
            now,
        )
        later |= sorted_out.later
        for matter in sorted_out.now:
            if not asked.isdisjoint(matter):
                groups[kind, matter[0]] = [members[row] for row in matter]
    messages = [_group(each[:_MAX_LINES]) for each in groups.values()]
    return sorted(messages, key=lambda group: group.rows[0]), later


def _members(
    session: Session, channel: str, rows: Sequence[int], now: datetime, limits: ChannelLimits
) -> dict[int, _Member]:
    """Return these notices, by row, with what else may go out in their messages."""
    unheld_here = _members_of(channel, now)
    gathered = (*limits.digest, *limits.similar.kinds)
    asked = [_Member(*row) for row in session.execute(unheld_here.where(is_in(NOTICE.c.id, rows)))]
    batches = {member.parcel for member in asked if member.parcel}
    gathering_for = {m.recipient for m in asked if not m.parcel and m.gathered_in(gathered)}
    fresh = and_(
        NOTICE.c.parcel.is_(None),
        NOTICE.c.kind.in_(gathered),
        NOTICE.c.recipient.in_(gathering_for),
        NOTICE.c.ring_at <= gathered_until(now, limits.gather),
    )
    with_them = session.execute(
        unheld_here.where(
            NOTICE.c.recipient.in_({member.recipient for member in asked}),
            or_(NOTICE.c.parcel.in_(batches), fresh),
        )
    )
    members = {member.id: member for member in [*asked, *(_Member(*row) for row in with_them)]}
    return dict(sorted(members.items()))


def _members_of(channel: str, now: datetime) -> AnySelect:
    columns = (NOTICE.c.id, NOTICE.c.seq, NOTICE.c.kind, NOTICE.c.recipient, NOTICE.c.parcel)
    return (
        select(*columns, TICKET.c.number, TICKET.c.emergency)
        .join(TICKET, TICKET.c.id == NOTICE.c.ticket_id)
        .where(NOTICE.c.channel == channel, *unheld(now))
        .order_by(NOTICE.c.id)
    )


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
    mine = (is_in(NOTICE.c.id, rows), NOTICE.c.channel == state.name, *unheld(now))
    since = now - GIVE_UP_AFTER
    if limits.quiet is not None:
        since = limits.quiet.waited_since(now, GIVE_UP_AFTER)
    old = session.scalars(select(NOTICE.c.id).where(*mine, NOTICE.c.queued_at <= since))
    give_up(session, dict.fromkeys(old, state.error or ""), state.name, now)
    session.execute(update(NOTICE).where(*mine).values(ring_at=state.rest_until))
