"""A store is carried row by row: to another database and back it is the same, its chain whole."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, type_coerce
from sqlalchemy.types import NULLTYPE

from models.database import Store
from models.migrations import lay_tables
from models.operations.anchors import make_anchor
from models.operations.store_copy import (
    StoreNotEmpty,
    StreamUnusable,
    TableEnd,
    dump_store,
    load_store,
)
from models.operations.store_secret import unlock
from models.queries.verification import verify
from models.rules.packing import is_packed_json
from models.schema import NEWEST
from models.security.encryption import Cipher, KeyUnusable
from models.store_rows import is_empty
from models.tables.core import CHANNEL, EVENT
from tests.servers.postgres import Databases
from tests.store.factories import KEY, RESULT, advance_tickets, at, feed, letter, message

NOW = at("2026-11-20T09:00")


def _fill(store: Store) -> None:
    feed(
        store,
        [
            letter("E1", "2026-11-02T09:00:00+08:00", content="两行\n\t“引号” \\ \u2028"),
            message("E1", "unit.accepted", "2026-11-02T10:00:00+08:00"),
            message("E1", "result.submitted", "2026-11-03T10:00:00+08:00", **RESULT),
            letter("E2", "2026-11-19T09:00:00+08:00"),
        ],
        NOW,
    )
    advance_tickets(store, ["E1"], NOW)
    with store.writing() as session:
        assert make_anchor(session, NOW) is not None
        session.execute(insert(CHANNEL).values(name="file", allowance=0.1, counted_at=NOW))


pytestmark = pytest.mark.store(fill=_fill, shared=True)


@pytest.fixture
def other(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty database of the other kind, with the same key."""
    if database == "postgresql":
        url, drop = f"sqlite:///{tmp_path / 'other.db'}", None
    else:
        server: Databases = request.getfixturevalue("postgres_server")
        name = server.create("template1")
        url, drop = server.url(name, "postgresql+psycopg"), lambda: server.drop(name)
    with closing(Store(url, Cipher([KEY]))) as target:
        yield target
    if drop is not None:
        drop()


def _dump(store: Store) -> list[bytes]:
    with store.reading(snapshot=True) as session:
        return list(dump_store(session, NEWEST, NOW))


def _load(store: Store, lines: list[bytes]) -> list[TableEnd]:
    lay_tables(store)
    with store.writing() as session:
        return load_store(session, iter(lines), NEWEST)


def _packed_lines(store: Store) -> int:
    with store.reading() as session:
        stored: list[Any] = [*session.scalars(select(type_coerce(EVENT.c.data, NULLTYPE)))]
    return sum(isinstance(data, bytes) and is_packed_json(data) for data in stored)


def test_a_store_of_the_other_database_is_equal(store: Store, other: Store) -> None:
    """Every line is the same there, the chain is whole, and tickets go on where they stood."""
    lines = _dump(store)
    ends = {end.table: end.rows for end in _load(other, lines)}
    assert (ends["ticket"], ends["inbox"]) == (1, 4) and ends["event"] > 5
    assert _dump(other) == lines
    assert _packed_lines(other) == _packed_lines(store) > 5
    unlock(other)
    assert verify(other).findings == []
    advance_tickets(other, ["E2"], NOW)
    feed(other, [letter("E3", "2026-11-19T09:00:00+08:00")], NOW)
    advance_tickets(other, ["E3"], NOW)
    assert verify(other).findings == [] and verify(other).tickets == 3
    with other.writing() as session, pytest.raises(StoreNotEmpty):
        load_store(session, iter(lines), NEWEST)


def test_what_is_no_whole_store_leaves_nothing(store: Store, other: Store) -> None:
    """Cut short, altered, of another shape, or under another key."""
    lines = _dump(store)
    row = next(n for n, line in enumerate(lines) if line.startswith(b"["))
    for damaged in (
        [],
        lines[:-1],
        lines[: row + 1] + lines[row + 2 :],
        [*lines[:row], lines[row].replace(b"1", b"2", 1), *lines[row + 1 :]],
        [*lines[:row], b"[1]", *lines[row + 1 :]],
        [lines[0].replace(NEWEST.encode(), b"0001"), *lines[1:]],
    ):
        with pytest.raises(StreamUnusable):
            _load(other, damaged)
    with closing(Store(other.url, Cipher([bytes(32)]))) as foreign, pytest.raises(KeyUnusable):
        _load(foreign, lines)
    with other.reading() as session:
        assert is_empty(session)
