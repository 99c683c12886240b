"""Bells that somebody took away are found, and set again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from time import sleep

import pytest
from sqlalchemy import delete, select, text, update

import workers.timekeeper
from models.clock import system_clock
from models.database import Session, Store
from models.operations import missing_bells
from models.operations.bells import claim_due, first_bells, mend_bells
from models.operations.missing_bells import Unrung, all_unrung, set_missing_bells
from models.operations.notices.outgoing import ready_notices
from models.rules.queues import DELIVERY, ESCALATION, INTAKE
from models.store_errors import is_unreadable
from models.tables.core import BELL, INBOX, NOTICE, TICKET
from tests.servers.key_value import KeyValueServer
from tests.store.factories import advance_tickets, at, feed, letter, message
from tests.workers.processes import environment, process, wait_until
from workers.broker import Bells, connect
from workers.housekeeping import MissingBells
from workers.timekeeper import Timekeeper

NOW = at("2026-11-02T10:00")


def _three_tickets_and_a_letter(store: Store) -> None:
    numbers = ["B1", "B2", "B3"]
    feed(store, [letter(number, "2026-11-02T09:00") for number in numbers], NOW)
    advance_tickets(store, numbers, NOW)
    feed(store, [letter("W1", "2026-11-02T09:30")], NOW)


pytestmark = pytest.mark.store(fill=_three_tickets_and_a_letter)


def _bells(store: Store) -> dict[tuple[str, int], object]:
    with store.reading() as session:
        rows = session.execute(select(BELL.c.queue, BELL.c.row_id, BELL.c.ring_at))
        return {(row.queue, row.row_id): row.ring_at for row in rows}


def _unrung(store: Store) -> list[Unrung]:
    with store.reading() as session:
        return list(all_unrung(session))


def _set(store: Store, rows: Sequence[Unrung]) -> int:
    with store.writing() as session:
        return set_missing_bells(session, rows, NOW)


def test_deleted_bells_are_set_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of waiting letters and of terms, each at its moment; those that are there stay."""
    monkeypatch.setattr(missing_bells, "_BATCH", 2)
    before = _bells(store)
    assert len(before) == 4
    assert _unrung(store) == []
    with store.writing() as session:
        session.execute(delete(BELL))
    unrung = _unrung(store)
    assert sorted((row.queue, row.ticket) for row in unrung) == [
        *((ESCALATION, number) for number in ("B1", "B2", "B3")),
        (INTAKE, "W1"),
    ]
    assert _set(store, unrung) == 4
    assert _bells(store) == before
    assert (_set(store, unrung), _unrung(store)) == (0, [])


def test_what_does_not_wait_gets_no_bell(store: Store) -> None:
    """A message handled since it was unrung, an older version of one, an archived ticket."""
    with store.writing() as session:
        session.execute(delete(BELL))
    unrung = _unrung(store)
    advance_tickets(store, ["W1"], NOW)
    with store.writing() as session:
        session.execute(update(TICKET).where(TICKET.c.number == "B1").values(status="archived"))
        session.execute(update(TICKET).where(TICKET.c.number == "B2").values(state="{"))
    feed(store, [message("B3", "unit.accepted", "2026-11-02T09:50")], NOW)
    with store.writing() as session:
        waiting = INBOX.c.state == "waiting"
        session.execute(delete(BELL).where(BELL.c.queue != ESCALATION))
        session.execute(update(INBOX).where(waiting).values(current=False))
    assert [row.ticket for row in _unrung(store)] == ["B3"]
    assert _set(store, unrung) == 1
    assert {queue for queue, _row in _bells(store)} == {ESCALATION}


def test_a_moment_long_past_rings_at_once(store: Store) -> None:
    """And is late from now on, not since its moment: nobody was told to look before."""
    with store.writing() as session:
        session.execute(delete(BELL))
    later = NOW + timedelta(days=100)
    with store.writing() as session:
        assert set_missing_bells(session, list(all_unrung(session)), later) == 4
    assert set(_bells(store).values()) == {later}


@pytest.mark.store(databases=["postgresql"], fill=_three_tickets_and_a_letter)
def test_a_row_that_a_worker_holds_is_left_to_it(store: Store) -> None:
    """The worker that has locked a ticket sets its bell itself."""
    with store.writing() as session:
        session.execute(delete(BELL))
    unrung = _unrung(store)
    with store.writing() as worker:
        worker.execute(select(TICKET.c.id).where(TICKET.c.number == "B1").with_for_update())
        assert _set(store, unrung) == 3
    assert [row.ticket for row in _unrung(store)] == ["B1"]


