"""Which channel takes a notice and when, and which notices go out as one message."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select, update

from models.bulk import insert_rows, update_rows
from models.database import Session
from models.operations.notices.record import OutgoingNotice, free, give_up, letters
from models.tables.core import CHANNEL, NOTICE, TICKET

REST_AFTER_FAILURES = 3
"""A channel that has failed so often on end rests; then one message tries whether it is back."""

GIVE_UP_AFTER = timedelta(hours=24)
"""So long a notice waits for a channel that rests, before it is marked failed."""

_SHORTEST_REST, _LONGEST_REST = timedelta(seconds=30), timedelta(minutes=10)
_SOON = timedelta(seconds=5)
_MOST_LINES = 100


@dataclass(frozen=True, slots=True)
class RoutableNotice:
    """A notice that looks for its channel; `channel` is set where it has been found before."""

    kind: str
    role: str
    recipient: str
    unit: str | None
    emergency: bool
    channel: str | None


@dataclass(frozen=True, slots=True)
class ChannelRoute:
    """A channel for a notice, and when it may go out there; `error` where it never can."""

    channel: str
    at: datetime
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelLimits:
    """What a channel may do: messages a minute, and which kinds are gathered over what time."""

    per_minute: int | None = None
    digest: tuple[str, ...] = ()
    gather: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class NoticeBatch:
    """Notices that go out as one message; repeated, it is the same message with the same id."""

    id: str
    letters: tuple[OutgoingNotice, ...]


@dataclass(slots=True)
class _State:
    """A channel's row."""

    name: str
    allowance: float
    counted_at: datetime
    failures: int
    rest_until: datetime | None
    error: str | None


Choose = Callable[[RoutableNotice], Sequence[ChannelRoute]]


def route_notices(
    session: Session, rows: Sequence[int], choose: Choose, now: datetime
) -> dict[str, list[int]]:
    """Find the channels of these notices; returns which of them go out now, by channel.

    A notice for several channels gets a row for each. One that has to wait is rung for later, one
    that can never go out is marked failed with the reason.
    """
    found = session.execute(
        select(NOTICE, TICKET.c.emergency)
        .join(TICKET, TICKET.c.id == NOTICE.c.ticket_id)
        .where(session.is_in(NOTICE.c.id, rows), *free(now))
        .order_by(NOTICE.c.id)
        .with_for_update(of=NOTICE, skip_locked=True)
    ).all()
    due: dict[str, list[int]] = {}
    changes: list[dict[str, Any]] = []
    copies: list[dict[str, Any]] = []
    hopeless: dict[str, dict[int, str]] = {}
    for row in found:
        first, *others = _open_to(session, row, choose(_waiting(row)))
        if first.error is not None:
            hopeless.setdefault(first.channel, {})[row.id] = first.error
        elif first.at <= now:
            due.setdefault(first.channel, []).append(row.id)
        if first.channel != row.channel or first.at > now:
            later = first.at if first.at > now else row.ring_at
            changes.append({"id": row.id, "channel": first.channel, "ring_at": later})
        copies += [_copy(row, place) for place in others]
    update_rows(session.connection(), NOTICE, changes)
    insert_rows(session.connection(), NOTICE, copies)
    for channel, why in hopeless.items():
        give_up(session, why, channel, now)
    return due


def _open_to(session: Session, row: Any, places: Sequence[ChannelRoute]) -> Sequence[ChannelRoute]:
    """The places of a notice; one whose channel is gone takes one where it is not known yet."""
    if row.channel in (None, places[0].channel):
        return places
    same = and_(NOTICE.c.ticket_id == row.ticket_id, NOTICE.c.seq == row.seq)
    known = set(
        session.scalars(select(NOTICE.c.channel).where(same, NOTICE.c.recipient == row.recipient))
    )
    new = [place for place in places if place.channel not in known]
    return new[:1] or [
        ChannelRoute(row.channel, places[0].at, "the channel is gone; others were told")
    ]


def _waiting(row: Any) -> RoutableNotice:
    return RoutableNotice(
        row.kind, row.role, row.recipient, row.unit, row.emergency is not None, row.channel
    )


def _copy(row: Any, place: ChannelRoute) -> dict[str, Any]:
    kept = {c.name: getattr(row, c.name) for c in NOTICE.c if c.name != "id"}
    return kept | {"channel": place.channel, "ring_at": place.at}


def hold_batches(
    session: Session,
    channel: str,
    rows: Sequence[int],
    now: datetime,
    until: datetime,
    limits: ChannelLimits,
) -> list[NoticeBatch]:
    """Hold what of these notices may go out by this channel now, as messages.

    A gathered kind takes along what else is queued for the same person. What the channel's rate or
    its rest does not let through is rung for later. Workers take turns: the channel's row is
    locked.
    """
    state = _state(session, channel, limits, now)
    if state.rest_until is not None and state.rest_until > now:
        _wait_out(session, channel, rows, state, now)
        return []
    groups = _groups(session, channel, rows, now, limits)
    most = 1 if state.failures >= REST_AFTER_FAILURES else int(state.allowance)
    taken, left = groups[:most], groups[most:]
    names = {row.id: name for name, group in taken for row in group}
    changes = [{"id": row, "held_until": until, "parcel": name} for row, name in names.items()]
    update_rows(session.connection(), NOTICE, changes)
    _spend(session, state, len(taken), now)
    _put_off(session, left, now, limits)
    found: dict[str, list[OutgoingNotice]] = {}
    for letter in letters(session, list(names)):
        found.setdefault(names[letter.row], []).append(letter)
    return [NoticeBatch(name, tuple(found[name])) for name, _ in taken]


