"""A side job that fails ends neither its process nor the others, and is tried again later."""

import logging
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

import workers.chores
import workers.similar
from models.clock import monotonic, system_clock
from models.database import Session, Store
from models.operations.pruning import NoticePruner
from models.operations.similar import add_bands, new_bands
from models.queries.similar import similar_tickets
from models.schema import WrongSchema
from models.security.encryption import Encrypted
from models.tables.core import ANCHOR, INBOX, SIMILARITY, TICKET
from tests.servers.key_value import KeyValueServer
from tests.store.factories import advance_tickets, at, feed, letter
from tests.workers.dispatching import YELLOW, yellow_cards
from tests.workers.processes import environment, process, wait_until
from tests.workers.test_similar_notices import calls
from workers.anchoring import Anchoring
from workers.chores import RESTS_FOR, Chore
from workers.housekeeping import Pruning
from workers.similar import SimilarityScan

NOW = at(YELLOW)


def test_a_job_that_fails_rests_and_is_told_each_time(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    later, done = 0.0, 0

    def job() -> None:
        nonlocal done
        done += 1
        if done < 3:
            raise ValueError("what a citizen wrote")

    monkeypatch.setattr(workers.chores, "monotonic", lambda: monotonic() + later)
    chore = Chore("the job", job)
    for turn in range(4):
        later = turn * RESTS_FOR
        chore()
        chore()
    assert (done, caplog.text.count("the job failed")) == (2 + 4, 2)
    assert "citizen" not in caplog.text


@pytest.mark.parametrize("error", [WrongSchema("newer"), OperationalError("", {}, OSError())])
def test_what_is_the_store_s_fault_is_raised(error: Exception) -> None:
    def job() -> None:
        raise error

    with pytest.raises(type(error)):
        Chore("the job", job)()


def _write_over(store: Store, ticket: str, value: str) -> None:
    with store.writing() as session:
        session.execute(text(f"UPDATE inbox SET {value} WHERE ticket = '{ticket}'"))


_ANOTHER_S = "body = (SELECT body FROM inbox WHERE ticket = 'P01' LIMIT 1)"


def test_letters_are_compared_beside_one_that_was_altered(store: Store) -> None:
    """It is like no other."""
    calls(store, ["P01", "P02", "P03"], NOW)
    at_infinity = "at = X'FF'" if store.has_one_writer else "at = 'infinity'"
    for value in (_ANOTHER_S, at_infinity):
        _write_over(store, "P02", value)
        with store.reading() as session:
            hashes = {row["ticket_id"]: row["hashes"] for row in new_bands(session, NOW, 9).rows}
            ids = {
                row.number: row.id for row in session.execute(select(TICKET.c.number, TICKET.c.id))
            }
        assert {number: bool(hashes[ids[number]]) for number in ids} == {
            "P01": True, "P02": False, "P03": True,
        }  # fmt: skip
    scan = SimilarityScan(store, lambda: NOW)
    for _turn in range(20):
        scan(0, "")
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(SIMILARITY)) == 3
        (group,) = similar_tickets(session, NOW - timedelta(days=1))
    assert [ticket.ticket for ticket in group.tickets] == ["P01", "P03"]


def test_a_letter_whose_key_has_not_come_is_compared_later(store: Store) -> None:
    calls(store, ["P01", "P02"], NOW)
    body = select(INBOX.c.body).where(INBOX.c.ticket == "P02").limit(1)
    with store.writing() as session:
        stored = session.scalar(body)
        assert stored is not None
        raw = stored.raw
        _put_body(session, bytes([raw[0] + 1]) + raw[1:])
    with store.writing() as session:
        bands = new_bands(session, NOW, 9).rows
        assert len(bands) == 1
        add_bands(session, bands)
    with store.reading() as session:
        assert new_bands(session, NOW, 9).rows == []
        assert similar_tickets(session, NOW - timedelta(days=1)) == []
    with store.writing() as session:
        _put_body(session, raw)
    with store.reading() as session:
        (left,) = new_bands(session, NOW, 9).rows
    assert left["hashes"]