@pytest.mark.store(fill=_three_tickets_and_a_letter, databases=["sqlite"])
@pytest.mark.parametrize(
    "garbage", ["7", "'soon'", "X'FF'", "X'FFFFFFFFFF'", "X'FFFFFFFFFFFFFFFF'"]
)
@pytest.mark.parametrize("column", ["ring_at", "due_at"])
def test_a_bell_that_nobody_can_read_keeps_none_from_ringing(
    store: Store, column: str, garbage: str
) -> None:
    """SQLite keeps any value: it is dropped, and set again like one that is missing."""
    before = _bells(store)
    with store.writing() as session:
        session.execute(text(f"UPDATE bell SET {column} = {garbage} WHERE queue = 'intake'"))
        session.execute(text(f"UPDATE notice SET ring_at = {garbage} WHERE id = 1"))
    with store.writing() as session:
        assert mend_bells(session, NOW) == 2
        assert mend_bells(session, NOW) == 0
        assert session.scalar(select(NOTICE.c.ring_at).where(NOTICE.c.id == 1)) == NOW
    assert _set(store, _unrung(store)) == 1
    assert _bells(store) == before


@pytest.mark.store(fill=_three_tickets_and_a_letter, databases=["postgresql"])
@pytest.mark.parametrize("garbage", ["infinity", "-infinity", "20000-01-01"])
def test_so_does_a_bell_of_no_instant(store: Store, garbage: str) -> None:
    before = _bells(store)
    with store.writing() as session:
        session.execute(text(f"UPDATE bell SET ring_at = '{garbage}' WHERE queue = 'intake'"))
        assert mend_bells(session, NOW) == 1
    assert _set(store, _unrung(store)) == 1
    assert _bells(store) == before


@pytest.mark.parametrize("queue", [ESCALATION, DELIVERY])
def test_a_bell_that_would_never_be_due_is_noticed(store: Store, queue: str) -> None:
    """It may sort after all others, which are rung as if nothing were wrong."""
    garbage = "X'FFFFFFFFFF'" if store.has_one_writer else "'infinity'"
    with store.writing() as session:
        which = "notice WHERE id = 2" if queue == DELIVERY else f"bell WHERE queue = '{queue}'"
        table, _, condition = which.partition(" WHERE ")
        session.execute(text(f"UPDATE {table} SET ring_at = {garbage} WHERE {condition}"))
    with store.reading() as session, pytest.raises(Exception) as raised:
        first_bells(session)
    assert is_unreadable(raised.value)
    with store.writing() as session:
        assert mend_bells(session, NOW) == (1 if queue == DELIVERY else 3)
        assert first_bells(session)[DELIVERY] <= NOW
    assert len(_unrung(store)) == (0 if queue == DELIVERY else 3)