def _groups(
    session: Session, channel: str, rows: Sequence[int], now: datetime, limits: ChannelLimits
) -> list[tuple[str, list[Any]]]:
    """The messages that these notices belong to, each with its name and all its notices."""
    what = (NOTICE.c.id, NOTICE.c.seq, NOTICE.c.kind, NOTICE.c.recipient, NOTICE.c.parcel)
    here = (
        select(*what, TICKET.c.number)
        .join(TICKET, TICKET.c.id == NOTICE.c.ticket_id)
        .where(NOTICE.c.channel == channel, *free(now))
        .order_by(NOTICE.c.id)
    )
    asked = session.execute(here.where(session.is_in(NOTICE.c.id, rows))).all()
    batches = {row.parcel for row in asked if row.parcel}
    gathered = {r.recipient for r in asked if not r.parcel and r.kind in limits.digest}
    fresh = and_(
        NOTICE.c.parcel.is_(None),
        NOTICE.c.kind.in_(limits.digest),
        NOTICE.c.recipient.in_(gathered),
        NOTICE.c.ring_at <= now + max(limits.gather, timedelta(minutes=1)),
    )
    with_them = session.execute(
        here.where(
            NOTICE.c.recipient.in_({row.recipient for row in asked}),
            or_(NOTICE.c.parcel.in_(batches), fresh),
        )
    ).all()
    everything = sorted({row.id: row for row in [*asked, *with_them]}.values(), key=lambda r: r.id)
    groups: dict[Any, list[Any]] = {}
    for row in everything:
        together = row.kind in limits.digest and (row.recipient, row.kind)
        groups.setdefault(row.parcel or together or row.id, []).append(row)
    return [_named(group[:_MOST_LINES]) for group in groups.values()]


def _named(group: list[Any]) -> tuple[str, list[Any]]:
    first = group[0]
    name = f"{first.number}-{first.seq}"
    return first.parcel or (f"{name}+{len(group) - 1}" if len(group) > 1 else name), group


def _state(session: Session, channel: str, limits: ChannelLimits, now: datetime) -> _State:
    """How the channel fares, locked, with what it may send by now."""
    burst, rate = _bucket(limits)
    blank = {"name": channel, "allowance": burst, "counted_at": now, "failures": 0}
    session.execute(session.insert(CHANNEL).values(blank).on_conflict_do_nothing())
    found = select(CHANNEL).where(CHANNEL.c.name == channel).with_for_update()
    state = _State(**session.execute(found).one()._asdict())
    passed = max((now - state.counted_at).total_seconds(), 0.0)
    state.allowance = min(burst, state.allowance + rate * passed)
    return state


def _bucket(limits: ChannelLimits) -> tuple[float, float]:
    """How many messages may go out at once, and how many a second after that.

    Together they are never more than `per_minute` in any minute.
    """
    if limits.per_minute is None:
        return 1e9, 1e9
    burst = max(1, limits.per_minute // 4)
    return burst, max(limits.per_minute - burst, limits.per_minute / 2) / 60


def _spend(session: Session, state: _State, count: int, now: datetime) -> None:
    spent = {"allowance": state.allowance - count, "counted_at": now}
    session.execute(update(CHANNEL).where(CHANNEL.c.name == state.name).values(spent))


def _put_off(
    session: Session, groups: Iterable[tuple[str, list[Any]]], now: datetime, limits: ChannelLimits
) -> None:
    _, rate = _bucket(limits)
    changes = [
        {"id": row.id, "ring_at": now + max(_SOON, timedelta(seconds=place / rate))}
        for place, (_name, group) in enumerate(groups, 1)
        for row in group
    ]
    update_rows(session.connection(), NOTICE, changes)


def _wait_out(
    session: Session, channel: str, rows: Sequence[int], state: _State, now: datetime
) -> None:
    mine = (session.is_in(NOTICE.c.id, rows), NOTICE.c.channel == channel, *free(now))
    old = session.scalars(
        select(NOTICE.c.id).where(*mine, NOTICE.c.queued_at <= now - GIVE_UP_AFTER)
    )
    give_up(session, dict.fromkeys(old, state.error or ""), channel, now)
    session.execute(update(NOTICE).where(*mine).values(ring_at=state.rest_until))


def record_attempt(
    session: Session, channel: str, error: str | None, now: datetime
) -> datetime | None:
    """Remember how a message fared; returns until when the channel rests, if it does now."""
    failures, rest = 0, None
    if error is not None:
        found = select(CHANNEL.c.failures).where(CHANNEL.c.name == channel).with_for_update()
        failures = (session.scalar(found) or 0) + 1
        if failures >= REST_AFTER_FAILURES:
            pause = _SHORTEST_REST * 2 ** min(failures - REST_AFTER_FAILURES, 10)
            rest = now + min(pause, _LONGEST_REST)
    values: Mapping[str, Any] = {"failures": failures, "rest_until": rest, "error": error}
    session.execute(update(CHANNEL).where(CHANNEL.c.name == channel).values(values))
    return rest