def test_letters_without_their_key_keep_later_ones_from_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are looked at again after all others, a few at a time."""
    monkeypatch.setattr(workers.similar, "_LETTERS_PER_SCAN", 2)
    calls(store, [f"P{n:02}" for n in range(5)], NOW)
    body = select(INBOX.c.ticket, INBOX.c.body).where(INBOX.c.ticket < "P04").order_by(INBOX.c.id)
    with store.writing() as session:
        before = session.execute(body).all()
        for row in before:
            _put_body(session, bytes([row.body.raw[0] + 1]) + row.body.raw[1:], row.ticket)
    scan = SimilarityScan(store, lambda: NOW)
    assert _scanned(store, scan) == 1
    with store.writing() as session:
        for row in before:
            _put_body(session, row.body.raw, row.ticket)
    assert _scanned(store, scan) == 5


def _scanned(store: Store, scan: SimilarityScan) -> int:
    for _turn in range(200):
        scan(0, "")
    with store.reading() as session:
        return session.scalar(select(func.count()).select_from(SIMILARITY)) or 0


def _put_body(session: Session, raw: bytes, ticket: str = "P02") -> None:
    body = INBOX.update().where(INBOX.c.ticket == ticket).values(body=Encrypted(raw))
    session.execute(body)


def test_an_anchor_that_cannot_be_read_is_told(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    feed(store, [letter("A1", "2026-11-02T09:00")], at("2026-11-06T10:00"))
    anchoring = Anchoring(store, lambda: at("2026-11-06T10:00"), None)
    anchoring.anchor()
    unreadable = "X'FF'" if store.has_one_writer else "'infinity'"
    with store.writing() as session:
        session.execute(text(f"UPDATE anchor SET at = {unreadable}"))
        before = session.scalar(select(func.count()).select_from(ANCHOR))
    chore = Chore("anchoring", Anchoring(store, lambda: at("2026-11-08T10:00"), None))
    chore()
    assert "anchoring failed" in caplog.text
    assert "log --verify" in caplog.text
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(ANCHOR)) == before


def test_one_kind_that_cannot_be_pruned_keeps_no_other_from_it(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Files of the home go as well."""
    caplog.set_level(logging.INFO)
    yellow_cards(store, 2)
    unreadable = "X'FF'" if store.has_one_writer else "'infinity'"
    with store.writing() as session:
        session.execute(text(f"UPDATE notice SET queued_at = {unreadable}"))
    files: list[object] = []
    pruning = Pruning(store, lambda: NOW, lambda *given: files.append(given))
    for _turn in range(5):
        pruning._next = 0.0
        Chore("pruning", pruning)()
    assert caplog.text.count("pruning failed") == 1
    assert all(kind in caplog.text for kind in ("TextPruner", "UnbegunPruner", "AccessPruner"))
    assert len(files) == 1


@pytest.mark.store(databases=["sqlite"])
def test_a_worker_goes_on_beside_what_nobody_can_read(
    store: Store, tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """An anchor is looked at each few seconds."""
    now = system_clock()
    with key_value_server as server:
        feed(store, [letter("A1", (now - timedelta(hours=1)).isoformat())], now)
        advance_tickets(store, ["A1"], now)
        Anchoring(store, system_clock, None).anchor()
        with store.writing() as session:
            session.execute(text("UPDATE anchor SET at = X'FF'"))
        env, log = environment(tmp_path / "home", store.url, server.url), tmp_path / "log"
        with process("worker", env=env, log=log) as worker:
            wait_until(lambda: "anchoring failed" in log.read_text("utf-8"), 60, "the anchor read")
            later = letter("A2", (now - timedelta(hours=1)).isoformat())
            feed(store, [later], now)
            with process("timekeeper", env=env, log=tmp_path / "other"):
                wait_until(lambda: _has(store, "A2"), 60, "the next letter")
            assert worker.poll() is None


def _has(store: Store, number: str) -> bool:
    with store.reading() as session:
        return session.scalar(select(TICKET.c.id).where(TICKET.c.number == number)) is not None


def test_without_a_rulebook_nothing_is_pruned_and_all_is_later(store: Store) -> None:
    """No kind is passed over meanwhile."""
    with store.writing() as session:
        columns = "code, label, parent, position, version, names"
        session.execute(text(f"INSERT INTO topic ({columns}) VALUES ('x', 'x', '', 1, 1, '7')"))
    pruning = Pruning(store, lambda: NOW)
    kinds = list(pruning._pruners)
    for _turn in range(5):
        pruning._next = 0.0
        Chore("pruning", pruning)()
    assert pruning._pruners == kinds


def test_what_could_not_be_committed_is_pruned_again(store: Store) -> None:
    """Its kind has not come to its end, nor any further."""
    yellow_cards(store, 1)

    def fail(_connection: object) -> None:
        raise PoolTimeout

    pruning = Pruning(store, lambda: NOW)
    kinds = list(pruning._pruners)
    event.listen(store.engine, "commit", fail)
    try:
        pruning._next = 0.0
        pruning()
    finally:
        event.remove(store.engine, "commit", fail)
    assert pruning._pruners == kinds
    assert pruning._pruners[0] == NoticePruner()
    pruning._next = 0.0
    pruning()
    assert pruning._pruners == kinds[1:]