@pytest.mark.store(fill=_three_tickets_and_a_letter, databases=["sqlite"])
def test_rows_that_lost_their_bells_are_looked_for_at_once(
    store: Store, tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """A timekeeper that has dropped bells does not wait for its next search."""
    now = system_clock()
    with store.writing() as session:
        session.execute(delete(BELL))
        session.execute(delete(INBOX).where(INBOX.c.state == "waiting"))
    feed(store, [letter("W3", (now - timedelta(hours=1)).isoformat())], now)
    with key_value_server as server:
        env, log = environment(tmp_path / "home", store.url, server.url), tmp_path / "log"
        with process("timekeeper", env=env, log=log):
            # its first search has set the bells of the three tickets
            wait_until(lambda: len(_bells(store)) == 4, 60, "the first search")
            sleep(2)
            with store.writing() as session:
                session.execute(text("UPDATE bell SET ring_at = X'FFFFFFFFFF'"))
            mended = "bells that could not be read are set anew"
            wait_until(lambda: mended in log.read_text("utf-8"), 60, "mending")
            wait_until(lambda: len(_bells(store)) == 4, 60, "the search after mending")


@pytest.mark.parametrize("row_id", ["0", "-5"])
def test_a_bell_of_no_row_keeps_none_from_ringing(store: Store, row_id: str) -> None:
    """It is never rung: a worker answers no bells that name anything but rows."""
    _rung_but(store, row_id)


@pytest.mark.store(fill=_three_tickets_and_a_letter, databases=["sqlite"])
@pytest.mark.parametrize("row_id", ["'x'", "X'FF'", "1.5"])
def test_nor_does_a_bell_of_no_number(store: Store, row_id: str) -> None:
    """SQLite keeps a value of any type in any column."""
    _rung_but(store, row_id)


def test_a_notice_of_no_row_keeps_none_from_ringing(store: Store) -> None:
    """It is its own bell."""
    with store.writing() as session:
        session.execute(text("UPDATE notice SET id = -id WHERE id = 2"))
        others = session.scalars(select(NOTICE.c.id).where(NOTICE.c.id > 0)).all()
    with store.writing() as session:
        later = NOW + timedelta(seconds=31)
        due = claim_due(session, NOW, later, {DELIVERY: 500})
        assert sorted(due.ids[DELIVERY]) == sorted(others)
        assert first_bells(session)[DELIVERY] == later, "it is not due for ever"


def test_the_search_drops_bells_of_no_row(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with store.writing() as session:
        session.execute(text("UPDATE bell SET row_id = -row_id WHERE queue = 'intake'"))
    search = MissingBells(store, lambda: NOW)
    for _turn in range(5):
        search()
        sleep(0.11)
    assert _unrung(store) == []
    assert "bells that name no row are dropped: 1" in caplog.text
    assert all(row > 0 for _queue, row in _bells(store))


def test_two_timekeepers_mend_the_same_bell(
    store: Store,
    key_value_server: KeyValueServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever comes second finds nothing to mend, and rings."""
    garbage = "X'FFFFFFFFFF'" if store.has_one_writer else "'infinity'"
    with store.writing() as session:
        session.execute(text(f"UPDATE bell SET ring_at = {garbage} WHERE queue = 'escalation'"))

    def mended_by_another(session: Session, now: datetime) -> int:
        assert mend_bells(session, now) == 3
        return mend_bells(session, now)

    monkeypatch.setattr(workers.timekeeper, "mend_bells", mended_by_another)
    stop = Event()
    with key_value_server as server:
        broker = connect(server.url, store.cipher.store_id)
        keeper = Timekeeper(store, Bells(broker), lambda: NOW)
        keeper.run(stop, stop.set)
    assert (keeper.rung > 0, keeper.mended) == (True, 0)
    assert "set anew" not in caplog.text


def test_a_hold_without_an_end_is_none(store: Store) -> None:
    """PostgreSQL keeps infinite ones: the notice would never be sent."""
    until = "X'FFFFFFFFFF'" if store.has_one_writer else "'infinity'"
    with store.writing() as session:
        session.execute(text(f"UPDATE notice SET held_until = {until}"))
        rows = session.scalars(select(NOTICE.c.id)).all()
        assert [notice.row for notice in ready_notices(session, rows, NOW)] == sorted(rows)


def _rung_but(store: Store, row_id: str) -> None:
    before = _bells(store)
    feed(store, [letter("W2", "2026-11-02T09:31")], NOW)
    with store.writing() as session:
        first = session.scalar(select(INBOX.c.id).where(INBOX.c.ticket == "W1"))
        session.execute(
            text(f"UPDATE bell SET row_id = {row_id} WHERE queue = 'intake' AND row_id = {first}")
        )
    with store.writing() as session:
        due = claim_due(session, NOW, NOW, {INTAKE: 500})
        waiting = session.scalars(select(INBOX.c.id).where(INBOX.c.ticket == "W2")).all()
        assert due.ids == {INTAKE: waiting}
        assert mend_bells(session, NOW) == 1
    assert [row.ticket for row in _unrung(store)] == ["W1"]
    assert _set(store, _unrung(store)) == 1
    assert before.items() <= _bells(store).items()


@pytest.mark.store(fill=_three_tickets_and_a_letter, databases=["sqlite"])
def test_a_message_that_nobody_can_read_hides_no_other(store: Store) -> None:
    """It gets no bell, since nobody could answer that; those beside it do."""
    feed(store, [letter("W2", "2026-11-02T09:40")], NOW)
    with store.writing() as session:
        session.execute(delete(BELL))
        session.execute(text("UPDATE inbox SET at = 7 WHERE ticket = 'W1'"))
    assert sorted(row.ticket for row in _unrung(store)) == ["B1", "B2", "B3", "W2"]


def test_the_timekeeper_looks_at_once_after_it_has_dropped_bells(store: Store) -> None:
    """Otherwise a letter would wait for the next search, minutes later."""
    search = MissingBells(store, lambda: NOW)

    def look() -> int:
        for _turn in range(5):
            search()
            sleep(0.11)
        return len(_unrung(store))

    assert look() == 0
    with store.writing() as session:
        session.execute(delete(BELL))
    assert look() == 4, "the search has been through all, and rests"
    search.begin_anew()
    assert look() == 0
