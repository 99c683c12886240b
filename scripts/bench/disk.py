"""P15: what a ticket takes of the disk after its whole life, against the bytes of its messages."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copy
from sqlite3 import Connection

import msgspec

from models.engines import sqlite_file, sqlite_module
from models.operations.changes import settle_waiting
from models.operations.inbox import add_messages
from models.operations.similar import add_all_bands
from models.rulebook import load_rulebook
from scripts.bench import workload
from scripts.bench.context import BenchContext
from scripts.bench.figures import Figure, Goal, Row
from scripts.bench.testbed import Testbed
from tests.store.factories import answer_bells

_TICKETS, _MESSAGES_EACH = 1_000, 7
_TOGETHER = 100
"""Tickets that live at the same time, and then leave to the next what a vacuum makes free."""

_MONTH = workload.shanghai_time("2026-06-01T08:30:00")
_DAYS, _ARCHIVED_AFTER = 60, 90
"""Days that are played one by one, and when the last ticket is in the archive."""
_A_YEAR = 240_000
"""Tickets of a large district."""

_LARGEST = 8
"""Tables and indexes that are named."""

_KEPT_FOR_A_TIME = ("notice", "matter_band")
"""Tables whose rows of old tickets are deleted, as the policy says when."""

Sizes = Mapping[tuple[str, str], float]
"""Bytes of tables and indexes, by the table and its own name."""


def measure_disk(bench: BenchContext) -> Row:
    """P15: the bytes that a store grows by for each of many tickets, on both databases."""
    figures: list[Figure] = []
    for name, databases in (("SQLite", bench.sqlite_testbed), ("PostgreSQL", bench.testbed)):
        bench.progress(f"P15: {name}")
        with databases("P15") as testbed:
            figures += _figures(name, testbed, bench.scaled(_TICKETS, 8))
    return Row("P15", figures)


def _figures(name: str, testbed: Testbed, tickets: int) -> Iterator[Figure]:
    with testbed.store.reading() as session:
        rulebook = load_rulebook(session)
    lives = workload.ticket_lives(rulebook, tickets * _MESSAGES_EACH, _MONTH)
    sent = sum(len(msgspec.json.encode(message)) for life in lives for message in life)
    before = _sizes(testbed)
    for together in _batches(lives):
        _live(testbed, together)
    after = _sizes(testbed)
    each = {what: (size - before.get(what, 0)) / len(lives) for what, size in after.items()}
    whole = sum(each.values())
    left = sum(size for (table, _name), size in each.items() if table not in _KEPT_FOR_A_TIME)
    messages, sent_each = "the bytes of its messages", [sent / len(lives)]
    most = Goal(most=3)
    yield Figure(f"a ticket on {name}", "B", [whole], messages, sent_each, most, _largest(each))
    what = f"a ticket on {name}, its notices deleted"
    yield Figure(what, "B", [left], messages, sent_each, most)
    yield Figure(f"a year of {_A_YEAR:,} tickets on {name}", "GB", [whole * _A_YEAR / 1e9])


def _live(testbed: Testbed, lives: Sequence[Sequence[workload.Body]]) -> None:
    """Play some tickets to their ends, day by day, and index what they say, as the service does."""
    numbers = [life[0]["ticket"] for life in lives]
    messages = sorted((m for life in lives for m in life), key=_at, reverse=True)
    for now in (_MONTH + timedelta(days=n) for n in (*range(_DAYS), _ARCHIVED_AFTER)):
        arrived = []
        while messages and _at(messages[-1]) <= now:
            arrived.append(messages.pop())
        with testbed.store.writing() as session:
            add_messages(session, "bench", arrived, now)
        with testbed.store.writing() as session:
            answer_bells(session, numbers, now)
        testbed.send_notices(now)
    add_all_bands(testbed.store, _MONTH)
    settle_waiting(testbed.store)
    if sqlite_file(testbed.settings.store_url) is None:
        testbed.sql("VACUUM (ANALYZE)")


def _at(message: workload.Body) -> datetime:
    return datetime.fromisoformat(message["at"])


def _batches(lives: Sequence[list[workload.Body]]) -> Iterator[Sequence[list[workload.Body]]]:
    for start in range(0, len(lives), _TOGETHER):
        yield lives[start : start + _TOGETHER]


def _largest(each: Sizes) -> str:
    """Name the largest tables and indexes, each with its bytes a ticket."""
    largest = sorted(each, key=lambda what: -each[what])[:_LARGEST]
    return ", ".join(f"{what[1]} {each[what]:,.0f}" for what in largest)


def _sizes(testbed: Testbed) -> Sizes:
    """Return the bytes of every table and index, each table with what of it lies elsewhere."""
    if (file := sqlite_file(testbed.settings.store_url)) is not None:
        return _sqlite_sizes(file)
    rows = testbed.sql(
        "SELECT coalesce(r.relname, c.relname), c.relname, pg_relation_size(c.oid)"
        " + CASE WHEN c.reltoastrelid <> 0 THEN pg_total_relation_size(c.reltoastrelid) ELSE 0 END"
        " FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid"
        " LEFT JOIN pg_class r ON r.oid = i.indrelid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i')"
    )
    return {(table, name): size for table, name, size in rows}


def _sqlite_sizes(file: Path) -> Sizes:
    """Return the bytes by table and index: of a copy one after the other is dropped."""
    sizes: dict[tuple[str, str], float] = {}
    with closing(sqlite_module().connect(file, isolation_level=None)) as store:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (dropped := file.with_suffix(".dropped")).unlink(missing_ok=True)
    copy(file, dropped)
    with closing(sqlite_module().connect(dropped, isolation_level=None)) as store:
        named = store.execute(
            "SELECT type, tbl_name, name FROM sqlite_schema WHERE sql IS NOT NULL"
            " AND name NOT LIKE 'sqlite_%' ORDER BY type"
        ).fetchall()
        for kind, table, name in named:
            before = _free_bytes(store)
            store.execute(f"DROP {kind} {name}")
            sizes[table, name] = _free_bytes(store) - before
    return sizes


def _free_bytes(store: Connection) -> int:
    (page,) = store.execute("PRAGMA page_size").fetchone()
    (free,) = store.execute("PRAGMA freelist_count").fetchone()
    return int(page * free)
