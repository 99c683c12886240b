"""Read the tickets that may merely reach a level, past SQLAlchemy, which translates each value.

Their states are read as bytes, as they are decoded and hashed.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection

from models import binary_rows as binary
from models.bulk import translate_row
from models.rules.queues import MESSAGE_QUEUES
from models.tables.core import INBOX
from models.tables.inbox import WAITING
from models.tables.instants import from_bytes

StoredTicket: TypeAlias = tuple[
    int, str, str, str, bytes | None, datetime | None, bytes, int, bytes, bytes | None
]
"""The id, number, policy, title, facts, `updated_at`, state, `seq`, hash and `row_hash`.

A plain tuple: of those with names 100,000 take a tenth of a second more.
"""

_FEW = 1_000
_RUNG = " UNION ALL ".join(
    f"SELECT row_id FROM (SELECT row_id FROM bell WHERE queue = '{queue}'"
    f" ORDER BY ring_at LIMIT {_FEW + 1}) AS {queue}"
    for queue in MESSAGE_QUEUES
)
_WAITING = (
    f"SELECT ticket.id FROM ({_RUNG} LIMIT {_FEW + 1}) AS rung"
    f" LEFT JOIN inbox ON inbox.id = rung.row_id AND inbox.state = '{WAITING}'"
    " AND inbox.current AND inbox.at <= {now} LEFT JOIN ticket ON ticket.number = inbox.ticket"
)
"""The tickets for which messages with a bell wait, a row for each bell: every one has its own.

Where they are few this is faster than to look for each ticket's messages, which takes as long as to
read the ticket.
"""

_TICKETS = (
    "SELECT id, number, policy_id, title, facts, updated_at, {state}, seq, hash, row_hash"
    " FROM ticket WHERE id {among_ids} AND quarantined_at IS NULL AND state <> ''"
    " AND policy_id IS NOT NULL"
)
_NONE_WAITS = (
    " AND NOT EXISTS (SELECT * FROM inbox WHERE inbox.ticket = ticket.number"
    f" AND inbox.state = '{WAITING}' AND inbox.current AND inbox.at <= {{now}})"
)
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

    A message that is committed after the first statement has begun comes by its own bell, as one
    that comes after the transaction.
    """
    on_sqlite = connection.dialect.name == "sqlite"
    words, fetch = _ON_POSTGRESQL, binary.fetch_rows
    moment: Any = now
    if on_sqlite:
        words, fetch = _ON_SQLITE, _fetch_from_sqlite
        [moment] = translate_row(connection, [INBOX.c.at], {"at": now})
    rung = fetch(connection, _WAITING.format(**words), (moment,))
    waiting, are_many = {ticket for [ticket] in rung}, len(rung) > _FEW
    listed = ",".join(str(ticket) for ticket in ids if ticket not in waiting)
    values = [f"[{listed}]" if on_sqlite else f"{{{listed}}}"]
    statement = _TICKETS + _NONE_WAITS * are_many + "{lock}"
    rows = fetch(connection, statement.format(**words), values + [moment] * are_many)
    if on_sqlite:
        return [(*row[:5], row[5] and from_bytes(row[5]), *row[6:]) for row in rows]
    return rows


def _fetch_from_sqlite(connection: Connection, statement: str, values: Sequence[Any]) -> list[Any]:
    return list(connection.exec_driver_sql(statement, tuple(values)).cursor.fetchall())
