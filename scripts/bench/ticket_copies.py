"""Very many tickets: a few hundred made by the rules, then copied by single SQL statements.

A copy is a ticket as the system writes it, under a number of its own, with its clocks, log,
notices and messages; only the log's hashes are those of the original. Rows are written
first and the indexes rebuilt afterwards, which is several times as fast.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import psycopg
from sqlmodel import SQLModel

import models.tables  # noqa: F401  (so that all are known)
from models.operations.first_anchor import list_heads
from scripts.bench.testbed import Testbed

TICKET_TABLES = tuple(
    str(table.name) for table in SQLModel.metadata.sorted_tables if "ticket_id" in table.columns
)
"""The tables with rows of a ticket."""

TABLES = ("inbox", *TICKET_TABLES, "ticket", "bell")
"""The tables with rows of a ticket or of its messages."""

# What a copy has of its own; `t` is the row that is copied, `k` the number of the copy.
_OWN: Mapping[str, Mapping[str, str]] = {
    "ticket": {
        "id": "t.id + k * {tickets}",
        "number": "t.number || '-' || k",
        "facts": "sha256(t.facts || int8send(k))",
        "state": "replace(t.state, '\"ticket\":\"' || t.number || '\"',"
        " '\"ticket\":\"' || t.number || '-' || k || '\"')",
    },
    "event": {"cause": "t.cause + k * {messages}"},
    "trace": {"hash": "sha256(t.hash || int8send(k))"},
    "notice": {"id": "t.id + k * {notices}"},
    "bell": {"row_id": "t.row_id + k * {tickets}"},
    "inbox": {
        "id": "t.id + k * {messages}",
        "message_id": "t.message_id || '-' || k",
        "ticket": "t.ticket || '-' || k",
    },
}


def copy_tickets(
    testbed: Testbed,
    first: int,
    count: int,
    until: datetime | None = None,
    over: timedelta = timedelta(),
    tables: Sequence[str] = TABLES,
) -> int:
    """Copy all tickets from the id `first` on until there are `count` of them; returns how many.

    None of them has a message waiting, and nobody else may be writing. With `until` the last copy
    was completed then and the others evenly `over` the time before; only what is text in them,
    state and details, still tells of the original's days. Rows of other `tables` are left out.
    """
    low: int
    high: int
    originals: int
    low, high, originals = testbed.sql(
        "SELECT min(id), max(id), count(*) FROM ticket WHERE id >= %s", [first]
    )[0]
    copies = max(0, count // originals - 1)
    if not copies:
        return originals
    numbers = {
        "tickets": high - low + 1,
        "notices": _span(testbed, "notice"),
        "messages": _span(testbed, "inbox"),
        "first": first,
        "high": high,
        "copies": copies,
        "moved": _moved(testbed, first, copies, until, over),
    }
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        # the widest first, so that none is left for the end
        for done in [threads.submit(_fill, testbed, table, numbers) for table in tables]:
            done.result()
    for table in ("ticket", "notice", "inbox"):
        testbed.sql(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
    if until is None:
        # no worker goes by a row whose hash is another one's; those of the archive no one looks at
        list_heads(testbed.store, after=first - 1)
    testbed.sql("VACUUM (ANALYZE) " + ", ".join(tables))
    return originals * (copies + 1)


def _fill(testbed: Testbed, table: str, numbers: Mapping[str, object]) -> None:
    """Copy the rows of one table, on a connection of its own."""
    with psycopg.connect(testbed.url, autocommit=True) as connection:

        def run(statement: str, parameters: Sequence[object] = ()) -> list[tuple[str, str]]:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

        # foreign keys are not checked row by row
        run("SET session_replication_role = replica")
        run("SET maintenance_work_mem = '512MB'")
        names = run(_COLUMNS, [table])
        moved = {n: f't."{n}"{numbers["moved"]}' for n, kind in names if kind == "timestamptz"}
        expressions = {**moved, "ticket_id": "t.ticket_id + k * {tickets}", **_OWN.get(table, {})}
        values = ", ".join(expressions.get(n, f't."{n}"') for n, _kind in names)
        quoted = ", ".join(f'"{n}"' for n, _kind in names)
        statement = (
            f"INSERT INTO {table} ({quoted}) SELECT {values}"
            f" FROM generate_series(1::bigint, {{copies}}) AS k CROSS JOIN {table} AS t"
            f" WHERE {_WHOSE.get(table, 't.ticket_id >= {first}')}"
        )
        run("UPDATE pg_index SET indisready = false WHERE indrelid = %s::regclass", [table])
        try:
            run(statement.format(**numbers))
        finally:
            run(f"REINDEX TABLE {table}")


def _moved(
    testbed: Testbed, first: int, copies: int, until: datetime | None, over: timedelta
) -> str:
    """Return the SQL of what is added to the moments of the `k`-th copy."""
    if until is None:
        return ""
    last = testbed.sql("SELECT max(completed_at) FROM ticket WHERE id >= %s", [first])[0][0]
    ahead = (until - last).total_seconds()
    each = over.total_seconds() / copies
    return f" + interval '1 second' * ({ahead} - ({copies} - k) * {each})"


_AT_ONCE = 2
_WHOSE = {
    "ticket": "t.id >= {first}",
    "bell": "t.queue = 'escalation' AND t.row_id >= {first}",
    "inbox": "t.ticket IN (SELECT number FROM ticket WHERE id BETWEEN {first} AND {high})",
}
_COLUMNS = (
    "SELECT attname, typname FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid"
    " WHERE attrelid = %s::regclass AND attnum > 0"
    " AND NOT attisdropped AND attgenerated = '' ORDER BY attnum"
)


def _span(testbed: Testbed, table: str) -> int:
    low, high = testbed.sql(f"SELECT min(id), max(id) FROM {table}")[0]
    return int(high - low + 1) if high else 1
