"""The driver of SQLite and our values: what it makes of them, and what else it finds is read as."""

from typing import Any

import pytest
from sqlalchemy import select, text

from models.database import Store
from models.engines import sqlite_module
from models.operations.processes import report_process
from models.rules.vocabulary import LISTS, Status
from models.tables.core import PROCESS
from tests.store.factories import at

NOW = at("2026-11-23T08:30")

KINDS = [
    *((b"", "blob"), (b"\0\xff", "blob"), (None, "null")),
    *((Status.HANDLING, "text"), (7, "integer")),
]
ADAPTED = [b"\0\xff", None, *(next(iter(codes)) for codes in LISTS)]


@pytest.mark.parametrize(("value", "kind"), KINDS)
def test_a_value_is_stored_as_it_is(value: Any, kind: str) -> None:
    connection = sqlite_module().connect(":memory:")
    ((stored, its_kind),) = connection.execute("SELECT ?, typeof(?)", (value, value)).fetchall()
    assert (stored, its_kind) == (value, kind)


@pytest.mark.parametrize("value", ADAPTED, ids=lambda value: type(value).__name__)
def test_the_driver_finds_at_once_what_a_value_becomes(value: Any) -> None:
    """Otherwise it looks for a method of each value that is neither number nor text: 0.7 µs."""
    module = sqlite_module()
    adapted = module.adapters[type(value), module.PrepareProtocol](value)
    assert adapted == value
    assert type(adapted) in (bytes, type(None), str)


@pytest.mark.store(databases=["sqlite"])
def test_bytes_in_a_column_of_texts_are_read_as_a_mark(store: Store) -> None:
    """Whoever reads a list of rows meets no other type than the columns have."""
    with store.writing() as session:
        report: dict[str, Any] = {"name": "a", "role": "worker", "started_at": NOW, "doing": ""}
        report_process(session, NOW, **report, lateness_ms=0, done=0, failed=0)
        session.execute(text("UPDATE process SET role = x'776f726b6572'"))
        assert session.scalar(select(PROCESS.c.role)) == "(?)"
        assert session.scalar(select(PROCESS.c.started_at)) == NOW, "which are bytes on SQLite"
