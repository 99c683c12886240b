"""A store of the first release, with data in it, is upgraded and goes on."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Boolean, Date, DateTime, MetaData, Table, text

from models.database import Store
from models.migrations import config_of, revision, upgrade
from models.operations.access import find
from models.queries.detail import ticket_detail
from models.queries.policies import policy_versions
from models.queries.verification import verify
from models.rules.vocabulary import UserRole
from models.schema import NEWEST
from models.security.encryption import Cipher
from models.security.keys import Key, KeyRing
from models.security.roles import Actor
from tests.store.factories import KEY, advance_tickets, at, feed, letter, log_of, message, row_of

KEPT = Path(__file__).parent / "kept" / "first_release.json"
"""A store of the first release: three tickets, one with a message waiting, one refused message."""


@pytest.fixture
def store(empty_database_url: str) -> Iterator[Store]:
    """The store as the first release left it, once on each database."""
    opened = Store(empty_database_url, Cipher(KeyRing((Key(KEY, binds=False),), 0)))
    try:
        command.upgrade(config_of(opened), "0001")
        with opened.engine.begin() as connection:
            meta = MetaData()
            meta.reflect(connection)
            tables = json.loads(KEPT.read_text("utf-8"))
            for table in meta.sorted_tables:
                if kept := tables.get(table.name):
                    connection.execute(table.insert(), list(_rows(table, kept)))
            if connection.dialect.name == "postgresql":
                for name in ("inbox", "ticket", "notice"):
                    last = f"(SELECT max(id) FROM {name})"
                    connection.execute(text(f"SELECT setval('{name}_id_seq', {last})"))
        yield opened
    finally:
        opened.close()


def _rows(table: Table, kept: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for row in kept["rows"]:
        pairs = zip(kept["columns"], row, strict=True)
        yield {name: _value(table.c[name].type, value) for name, value in pairs}


def _value(kind: object, value: Any) -> Any:
    match value, kind:
        case {"hex": digits}, _:
            return bytes.fromhex(digits)
        case str(), DateTime():
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        case str(), Date():
            return date.fromisoformat(value)
        case int(), Boolean():
            return bool(value)
    return value


def test_a_store_of_the_first_release_goes_on(store: Store) -> None:
    """Nothing of it is lost, its logs are whole, waiting messages are applied, people are found."""
    before = json.loads(KEPT.read_text("utf-8"))
    upgrade(store)
    assert revision(store) == NEWEST
    with store.reading() as session:
        versions = policy_versions(session)
    assert [version.number for version in versions] == [1]
    assert str(versions[0].holds_from) == "2023-01-01"
    result = verify(store)
    assert result.broken is None
    assert (result.tickets, result.lines) == (3, len(before["event"]["rows"]))
    who = Actor("wang", UserRole.OPERATOR)
    with store.writing() as session:
        for kind, value in (("phone", "13812340001"), ("identity", "440507199001011234")):
            assert find(session, who, kind, value, at("2026-11-06T11:00")) == ["O1"]
    assert row_of(store, "O1").status == "handling"
    advance_tickets(store, ["O1", "O2", "O3"], at("2026-11-06T11:00"))
    assert row_of(store, "O1").status == "submitted"
    feed(store, [letter("O4", "2026-11-06T10:30"),
                 message("O9", "unit.urged", "2026-11-06T10:30", text="快", by="王")],
         at("2026-11-06T11:00"))  # fmt: skip
    advance_tickets(store, ["O1", "O2", "O3", "O4"], at("2026-12-01T09:00"))
    assert row_of(store, "O4").level == "red"
    assert len(log_of(store, "O2")) >= sum(r[0] == 2 for r in before["event"]["rows"])
    assert verify(store).broken is None
    with store.reading() as session:
        assert ticket_detail(session, "O1").claimant.name == "旧**"
        assert "138****0001" in ticket_detail(session, "O1").content
