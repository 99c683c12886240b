"""Begin to anchor a store: list all its heads once, and make its first anchor."""

import os
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from models.clock import Now
from models.database import Session, Store
from models.operations.anchors import make_first_anchor
from models.operations.changes import hold_positions, record_changes, record_table
from models.queries.anchors import AnchorSecret, anchor_secret, last_anchor
from models.queries.table_heads import TABLES
from models.queries.ticket_heads import access_head, clock_head
from models.security.heads import DIGEST_BYTES, ChangedHead, HeadKind, ticket_row_digest
from models.tables.core import CLOCK, SECRET, TICKET
from models.tables.secrets import ANCHOR_KEY

_BATCH = 500
"""Tickets read in one transaction, so that nobody waits for the rest."""


def begin_anchors(store: Store, now: Now) -> None:
    """List the heads of all that a store holds, and anchor them; repeating it is safe.

    Logs that this first anchor covers may begin as earlier releases began them. If it is
    interrupted, the next command begins it again.
    """
    with store.reading() as session:
        if last_anchor(session) is not None:
            return
    list_heads(store, new=True)
    with store.writing() as session:
        hold_positions(session, wait=True)
        if last_anchor(session) is None:
            make_first_anchor(session, _create_key(session), now())


def list_heads(store: Store, *, new: bool = False) -> None:
    """List the heads of all that a store holds, a batch a transaction.

    Those that the feed does not have yet are `new`; else they are listed since rows are stored in
    another form now, and no line was added.
    """
    after = 0
    while True:
        with store.writing() as session:
            tickets = _tickets(session, after)
            record_changes(session, _heads(session, tickets, new=new))
        if not tickets:
            break
        after = tickets[-1].id
    with store.writing() as session:
        for kind in TABLES:
            record_table(session, kind)
        if (head := access_head(session)) is not None:
            record_changes(session, [head])


def _create_key(session: Session) -> bytes:
    row: dict[str, Any] = {"name": ANCHOR_KEY}
    row["value"] = session.encrypt(SECRET.c.value, AnchorSecret(os.urandom(32)), row)
    session.execute(session.insert(SECRET).values(row).on_conflict_do_nothing())
    stored = anchor_secret(session)
    assert stored is not None, "it has just been inserted"
    return stored.private


def _tickets(session: Session, after: int) -> Sequence[Row[Any]]:
    columns = (TICKET.c[name] for name in ("id", "number", "seq", "hash", "state", "policy_id"))
    query = select(*columns).where(TICKET.c.id > after).order_by(TICKET.c.id).limit(_BATCH)
    # their rows are locked, so that nobody moves one between this and its head
    return session.execute(query.with_for_update()).all()


def _heads(session: Session, tickets: Sequence[Row[Any]], *, new: bool) -> list[ChangedHead]:
    cipher, heads = session.cipher, []
    for row in tickets:
        digest = ticket_row_digest(cipher, row.id, row.seq, row.state, row.policy_id or "")
        end = bytes(row.hash)[:DIGEST_BYTES]
        lines = row.seq if new else 0
        heads.append(ChangedHead(HeadKind.TICKET, row.id, row.seq, end, lines, digest, row.number))
    ids = [row.id for row in tickets]
    clocks = session.execute(
        select(CLOCK)
        .where(session.is_in(CLOCK.c.ticket_id, ids))
        .order_by(CLOCK.c.ticket_id, CLOCK.c.key, CLOCK.c.ordinal)
    ).all()
    newest = {(clock.ticket_id, clock.key): clock.ordinal for clock in clocks}
    heads += (
        clock_head(cipher, clock._asdict())
        for clock in clocks
        if clock.ordinal != newest[clock.ticket_id, clock.key]
    )
    return heads
