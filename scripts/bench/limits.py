"""Limits: the rows that the service wrote, written again by SQL alone."""

from collections.abc import Sequence
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from models.clock import monotonic
from scripts.bench.ticket_copies import TICKET_TABLES

MESSAGE_TABLES = ("inbox", "ticket_salt")
"""The tables that a message is stored in when it comes."""

TABLES = (*MESSAGE_TABLES, "ticket", *TICKET_TABLES, "bell")
_BATCH = 1_000

WHEN_STORED = {"state": "waiting", "outline": None, "outline_hash": None}
"""The values of a waiting message in the columns that are written when it is applied."""

Batch = dict[str, list[dict[str, Any]]]
"""The rows of some tickets, by table."""


def read_rows(url: str, first: int, last: int) -> list[Batch]:
    """The rows of the tickets with these ids, in batches of a thousand tickets."""
    batches = []
    with psycopg.connect(url) as connection:
        for start in range(first, last + 1, _BATCH):
            span = (start, min(start + _BATCH - 1, last))
            batches.append({table: _rows(connection, table, span) for table in TABLES})
    return batches


def _rows(
    connection: psycopg.Connection[Any], table: str, span: tuple[int, int]
) -> list[dict[str, Any]]:
    among: dict[str, LiteralString] = {
        "ticket": "id BETWEEN %s AND %s",
        "bell": "queue = 'escalation' AND row_id BETWEEN %s AND %s",
    } | dict.fromkeys(
        MESSAGE_TABLES, "ticket IN (SELECT number FROM ticket WHERE id BETWEEN %s AND %s)"
    )
    where = among.get(table, "ticket_id BETWEEN %s AND %s")
    query = sql.SQL("SELECT * FROM {} WHERE ").format(sql.Identifier(table)) + sql.SQL(where)
    return connection.cursor(row_factory=dict_row).execute(query, span).fetchall()


def copy_rows(url: str, batches: Sequence[Batch]) -> float:
    """Seconds that one connection takes to write these rows: a COPY a table and a thousand tickets.

    As in the service a message is stored first, and marked as applied with what came of it.
    """
    began = monotonic()
    with psycopg.connect(url, autocommit=True) as connection:
        for batch in batches:
            _write(connection, batch)
    return monotonic() - began


def _write(connection: psycopg.Connection[Any], batch: Batch) -> None:
    messages = batch["inbox"]
    with connection.transaction():
        _copy(connection, "inbox", [row | WHEN_STORED for row in messages])
        _copy(connection, "ticket_salt", batch["ticket_salt"])
    with connection.transaction():
        for table in TABLES:
            if batch[table] and table not in MESSAGE_TABLES:
                _copy(connection, table, batch[table])
        connection.execute(
            "UPDATE inbox SET state = new.state, outline = new.outline,"
            " outline_hash = new.outline_hash"
            " FROM unnest(%b::bigint[], %b::text[], %b::bytea[], %b::bytea[])"
            " AS new (id, state, outline, outline_hash) WHERE inbox.id = new.id",
            [[row[name] for row in messages] for name in ("id", *WHEN_STORED)],
        )


def _copy(connection: psycopg.Connection[Any], table: str, rows: Sequence[dict[str, Any]]) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, rows[0]))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
    with connection.cursor().copy(statement) as copy:
        for row in rows:
            copy.write_row(list(row.values()))
