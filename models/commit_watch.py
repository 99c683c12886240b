"""Notice commits of other processes, cheaply enough to ask ten times a second."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, Self

from models.session import Session

_COUNTED = 1 << 31
"""SQLite's number of a file has 32 bits, one of them for the sign."""

_NEVER_LOOKED_AT = 1_000
"""Transactions after which nobody looks at whose they were."""

_XIDS = 1 << 32
"""PostgreSQL keeps the lower half of a transaction's number with the rows that it wrote."""


class _Cursor(Protocol):
    def execute(self, query: Any, /) -> Any: ...

    def fetchone(self) -> Any: ...


@contextmanager
def counting_commits(session: Session) -> Iterator[None]:
    """Count a transaction on SQLite in the file's own number, if it has written anything."""
    connection = session.connection()
    driver: Any = connection.connection.dbapi_connection
    before = driver.total_changes
    yield
    if connection.closed:
        # rolled back by whoever only wanted to see what would change
        return
    session.flush()
    if driver.total_changes != before:
        count = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        connection.exec_driver_sql(f"PRAGMA user_version = {(count + 1) % _COUNTED}")


class SQLiteWatch:
    """Reads the number of transactions that were more than a process's report."""

    def ask(self, cursor: _Cursor) -> object:
        """Return a value that differs once a transaction has been committed, reports excepted."""
        cursor.execute("PRAGMA user_version")
        return cursor.fetchone()


_REPORTS = (
    "ARRAY(SELECT xmin::text::bigint FROM process UNION ALL"
    " (SELECT xmin::text::bigint FROM sample ORDER BY at DESC LIMIT 50))"
)
"""The transactions by which processes last reported that they run, and what they did."""


class PostgresWatch:
    """Counts the times at which transactions had ended that were more than a process's report.

    PostgreSQL counts no commits, but what a query may see changes with every writing transaction.
    Processes report every few seconds that they run and what they did, each in transactions of
    their own, by whose numbers their rows in `process` and `sample` are marked.
    """

    def __init__(self) -> None:
        self._seen: TransactionSnapshot | None = None
        self._count = 0

    def ask(self, cursor: _Cursor) -> object:
        """Return a value that differs once a transaction has been committed, reports excepted."""
        cursor.execute("SELECT pg_current_snapshot()::text")
        if self._seen is None or cursor.fetchone()[0] != self._seen.text:
            cursor.execute(f"SELECT pg_current_snapshot()::text, {_REPORTS}")
            text, reports = cursor.fetchone()
            before, self._seen = self._seen, TransactionSnapshot.read(text)
            if before is None or self._seen.shows_more_than(before, reports):
                self._count += 1
        return self._count


@dataclass(frozen=True, slots=True)
class TransactionSnapshot:
    """Which transactions a query sees: those before `end` but for the `running` ones."""

    text: str
    begin: int
    end: int
    running: frozenset[int]

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a `pg_snapshot`: `10:20:10,14` for all before 20 but for 10 and 14."""
        begin, end, listed = text.split(":")
        running = frozenset(map(int, listed.split(","))) if listed else frozenset()
        return cls(text, int(begin), int(end), running)

    def shows_more_than(self, before: Self, reports: list[int]) -> bool:
        """Return whether it sees a transaction that an earlier one did not, `reports` excepted."""
        if self.end - before.begin > _NEVER_LOOKED_AT:
            return True
        numbers = range(before.begin, self.end)
        ended = {n % _XIDS for n in numbers if self._sees(n) and not before._sees(n)}
        return not ended.issubset(reports)

    def _sees(self, number: int) -> bool:
        return number < self.end and number not in self.running
