"""Begin to anchor a store: list all its heads once, and make its first anchor."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from models.bulk import update_rows
from models.clock import Now
from models.database import Session, Store
from models.membership import is_in
from models.operations.anchors import make_first_anchor
from models.operations.batches import in_batches
from models.operations.changes import hold_positions, record_changes, record_table
from models.operations.ticket_change import TicketRow
from models.queries.anchor_check import AnchorCheck
from models.queries.anchors import AnchorSecret, anchor_secret, last_anchor
from models.queries.table_heads import TABLES, table_heads
from models.queries.ticket_heads import access_head, clock_head
from models.security.anchored_heads import AnchoredHeads
from models.security.heads import DIGEST_BYTES, ChangedHead, HeadKind, arrival_heads
from models.security.row_hashes import former_row_digest, is_own_row, listed_hash, row_hash
from models.sql_types import SelectedRow
from models.tables.core import CLOCK, INBOX, SECRET, TICKET
from models.tables.inbox import WAITING
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
    list_tables(store)
    list_heads(store, new=True)
    with store.writing() as session:
        hold_positions(session, wait=True)
        if last_anchor(session) is None:
            make_first_anchor(session, _create_key(session), now())


def list_heads(
    store: Store,
    *,
    new: bool = False,
    is_own: Callable[[TicketRow], bool] | None = None,
    after: int = 0,
) -> None:
    """List the heads of all that a store holds, a batch a transaction, and write rows' own digests.

    Of the tickets only those whose id is above `after`.

    Those that the feed does not have yet are `new`; else they are listed since rows are stored in
    another form now, and no line was added. Tickets that `is_own` says no of are left out: nothing
    vouches for them.
    """
    while True:
        with store.writing() as session:
            tickets = _tickets(session, after)
            fitting = [row for row in tickets if is_own is None or is_own(row)]
            hashes = {r.id: row_hash(session.cipher, r.content, r.end) for r in fitting}
            rows = [{"id": row_id, "row_hash": hashed} for row_id, hashed in hashes.items()]
            update_rows(session.connection(), TICKET, rows)
            record_changes(session, _heads(session, fitting, hashes, new=new))
        if not tickets:
            break
        after = tickets[-1].id
    with store.writing() as session:
        if (head := access_head(session)) is not None:
            record_changes(session, [head])
    # others are told of by their tickets
    waiting = select(INBOX.c.id, INBOX.c.digest).where(INBOX.c.state == WAITING)
    in_batches(store, waiting, [INBOX.c.id], _list_arrivals)


def _list_arrivals(session: Session, rows: Sequence[SelectedRow]) -> None:
    arrived = [(row.id, row.digest) for row in rows]
    record_changes(session, list(arrival_heads(session.cipher, arrived)))


def list_tables(store: Store, former: AnchoredHeads | None = None) -> None:
    """List the heads of the protected tables, but of those that are not as in `former` heads."""
    with store.writing() as session:
        for kind in TABLES:
            heads = {head.key: head.digest for head in table_heads(session, kind)}
            if former is None or heads == former.tables.get(kind, {}):
                record_table(session, kind)


def renew_heads(store: Store) -> None:
    """List all heads of a store anew that are as the feed lists them in their former form.

    What somebody has altered keeps its former head, by which the verification tells of it.
    """
    with store.reading(snapshot=True) as session:
        former = AnchorCheck(session).heads
    cipher = store.cipher

    def is_own(row: TicketRow) -> bool:
        if is_own_row(cipher, row.content, row.end, row.row_hash):
            # it was begun before, and interrupted
            return True
        head = former.tickets.get(row.id)
        return head is not None and (
            (head.seq, head.digest) == (row.seq, row.hash[:DIGEST_BYTES])
            and head.row == former_row_digest(cipher, row.content, head.row_seq)
        )

    list_tables(store, former)
    list_heads(store, is_own=is_own)


def _create_key(session: Session) -> bytes:
    row: dict[str, Any] = {"name": ANCHOR_KEY}
    row["value"] = session.encrypt(SECRET.c.value, AnchorSecret(os.urandom(32)), row)
    session.execute(session.insert(SECRET).values(row).on_conflict_do_nothing())
    stored = anchor_secret(session)
    assert stored is not None, "it has just been inserted"
    return stored.private


def _tickets(session: Session, after: int) -> list[TicketRow]:
    columns = (TICKET.c[name] for name in TicketRow._fields)
    query = select(*columns).where(TICKET.c.id > after).order_by(TICKET.c.id).limit(_BATCH)
    # their rows are locked, so that nobody moves one between this and its head
    return [TicketRow(*row) for row in session.execute(query.with_for_update())]


def _heads(
    session: Session, tickets: Sequence[TicketRow], hashes: Mapping[int, bytes], *, new: bool
) -> list[ChangedHead]:
    cipher, heads = session.cipher, []
    for row in tickets:
        listed = listed_hash(hashes[row.id])
        end = bytes(row.hash)[:DIGEST_BYTES]
        lines = row.seq if new else 0
        heads.append(ChangedHead(HeadKind.TICKET, row.id, row.seq, end, lines, listed, row.number))
    ids = [row.id for row in tickets]
    clocks = session.execute(
        select(CLOCK)
        .where(is_in(CLOCK.c.ticket_id, ids))
        .order_by(CLOCK.c.ticket_id, CLOCK.c.key, CLOCK.c.ordinal)
    ).all()
    newest = {(clock.ticket_id, clock.key): clock.ordinal for clock in clocks}
    heads += (
        clock_head(cipher, clock._asdict())
        for clock in clocks
        if clock.ordinal != newest[clock.ticket_id, clock.key]
    )
    return heads
