"""Append events to tickets' logs, and write every row that they change."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete

from models.bulk import insert_new, insert_rows, next_ids, settle_rows, update_rows, upsert_rows
from models.database import Session
from models.membership import is_in
from models.operations.bells import bell, drop_bells, set_bells
from models.operations.blind_index import add_blind_index
from models.operations.changes import record_changes
from models.operations.log_rows import LogRows
from models.operations.ticket_change import LogAppend
from models.rulebook import Rulebook
from models.rules.queues import ESCALATION
from models.rules.vocabulary import Status
from models.tables.core import BLIND_INDEX, CLOCK, EVENT, NOTICE, TICKET


def append_logs(
    session: Session,
    appends: Sequence[LogAppend],
    rulebook: Rulebook,
    now: datetime,
) -> set[str]:
    """Append the events, queue their notices, and bring tickets and clocks up to date.

    Returns the new tickets that another worker began at the same moment; nothing of them is
    written.
    """
    return write_rows(session, make_rows(session, appends, rulebook, now))


def make_rows(
    session: Session, appends: Sequence[LogAppend], rulebook: Rulebook, now: datetime
) -> LogRows:
    """Return the rows that `append_logs` writes, and write none; new tickets have no ids yet."""
    rows = LogRows()
    for append in appends:
        rows.add(session, append, rulebook, now)
    return rows


def write_rows(session: Session, rows: LogRows) -> set[str]:
    """Write these rows, once; returns the new tickets that another worker has just begun."""
    connection = session.connection()
    rows.give_ids(session.cipher, next_ids(connection, TICKET, len(rows.begun)))
    lost = {row["id"] for row in rows.begun} - insert_new(connection, TICKET, rows.begun)
    if lost:
        rows.drop(lost)
    insert_rows(connection, EVENT, rows.events)
    insert_rows(connection, NOTICE, rows.notices)
    insert_rows(connection, BLIND_INDEX, rows.index)
    add_blind_index(session, rows.more_index)
    if rows.refolded:
        session.execute(delete(CLOCK).where(is_in(CLOCK.c.ticket_id, rows.refolded)))
    upsert_rows(connection, CLOCK, rows.clocks)
    update_rows(connection, TICKET, rows.tickets)
    at_rest = [row["id"] for row in rows.tickets if row.get("status") == Status.ARCHIVED]
    settle_rows(connection, TICKET, at_rest)
    ring_at = rows.ring_at
    set_bells(session, (bell(ESCALATION, ticket, at) for ticket, at in ring_at.items() if at))
    drop_bells(session, ((ESCALATION, ticket) for ticket, at in ring_at.items() if not at))
    record_changes(session, rows.heads)
    return {row["number"] for row in rows.begun if row["id"] in lost}
