"""Very many tickets: a few hundred played through the rules, then copied by single statements.

A copy is a ticket as the system writes it, under a number of its own, with its clocks, log,
notices and messages; only the log's hashes are those of the ticket that it is a copy of.
"""

from collections.abc import Mapping

from sqlmodel import SQLModel

import models.tables  # noqa: F401  (so that all are known)
from scripts.bench.site import Site

OF_A_TICKET = tuple(
    str(table.name) for table in SQLModel.metadata.sorted_tables if "ticket_id" in table.columns
)
"""The tables that have rows of a ticket's, whatever they are by now."""

_TABLES = ("ticket", *OF_A_TICKET, "bell", "inbox")

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


def multiply(site: Site, first: int, count: int) -> int:
    """Copy all tickets from the id `first` on until there are `count` of them; returns how many.

    None of them has a message waiting, and nobody else may be writing.
    """
    low: int
    high: int
    here: int
    low, high, here = site.sql(
        "SELECT min(id), max(id), count(*) FROM ticket WHERE id >= %s", [first]
    )[0]
    copies = max(0, count // here - 1)
    if not copies:
        return here
    strides = {
        "tickets": high - low + 1,
        "notices": _span(site, "notice"),
        "messages": _span(site, "inbox"),
    }
    whose = {
        "ticket": "t.id >= {first}",
        "bell": "t.queue = 'escalation' AND t.row_id >= {first}",
        "inbox": "t.ticket IN (SELECT number FROM ticket WHERE id BETWEEN {first} AND {high})",
    }
    # the inbox first: as soon as there are copies of a ticket its number tells no longer which
    for table in reversed(_TABLES):
        where = whose.get(table, "t.ticket_id >= {first}")
        numbers = {**strides, "first": first, "high": high, "copies": copies}
        names = [r[0] for r in site.sql(_COLUMNS, [table])]
        own = {"ticket_id": "t.ticket_id + k * {tickets}", **_OWN.get(table, {})}
        values = [own.get(n, f't."{n}"') for n in names]
        quoted = ", ".join(f'"{n}"' for n in names)
        statement = (
            f"INSERT INTO {table} ({quoted}) SELECT {', '.join(values)}"
            f" FROM generate_series(1::bigint, {{copies}}) AS k CROSS JOIN {table} AS t"
            f" WHERE {where}"
        )
        site.sql(statement.format(**numbers), triggers=False)
    for table in ("ticket", "notice", "inbox"):
        site.sql(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
    site.sql("VACUUM (ANALYZE, FREEZE) " + ", ".join(_TABLES))
    return here * (copies + 1)


_COLUMNS = (
    "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
    " AND NOT attisdropped AND attgenerated = '' ORDER BY attnum"
)


def _span(site: Site, table: str) -> int:
    low, high = site.sql(f"SELECT min(id), max(id) FROM {table}")[0]
    return int(high - low + 1) if high else 1
