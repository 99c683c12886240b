"""Send the logs to a channel of events: one worker at a time, a page after the other.

A worker holds the channel for a while, notes which page it sends, sends it in no transaction, and
records that it was taken. Where it dies in between, another sends the same page again.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from models.bulk import RowValues
from models.database import Session
from models.errors import HotlineError
from models.i18n import _
from models.operations.access_log import record_access
from models.operations.notices.channel_state import ChannelLimits, lock_channel, record_attempt
from models.queries.event_channels import channel_actor
from models.queries.event_feed import Cursor, EventPage, check_cursor, feed_end
from models.rules.vocabulary import Permission
from models.tables.core import EVENT_CURSOR

_REVEALED = "log"
"""The field that the access log names: what people wrote into a ticket's log."""


_FREE: RowValues = {"holder": None, "held_until": None}
_NO_PAGE: RowValues = {"through": None, "in_clear": False}


@dataclass(frozen=True)
class HeldChannel:
    """A channel that `holder` may send to: from where on, and the page that was under way.

    That page may have arrived; it was noted in the access log if it was `in_clear`.
    """

    name: str
    holder: str
    cursor: Cursor
    through: Cursor | None
    in_clear: bool


def hold_channel(
    session: Session, name: str, holder: str, now: datetime, until: datetime, *, from_now: bool
) -> HeldChannel | None:
    """Let nobody else send to a channel `until` then; None where somebody does, or where it rests.

    A new one begins with the first event of the store, or `from_now` on.
    """
    start = feed_end(session) if from_now else Cursor()
    blank = {"name": name, "position": start.position, "line": start.line, "in_clear": False}
    session.execute(session.insert(EVENT_CURSOR).values(blank).on_conflict_do_nothing())
    query = select(EVENT_CURSOR).where(EVENT_CURSOR.c.name == name).with_for_update()
    row = session.execute(query).one()
    if row.held_until is not None and row.held_until > now:
        return None
    if lock_channel(session, name, ChannelLimits(), now).rests(now):
        return None
    _set(session, name, {"holder": holder, "held_until": until})
    through = Cursor.parse(row.through) if row.through is not None else None
    return HeldChannel(name, holder, Cursor(row.position, row.line), through, row.in_clear)


def begin_page(
    session: Session,
    held: HeldChannel,
    page: EventPage,
    now: datetime,
    until: datetime,
    *,
    in_clear: bool,
    reason: str,
) -> bool:
    """Note the page that is sent next, and in the access log whose texts it has `in_clear`.

    Commit before it is sent. Returns False where another worker holds the channel by now.
    """
    noted: RowValues = {
        "through": str(page.end),
        "in_clear": in_clear,
        "held_until": until,
    }
    if not _set(session, held.name, noted, held.holder):
        return False
    known = held.in_clear and held.through is not None and page.end <= held.through
    if in_clear and not known:
        tickets = dict.fromkeys(e.event["ticket"] for e in page.events if e.has_texts)
        _record_reveals(session, held.name, tickets, now, reason)
    return True


def end_page(session: Session, held: HeldChannel, end: Cursor, sent_at: datetime | None) -> bool:
    """Record that all up to `end` was taken, or not wanted where nothing was sent.

    Then others may send to the channel. Returns False where another worker does already, which
    sends the page again.
    """
    sent = {} if sent_at is None else {"sent_at": sent_at}
    if not _set(session, held.name, _after(end) | sent, held.holder):
        return False
    if sent_at is not None:
        record_attempt(session, held.name, None, sent_at)
    return True


def fail_page(
    session: Session, held: HeldChannel, error: str, now: datetime, at_least: timedelta
) -> datetime | None:
    """Record that the page could not be sent; returns until when the channel rests, if it does."""
    if not _set(session, held.name, _FREE, held.holder):
        return None
    return record_attempt(session, held.name, error, now, at_least)


def rewind_channel(session: Session, name: str, cursor: Cursor) -> None:
    """Go on after another cursor, so that what is behind it is sent, again if it was before.

    Raises InvalidCursor, and HotlineError where nothing was ever sent to the channel.
    """
    check_cursor(session, cursor)
    # whoever is sending a page now records nothing more
    if not _set(session, name, _after(cursor)):
        raise HotlineError(_("no worker has sent anything to the channel {name}").format(name=name))


def _after(cursor: Cursor) -> dict[str, object]:
    """Return the row of a channel that nobody sends to, and that goes on after this cursor."""
    return {"position": cursor.position, "line": cursor.line, **_NO_PAGE, **_FREE}


def _set(session: Session, name: str, values: RowValues, holder: str | None = None) -> bool:
    """Change a channel's row, if it is still held by `holder`; returns whether it was."""
    statement = update(EVENT_CURSOR).where(EVENT_CURSOR.c.name == name)
    if holder is not None:
        statement = statement.where(EVENT_CURSOR.c.holder == holder)
    changed = session.execute(statement.values(values).returning(EVENT_CURSOR.c.name))
    return changed.first() is not None


def _record_reveals(
    session: Session, name: str, tickets: Collection[str], now: datetime, reason: str
) -> None:
    """Note in the access log that a channel gets texts of these tickets in clear.

    The limit of an hour is for persons: a channel sends all that it is there for.
    """
    actor = channel_actor(session, name)
    for ticket in tickets:
        actor.require(Permission.REVEAL, ticket, [_REVEALED])
        record_access(session, actor, Permission.REVEAL, ticket, [_REVEALED], now, reason=reason)
