"""Store which channels take a notice, and from when on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from models.bulk import RowValues, insert_rows, update_rows
from models.database import Session
from models.operations.notices.outgoing import OutgoingNotice
from models.operations.notices.queue import row_for_channel
from models.operations.notices.record import give_up
from models.tables.core import NOTICE


@dataclass(frozen=True, slots=True)
class ChannelRoute:
    """A channel for a notice, and from when on it may go out there; `error` where it never can."""

    channel: str
    at: datetime
    error: str | None = None


def store_routes(
    session: Session,
    notices: Sequence[OutgoingNotice],
    routes: Mapping[int, Sequence[ChannelRoute]],
    now: datetime,
) -> dict[str, list[OutgoingNotice]]:
    """Store the routes of these notices, by row; returns which of them go out now, by channel.

    The notices must have been locked in this transaction (`ready_notices`). A notice for several
    channels gets a row for each. One that has to wait gets a later bell, one that can never go out
    is marked failed with the reason.
    """
    due: dict[str, list[OutgoingNotice]] = {}
    changes: list[RowValues] = []
    copies: list[RowValues] = []
    hopeless: dict[str, dict[int, str]] = {}
    for notice in notices:
        first, *others = _untried(session, notice, routes[notice.row])
        if first.error is not None:
            hopeless.setdefault(first.channel, {})[notice.row] = first.error
        elif first.at <= now:
            due.setdefault(first.channel, []).append(notice)
        if first.channel != notice.channel or first.at > now:
            ring_at = first.at if first.at > now else notice.ring_at
            changes.append({"id": notice.row, "channel": first.channel, "ring_at": ring_at})
        copies += [row_for_channel(notice, route.channel, route.at) for route in others]
    update_rows(session.connection(), NOTICE, changes)
    insert_rows(session.connection(), NOTICE, copies)
    for channel, reasons in hopeless.items():
        give_up(session, reasons, channel, now)
    return due


def _untried(
    session: Session, notice: OutgoingNotice, routes: Sequence[ChannelRoute]
) -> Sequence[ChannelRoute]:
    """Return the routes of a notice; where its channel is gone, one by which it never went."""
    if notice.channel in (None, routes[0].channel):
        return routes
    query = select(NOTICE.c.channel).where(
        NOTICE.c.ticket_id == notice.ticket_id,
        NOTICE.c.seq == notice.event_seq,
        NOTICE.c.recipient == notice.recipient,
    )
    taken = set(session.scalars(query))
    untried = [route for route in routes if route.channel not in taken]
    gone = "the channel is gone; others were told"
    return untried[:1] or [ChannelRoute(notice.channel, routes[0].at, gone)]
