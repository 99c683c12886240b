"""P16: intake and storm on SQLite, the embedded database, which has one writer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from models.clock import monotonic
from models.database import Store
from scripts.bench import intake, storm
from scripts.bench.context import BenchContext
from scripts.bench.figures import Figure, Goal, Row
from scripts.bench.limits import WHEN_STORED
from scripts.bench.testbed import DECIDING, Testbed
from scripts.bench.ticket_copies import TICKET_TABLES

CROSSING = 20_000
"""Of 5,000 much of the time would be the start."""
_LIMIT = "L: the same rows by executemany of tuples, 1 connection"

_BELLS = "SELECT * FROM {}.bell WHERE queue = 'escalation' AND row_id {}"

Rows = list[dict[str, Any]]
Write = tuple[str, list[tuple[Any, ...]]]
"""A statement, and the values of each of its rows."""

Batch = list[Write]
"""What is written in one transaction."""


def measure_sqlite(bench: BenchContext) -> Row:
    """P16: letters and levels on SQLite, against the same rows written by SQL alone."""
    return Row("P16", [_letters(bench), _levels(bench)])


def _letters(bench: BenchContext) -> Figure:
    """From a file to dispatched, as P3."""
    count = bench.scaled(intake.LETTERS, 100)
    rates, limit, rows = [], [], 0
    with bench.sqlite_testbed("P16") as testbed, bench.sqlite_testbed("P16-limit") as other:
        testbed.start(DECIDING)
        for run in range(bench.runs):
            bench.progress(f"P16: run {run + 1}, {count:,} letters")
            file = intake.letters_file(testbed, f"R{run}-", count)
            rates.append(count / intake.seconds_to_apply(testbed, file))
            batches = letters_written(testbed.store, run * count, (run + 1) * count)
            limit.append(count / seconds_to_write(other.store, batches))
            rows = _count(batches)
    return _figure("letters from a file to dispatched", count, rates, limit, rows)


def _levels(bench: BenchContext) -> Figure:
    """At half past eight, as P4, on a new store each time."""
    count = bench.scaled(CROSSING, 100)
    rates, limit, rows = [], [], 0
    for run in range(bench.runs):
        bench.progress(f"P16: run {run + 1}, {count:,} tickets cross a level")
        with bench.sqlite_testbed("P16") as testbed:
            storm.play_crossing(testbed, count)
            before = copy_of(testbed)
            rates.append(count / storm.run_until_crossed(testbed, count))
            batches = levels_written(testbed.store, before)
            with closing(Store(f"sqlite:///{before}", testbed.store.cipher)) as other:
                limit.append(count / seconds_to_write(other, batches))
            rows = _count(batches)
    return _figure("tickets that cross a level", count, rates, limit, rows)


def _figure(what: str, count: int, rates: list[float], limit: list[float], rows: int) -> Figure:
    note = f"{count:,} tickets, {rows / count:.1f} rows each"
    what = f"{what}, SQLite, synchronous=FULL, 2 workers"
    return Figure(what, "tickets/s", rates, _LIMIT, limit, Goal(least=0.5), note)


def seconds_to_write(store: Store, batches: Sequence[Batch]) -> float:
    """Seconds that one connection of the store takes to write these rows, durable as any other."""
    with closing(store.engine.raw_connection()) as connection:
        cursor = connection.cursor()
        began = monotonic()
        for batch in batches:
            cursor.execute("BEGIN IMMEDIATE")
            for statement, rows in batch:
                cursor.executemany(statement, rows)
            cursor.execute("COMMIT")
        return monotonic() - began


def letters_written(store: Store, after: int, last: int) -> list[Batch]:
    """Return what wrote the tickets of these ids: their messages, and then all that came of them.

    As in the service a message is stored first, and marked as applied with what was read in it.
    """
    batches = []
    with _reading(store) as read:
        for first in range(after, last, store.batch_size):
            end = min(first + store.batch_size, last)
            ids = f"BETWEEN {first + 1} AND {end}"
            numbers = f"ticket IN (SELECT number FROM ticket WHERE id {ids})"
            messages = read(f"SELECT * FROM inbox WHERE {numbers}")
            batches.append([
                _insert("inbox", [row | WHEN_STORED for row in messages]),
                _insert("ticket_salt", read(f"SELECT * FROM ticket_salt WHERE {numbers}")),
            ])  # fmt: skip
            written = {"ticket": read(f"SELECT * FROM ticket WHERE id {ids}")}
            for table in TICKET_TABLES:
                written[table] = read(f"SELECT * FROM {table} WHERE ticket_id {ids}")
            written["bell"] = read(_BELLS.format("main", ids))
            batch = [_insert(table, rows) for table, rows in written.items() if rows]
            batches.append([*batch, _update("inbox", list(WHEN_STORED), ["id"], messages)])
    return batches


def levels_written(store: Store, before: Path) -> list[Batch]:
    """Return what has changed in a store since it was copied to this file: levels were reached."""
    batches = []
    with _reading(store) as read:
        read(f"ATTACH '{before}' AS former")
        old, new = (
            read(f"SELECT t.* FROM {schema}.ticket t JOIN former.ticket f USING (id)"
                 " JOIN main.ticket n USING (id) WHERE n.seq > f.seq ORDER BY id")
            for schema in ("former", "main")
        )  # fmt: skip
        pairs = list(zip(old, new, strict=True))
        changed = [name for name in new[0] if any(a[name] != b[name] for a, b in pairs)]
        for first in range(0, len(new), store.batch_size):
            tickets = new[first : first + store.batch_size]
            ids = f"BETWEEN {tickets[0]['id']} AND {tickets[-1]['id']}"
            later = f"JOIN former.ticket f ON f.id = t.ticket_id WHERE t.seq > f.seq AND f.id {ids}"
            set_again = read(_BELLS.format("main", ids))
            kept = {bell["row_id"] for bell in set_again}
            former = read(_BELLS.format("former", ids))
            gone = [bell for bell in former if bell["row_id"] not in kept]
            lines = [(t, read(f"SELECT t.* FROM main.{t} t {later}")) for t in ("event", "notice")]
            batch = [_insert(table, rows) for table, rows in lines]
            batch.append(_update("ticket", changed, ["id"], tickets))
            batch.append(_update("bell", ["due_at", "ring_at"], ["row_id", "queue"], set_again))
            batch.append(_delete("bell", ["row_id", "queue"], gone))
            batches.append(batch)
    return batches


def copy_of(testbed: Testbed) -> Path:
    """Copy the store of a testbed to another file."""
    copy = testbed.settings.home / "copy.db"
    with _reading(testbed.store) as read:
        read(f"VACUUM INTO '{copy}'")
    return copy


@contextmanager
def _reading(store: Store) -> Iterator[Callable[[str], Rows]]:
    """Give a function that returns a statement's rows."""
    with closing(store.engine.raw_connection()) as connection:
        cursor = connection.cursor()

        def read(statement: str) -> Rows:
            rows = cursor.execute(statement).fetchall()
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in rows]

        yield read


def _insert(table: str, rows: Rows) -> Write:
    names = list(rows[0])
    quoted, marks = ", ".join(map(_quoted, names)), ", ".join("?" * len(names))
    return f"INSERT INTO {table} ({quoted}) VALUES ({marks})", _tuples(names, rows)


def _update(table: str, names: Sequence[str], key: Sequence[str], rows: Rows) -> Write:
    sets, where = _equal(", ", names), _equal(" AND ", key)
    return f"UPDATE {table} SET {sets} WHERE {where}", _tuples([*names, *key], rows)


def _delete(table: str, key: Sequence[str], rows: Rows) -> Write:
    return f"DELETE FROM {table} WHERE {_equal(' AND ', key)}", _tuples(key, rows)


def _equal(between: str, names: Sequence[str]) -> str:
    return between.join(f"{_quoted(name)} = ?" for name in names)


def _quoted(name: str) -> str:
    return f'"{name}"'


def _tuples(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def _count(batches: Sequence[Batch]) -> int:
    return sum(len(rows) for batch in batches for _statement, rows in batch)
