"""Read the tickets that may merely reach a level, past SQLAlchemy, which translates each value.

Their states are read as bytes, as they are decoded and hashed.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeAlias

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

_COLUMNS = "id, number, policy_id, title, facts, updated_at, {state}, seq, hash, row_hash"

_TICKETS = (
    " FROM ticket WHERE id {among_ids} AND quarantined_at IS NULL AND state <> ''"
    " AND policy_id IS NOT NULL"
    " AND NOT EXISTS (SELECT * FROM inbox WHERE inbox.ticket = ticket.number"
    f" AND inbox.state = '{WAITING}' AND inbox.current AND inbox.at <= {{now}}){{lock}}"
)
"""Whether a message waits is asked of the inbox, and not of its bells: a card hangs on it."""

_ON_SQLITE = {
    "state": "CAST(state AS BLOB)",
    "among_ids": "IN (SELECT value FROM json_each(?))",
    "now": "?",
    "lock": "",
}
_ON_POSTGRESQL = {
    "state": "convert_to(state, 'UTF8')",
    "among_ids": "= ANY (%s::bigint[])",
    "now": "%s",
    "lock": " FOR UPDATE OF ticket SKIP LOCKED",
}


def lock_tickets(
    connection: Connection, ids: Sequence[int], now: datetime
) -> Iterable[StoredTicket]:
    """Lock and return tickets for which no message waits, without those in quarantine.

    A message that is committed after the statement has begun comes by its own bell, as one that
    comes after the transaction.
    """
    rows = _select(connection, _COLUMNS, ids, now)
    if connection.dialect.name == "sqlite":
        return [(*row[:5], row[5] and from_bytes(row[5]), *row[6:]) for row in rows]
    return rows


def lock_row_hashes(
    connection: Connection, ids: Sequence[int], now: datetime
) -> dict[int, bytes | None]:
    """Lock the same tickets, and return only the hashes of their rows by id."""
    return dict(_select(connection, "id, row_hash", ids, now))


def _select(
    connection: Connection, columns: str, ids: Sequence[int], now: datetime
) -> Sequence[Any]:
    on_sqlite = connection.dialect.name == "sqlite"
    words, fetch = _ON_POSTGRESQL, binary.fetch_rows
    moment: Any = now
    if on_sqlite:
        words, fetch = _ON_SQLITE, _fetch_from_sqlite
        [moment] = translate_row(connection, [INBOX.c.at], {"at": now})
    listed = ",".join(map(str, ids))
    values = (f"[{listed}]" if on_sqlite else f"{{{listed}}}", moment)
    return fetch(connection, f"SELECT {columns}{_TICKETS}".format(**words), values)


def _fetch_from_sqlite(connection: Connection, statement: str, values: Sequence[Any]) -> list[Any]:
    return list(connection.exec_driver_sql(statement, tuple(values)).cursor.fetchall())
