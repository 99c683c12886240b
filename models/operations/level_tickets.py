"""Read the tickets that may merely reach a level, past SQLAlchemy, which translates each value.

Their states are read as bytes, as they are decoded and hashed.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import Connection

from models import binary_rows as binary
from models.bulk import translate_row
from models.tables.core import INBOX
from models.tables.inbox import WAITING
from models.tables.instants import from_bytes

StoredTicket: TypeAlias = tuple[
    int, str, str, str, bytes | None, datetime | None, bytes, int, bytes, bytes | None
]
"""The id, number, policy, title, facts, `updated_at`, state, `seq`, hash and `row_hash`.

A plain tuple: of those with names 100,000 take a tenth of a second more.
"""

_TICKETS = (
    "SELECT id, number, policy_id, title, facts, updated_at, {state}, seq, hash, row_hash"
    " FROM ticket WHERE id {among_ids} AND quarantined_at IS NULL AND state <> ''"
    " AND policy_id IS NOT NULL"
    " AND NOT EXISTS (SELECT * FROM inbox WHERE inbox.ticket = ticket.number"
    f" AND inbox.state = '{WAITING}' AND inbox.current AND inbox.at <= {{now}})"
)
_ON_SQLITE = _TICKETS.format(
    state="CAST(state AS BLOB)", among_ids="IN (SELECT value FROM json_each(?))", now="?"
)
_ON_POSTGRESQL = (
    _TICKETS.format(state="convert_to(state, 'UTF8')", among_ids="= ANY (%s::bigint[])", now="%s")
    + " FOR UPDATE OF ticket SKIP LOCKED"
)


def lock_tickets(
    connection: Connection, ids: Sequence[int], now: datetime
) -> Iterable[StoredTicket]:
    """Lock and return tickets for which no message waits, without those in quarantine.

    A message that is committed after the statement has begun comes by its own bell, as one that
    comes after the transaction.
    """
    listed = ",".join(map(str, ids))
    if connection.dialect.name != "sqlite":
        return binary.fetch_rows(connection, _ON_POSTGRESQL, (f"{{{listed}}}", now))
    [at] = translate_row(connection, [INBOX.c.at], {"at": now})
    rows = connection.exec_driver_sql(_ON_SQLITE, (f"[{listed}]", at)).cursor.fetchall()
    return [(*row[:5], row[5] and from_bytes(row[5]), *row[6:]) for row in rows]
