"""The anchors of the store, and the key that they are signed with."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import func, or_, select

from models.database import Session
from models.queries.conditions import event_named
from models.rules.vocabulary import EventName
from models.security.anchors import Anchor, public_key
from models.security.encryption import ForgedValue, KeyUnusable
from models.tables.core import ANCHOR, CHANGE, EVENT, INBOX, SECRET
from models.tables.secrets import ANCHOR_KEY

_LOOK_BACK = 20_000
"""Messages that are looked through: there is no index of when they came."""

_COLUMNS = [ANCHOR.c[name] for name in Anchor.__struct_fields__]


class AnchorSecret(msgspec.Struct, frozen=True):
    """The secret with the private key that anchors are signed with (Ed25519), as it is stored."""

    private: bytes


def last_anchor(session: Session) -> Anchor | None:
    """Return the newest anchor."""
    return next(anchors(session, newest_first=True, limit=1), None)


def anchors(
    session: Session, after: int = 0, *, newest_first: bool = False, limit: int | None = None
) -> Iterator[Anchor]:
    """Yield the anchors with numbers above `after` in their order."""
    order = ANCHOR.c.number.desc() if newest_first else ANCHOR.c.number
    rows = select(*_COLUMNS).where(ANCHOR.c.number > after).order_by(order).limit(limit)
    for row in session.execute(rows):
        yield Anchor(**row._mapping)


def read_anchor(session: Session, number: int) -> Anchor | None:
    """Return the anchor of a number."""
    anchor = next(anchors(session, number - 1, limit=1), None)
    return anchor if anchor is not None and anchor.number == number else None


def anchor_due(session: Session, now: datetime, interval: timedelta) -> bool:
    """Return whether anything moved that has no anchor, and the last anchor is old enough."""
    newest = last_anchor(session)
    if newest is None or abs(now - newest.at) < interval:
        return False
    return _has_moved_since(session, newest)


def _has_moved_since(session: Session, anchor: Anchor) -> bool:
    moved = or_(CHANGE.c.position.is_(None), CHANGE.c.position > anchor.through)
    return session.scalar(select(CHANGE.c.id).where(moved).limit(1)) is not None


def anchor_overdue(session: Session, now: datetime, interval: timedelta) -> bool:
    """Return whether anything that came after the last anchor has been without one for so long.

    Only messages and levels are looked at, which have a moment, and of messages the last ones.
    """
    newest = last_anchor(session)
    if newest is None or not _has_moved_since(session, newest):
        return False
    latest = select(func.coalesce(func.max(INBOX.c.id), 0)).scalar_subquery()
    arrived = select(INBOX.c.id).where(INBOX.c.id > latest - _LOOK_BACK)
    raised = select(EVENT.c.seq).where(event_named(EventName.ALERT_RAISED))
    candidates = (arrived, INBOX.c.arrived_at), (raised, EVENT.c.at)
    return any(
        session.execute(rows.where(at > newest.at, at <= now - interval).limit(1)).first()
        for rows, at in candidates
    )


def anchor_secret(session: Session) -> AnchorSecret | None:
    """Return the private key, None where the store has none, or one that was altered."""
    row = session.execute(select(SECRET).where(SECRET.c.name == ANCHOR_KEY)).first()
    if row is None:
        return None
    try:
        return msgspec.convert(session.decrypt(SECRET.c.value, row), AnchorSecret)
    except (ForgedValue, KeyUnusable, msgspec.ValidationError):
        return None


def anchor_public_key(session: Session) -> bytes | None:
    """Return the public key that anchors are checked with, None where the store has none."""
    secret = anchor_secret(session)
    return public_key(secret.private) if secret is not None else None
