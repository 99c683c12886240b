"""Make anchors: each minute in which something moved, one over what moved since the last."""

from datetime import datetime

from sqlalchemy import func, select

from models.database import Session
from models.operations.changes import hold_positions, settle
from models.queries.anchors import anchor_secret, last_anchor
from models.security.anchors import Anchor, leaf, merkle_root, private_key
from models.tables.core import ANCHOR, CHANGE


def make_anchor(session: Session, now: datetime) -> Anchor | None:
    """Make an anchor over all that was committed since the last one.

    Returns None where nothing was, where another process makes one, and where the store's first
    anchor or the key is gone: none is begun anew, so that the loss shows.
    """
    if not hold_positions(session):
        return None
    settle(session)
    previous, secret = last_anchor(session), anchor_secret(session)
    if previous is None or secret is None:
        return None
    return _add(session, secret.private, previous, now)


def make_first_anchor(session: Session, private: bytes, now: datetime) -> None:
    """Make the anchor that all others follow, over what a store held when it was upgraded."""
    settle(session)
    _add(session, private, None, now)


def _add(session: Session, private: bytes, previous: Anchor | None, now: datetime) -> Anchor | None:
    before = previous.through if previous is not None else 0
    through = session.scalar(select(func.max(CHANGE.c.position))) or 0
    if previous is not None and through <= before:
        return None
    rows = session.execute(
        select(CHANGE.c.position, CHANGE.c.heads)
        .where(CHANGE.c.position > before)
        .order_by(CHANGE.c.position)
    )
    leaves = [leaf(row.position, bytes(row.heads)) for row in rows]
    anchor = Anchor(
        number=previous.number + 1 if previous is not None else 1,
        at=now,
        through=through,
        changes=len(leaves),
        root=merkle_root(leaves),
        previous=previous.digest() if previous is not None else b"",
    ).sign(private_key(private))
    values = {name: getattr(anchor, name) for name in Anchor.__struct_fields__}
    session.execute(session.insert(ANCHOR).values(values))
    return anchor
