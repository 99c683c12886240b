"""The channels of events: how far each has come, what it waits for, and whether it fails."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from models.database import Session
from models.queries.event_feed import Cursor, feed_end
from models.queries.roles import user_roles
from models.rules.vocabulary import Permission
from models.security.roles import Actor
from models.tables.core import ANCHOR, CHANNEL, EVENT_CURSOR


@dataclass(frozen=True, slots=True)
class EventChannelStatus:
    """A channel of events: what is up to `cursor` was taken, the last of it at `sent_at`.

    Where more waits, the first of it has waited since about `since`, as anchors tell to the minute;
    None where there is none yet. A channel that has failed `failures` times in a row rests until
    `rest_until`, with the last `error`.
    """

    name: str
    cursor: Cursor
    waits: bool
    since: datetime | None
    sent_at: datetime | None
    failures: int
    rest_until: datetime | None
    error: str | None


def event_channels(session: Session) -> list[EventChannelStatus]:
    """Return all channels of events that a worker has begun to send, by name."""
    end = feed_end(session)
    rows = session.execute(
        select(EVENT_CURSOR, CHANNEL.c.failures, CHANNEL.c.rest_until, CHANNEL.c.error)
        .outerjoin(CHANNEL, CHANNEL.c.name == EVENT_CURSOR.c.name)
        .order_by(EVENT_CURSOR.c.name)
    ).all()
    channels = []
    for row in rows:
        cursor = Cursor(row.position, row.line)
        waits = cursor != end
        # not the event's own moment: history that was imported today has waited since today
        anchored = select(func.min(ANCHOR.c.at)).where(ANCHOR.c.through > cursor.position)
        since = session.scalar(anchored) if waits else None
        failed = (row.failures or 0, row.rest_until, row.error)
        channels.append(EventChannelStatus(row.name, cursor, waits, since, row.sent_at, *failed))
    return channels


def has_events_to_send(session: Session, name: str, now: datetime) -> bool:
    """Return whether a channel that neither rests nor is held has not come to the feed's end."""
    row = session.execute(
        select(EVENT_CURSOR, CHANNEL.c.rest_until)
        .outerjoin(CHANNEL, CHANNEL.c.name == EVENT_CURSOR.c.name)
        .where(EVENT_CURSOR.c.name == name)
    ).first()
    if row is None:
        return True
    if any(until is not None and until > now for until in (row.rest_until, row.held_until)):
        return False
    return Cursor(row.position, row.line) != feed_end(session)


def channel_actor(session: Session, name: str) -> Actor:
    """Return a channel as an actor: a supervisor may give it a role under the name `channel:NAME`.

    With one that may see personal data in clear, texts can be sent to it in clear.
    """
    who = f"channel:{name}"
    return Actor(who, user_roles(session).of(who))


def may_send_in_clear(session: Session, name: str) -> bool:
    """Return whether a channel has a role by which texts can be sent to it in clear."""
    return channel_actor(session, name).may(Permission.REVEAL)
