"""The frequent statements read by index on PostgreSQL, however large the store is."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, make_url, text

from models.database import Store
from models.operations.bells import claim_due, first_bells
from models.operations.missing_bells import BellSearch
from models.operations.notices.outgoing import ready_notices
from models.operations.notices.record import record_outcomes
from models.rules.queues import QUEUES
from tests.store.factories import advance_tickets, at, feed, letter, message

NOW = at("2026-11-02T10:00")
_OTHERS = 20_000
_BIG = ("ticket", "clock", "event", "notice", "inbox", "bell")


def _many_tickets(store: Store) -> None:
    """Twenty thousand of which nothing is due, and ten to work with."""
    feed(store, [letter("A0", "2026-11-02T09:00")], NOW)
    advance_tickets(store, ["A0"], NOW)
    _multiply(store)
    feed(store, [letter(f"B{n}", "2026-11-02T09:30") for n in range(10)], NOW)


pytestmark = pytest.mark.store(databases=["postgresql"], fill=_many_tickets)


def _multiply(store: Store) -> None:
    copies = f"generate_series(1, {_OTHERS}) AS k"
    with store.engine.begin() as connection:
        for table in _BIG:
            names = [
                row[0]
                for row in connection.execute(
                    text(
                        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(:t)"
                        " AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
                    ),
                    {"t": table},
                )
            ]
            expressions = {
                "id": "t.id + k * 100",
                "ticket_id": "t.ticket_id + k * 100",
                "row_id": "t.row_id + k * 100",
                "number": "t.number || '-' || k",
                "ticket": "t.ticket || '-' || k",
                "message_id": "t.message_id || '-' || k",
                "facts": "sha256(t.facts || int4send(k))",
            }
            quoted = ", ".join(f'"{n}"' for n in names)
            values = ", ".join(expressions.get(n, f't."{n}"') for n in names)
            connection.execute(
                text(f"INSERT INTO {table} ({quoted}) SELECT {values} FROM {table} t, {copies}")
            )
        connection.execute(text("UPDATE notice SET state = 'sent'"))
        for table in ("ticket", "notice", "inbox"):
            connection.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
                )
            )
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


@contextmanager
def _statements(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """Collect the statements that are sent to the database in the block."""
    sent: list[tuple[str, Any]] = []

    def before(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    engines = {store.engine, store._read}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", before)
    yield sent
    for engine in engines:
        event.remove(engine, "before_cursor_execute", before)


def _scans(store: Store, sent: Sequence[tuple[str, Any]]) -> list[str]:
    """The statements that read a whole big table, with the plan."""
    url = make_url(store.url).set(drivername="postgresql").render_as_string(hide_password=False)
    scans = []
    with psycopg.connect(url) as connection:
        for statement, parameters in sent:
            if not statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT")):
                continue
            plan = "\n".join(
                row[0] for row in connection.execute(f"EXPLAIN {statement}", parameters)
            )
            if any(f"Seq Scan on {table} " in plan for table in _BIG):
                scans.append(f"{statement}\n{plan}")
    return scans


def test_looking_and_claiming_read_by_index(store: Store) -> None:
    """The timekeeper's look and its claim touch what is due and nothing else."""
    with _statements(store) as sent:
        with store.reading() as session:
            assert first_bells(session)["intake"] == NOW
        with store.writing() as session:
            due = claim_due(session, NOW, NOW + timedelta(seconds=30), dict.fromkeys(QUEUES, 5000))
    assert len(due.ids["intake"]) == 10
    assert len(sent) > len(QUEUES)
    assert not _scans(store, sent)


def test_the_search_for_missing_bells_reads_by_index(store: Store) -> None:
    """A batch of it touches the rows of that batch and their bells."""
    search = BellSearch()
    with _statements(store) as sent, store.reading() as session:
        while not search.ended:
            assert search.next_batch(session) == []
    assert len(sent) > 40
    assert not _scans(store, sent)


def test_carrying_on_reads_by_index(store: Store) -> None:
    """Letters, an acceptance and a level each touch only the tickets that they are of."""
    numbers = [f"B{n}" for n in range(10)]
    with _statements(store) as sent:
        assert advance_tickets(store, numbers, NOW).tickets == 10
        feed(store, [message("B1", "unit.accepted", "2026-11-02T10:00")], NOW)
        advance_tickets(store, numbers, NOW)
        assert advance_tickets(store, numbers, NOW + timedelta(days=30)).tickets == 10
        ids = list(range(1, 200))
        with store.writing() as session:
            notices = ready_notices(session, ids, NOW)
            record_outcomes(session, {notice.row: None for notice in notices}, "file", NOW)
    assert len(sent) > 20
    assert not _scans(store, sent)


def test_a_late_message_reads_by_index(store: Store) -> None:
    """Telling a life anew reads that life."""
    numbers = ["B1"]
    advance_tickets(store, numbers, NOW + timedelta(days=30))
    feed(store, [message("B1", "unit.accepted", "2026-11-02T10:00")], NOW + timedelta(days=30))
    with _statements(store) as sent:
        advance_tickets(store, numbers, NOW + timedelta(days=30))
    assert not _scans(store, sent)
