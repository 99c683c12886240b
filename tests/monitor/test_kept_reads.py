"""What nobody has changed is neither read nor drawn again; what somebody has changed is."""

from datetime import timedelta
from threading import Event

import pytest
from sqlalchemy import event, update

from models.commit_watch import TransactionSnapshot
from models.database import Session, Store
from models.operations.claims import claim
from models.operations.processes import report_process
from models.operations.samples import record_sample
from models.queries.ticket_filter import TicketFilter
from models.queries.ticket_list import count_tickets
from models.rules.vocabulary import Queue, UserRole
from models.security.roles import Actor
from models.tables.core import TICKET
from monitor.app import MonitorApp
from monitor.background import CachedRead
from monitor.filters import Filter, read_filter
from monitor.formatting import DEFAULT_OFFICE
from monitor.snapshot import SnapshotRequest
from monitor.snapshot_reader import SnapshotReader
from monitor.ticket_pages import Viewport
from tests.monitor.driving import press, wait_for_refresh, wait_until
from tests.monitor.scene import NOW, fill_scene, screen_text

pytestmark = pytest.mark.store(fill=fill_scene, shared=True)

_HER = Actor("林小燕", UserRole.SUPERVISOR)
_LIST = SnapshotRequest(viewport=Viewport(0, 10, None, 0), preview=True)


def _report(store: Store) -> None:
    with store.writing(is_report=True) as session:
        report_process(session, NOW, name="worker@desk:9", role="worker", started_at=NOW,
                       doing="", lateness_ms=0, done=1, failed=0)  # fmt: skip
    with store.writing(is_report=True) as session:
        record_sample(session, "worker@desk:9", {Queue.CONTACT: 2}, {}, NOW, NOW, 1.0)


def _claim(store: Store, number: str) -> None:
    with store.writing() as session:
        claim(session, _HER, number, NOW)


def _numbers(store: Store) -> list[str]:
    page = SnapshotReader(store, lambda: NOW, lambda: NOW).read(_LIST).page
    assert page is not None
    return [row.number for row in page.rows]


def test_transactions_that_only_reported_a_process_are_told_from_others() -> None:
    """Those that run are not seen yet; a number may have wrapped around at 2^32."""
    read = TransactionSnapshot.read
    before = read("10:12:10")
    assert not read("10:12:10").shows_more_than(before, [])
    assert not read("10:13:10,12").shows_more_than(before, []), "12 has only begun"
    assert read("12:12:").shows_more_than(before, []), "10 has ended"
    assert not read("12:13:").shows_more_than(before, [10, 12])
    assert read("12:14:").shows_more_than(before, [10, 12])
    assert read("5000:5000:").shows_more_than(before, list(range(5000)))
    wrapped = 1 << 32
    later = read(f"{wrapped + 3}:{wrapped + 3}:")
    assert not later.shows_more_than(read(f"{wrapped + 2}:{wrapped + 2}:"), [2])


def test_the_signal_leaves_out_reports_of_processes(store: Store) -> None:
    """A commit of anything else is noticed, one that has written nothing is not.

    PostgreSQL counts for all its databases: its own upkeep may commit just then, but not each time.
    """

    def is_silent() -> bool:
        before = ask()
        _report(store)
        with store.writing():
            pass
        return ask() == before

    with store.change_signal() as ask:
        assert any(is_silent() for _time in range(1 if store.has_one_writer else 5))
        before = ask()
        _report(store)
        _claim(store, _numbers(store)[0])
        _report(store)
        assert ask() != before


def test_nothing_is_read_again_until_somebody_commits(store: Store) -> None:
    """Then all of it is, as with a reader that keeps nothing; and without a mark each time."""
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    first, second = _numbers(store)[:2]
    _claim(store, first)
    with store.change_signal() as ask:
        reader = SnapshotReader(store, lambda: NOW, lambda: NOW, mark=ask)
        reads = reader.read(_LIST)
        assert set(reads.claims) == {first}
        event.listen(store._read, "before_cursor_execute", count)
        try:
            again = reader.read(_LIST)
            assert statements == []
            assert again == reads
            assert again.looks_like(reads)
            _claim(store, second)
            newer = reader.read(_LIST)
            assert set(newer.claims) == {first, second}
            assert not newer.looks_like(reads)
            statements.clear()
            SnapshotReader(store, lambda: NOW, lambda: NOW, mark=lambda: None).read(_LIST)
            assert statements != []
        finally:
            event.remove(store._read, "before_cursor_execute", count)


@pytest.mark.parametrize("text", ["级别:黄", "级别:黄,红,预警", "级别:无", "!级别:黄", "2026"])
def test_a_page_tells_how_many_tickets_pass_its_filter(store: Store, text: str) -> None:
    """Counted by the database or by the counters, and where the page holds all of them."""
    wanted = read_filter(text)
    assert isinstance(wanted, Filter)
    with store.reading() as session:
        passed = count_tickets(session, wanted.at(NOW, DEFAULT_OFFICE))
    assert passed > 0
    reader = SnapshotReader(store, lambda: NOW, lambda: NOW)
    for height in (1, 40):
        viewport = Viewport(0, height, None, 0)
        page = reader.read(SnapshotRequest(filter=wanted, viewport=viewport)).page
        assert page is not None
        assert (page.total, len(page.rows)) == (passed, min(passed, 3 * height))


def test_words_are_found_in_capitals_and_small_letters(store: Store) -> None:
    """And those without letters, which are looked for in another way."""
    first = _numbers(store)[0]
    with store.writing() as session:
        renamed = update(TICKET).where(TICKET.c.number == first)
        session.execute(renamed.values(title="路灯 LED 坏了 100%"))

    def passed(*words: str) -> int:
        with store.reading() as session:
            return count_tickets(session, TicketFilter(words=words))

    assert passed("led") == passed("LED", "路灯") == passed("坏了 100%") == 1
    assert passed("%坏了") == passed("leđ") == 0


def test_what_is_left_of_a_term_is_drawn_again_after_some_seconds(store: Store) -> None:
    """By the service's clock: one that runs faster draws more often."""
    clock = [NOW]
    reader = SnapshotReader(store, lambda: clock[0], lambda: NOW)
    reads = reader.read(_LIST)
    clock[0] = NOW + timedelta(seconds=4)
    assert reader.read(_LIST).looks_like(reads)
    clock[0] = NOW + timedelta(seconds=5)
    assert not reader.read(_LIST).looks_like(reads)


@pytest.mark.store(databases=["sqlite"], shared=True)
def test_what_is_committed_while_an_expensive_read_runs_is_read_after_it(store: Store) -> None:
    """Each other value is told of, the same one again is not."""
    values, announced = [1], Event()
    reading, may_end = Event(), Event()
    reads = 0

    def read(_session: Session, _now: object) -> int:
        nonlocal reads
        reads, value = reads + 1, values[0]
        if reads == 2:
            reading.set()
            assert may_end.wait(30)
        return value

    cached = CachedRead(store, lambda: NOW, announced.set, read, seconds=0.001)
    with store.reading() as session:
        assert cached.get(session, NOW) == 1
        assert cached.get(session, NOW) == 1
        assert reading.wait(30)
        values[0] = 2
        assert cached.get(session, NOW) == 1
        may_end.set()
        assert announced.wait(30)
        assert reads == 3
        assert cached.get(session, NOW) == 2


@pytest.mark.store(databases=["sqlite"], fill=fill_scene, shared=True)
async def test_the_screen_of_a_ticket_is_used_again_for_the_next_one(store: Store) -> None:
    """Nothing of the one before is left; a ticket opened from a ticket lies above it."""
    numbers = _numbers(store)
    app = MonitorApp(store, lambda: NOW, wall=lambda: NOW, every=None)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_refresh(pilot)
        await press(pilot, "2")
        first = await press(pilot, "enter")
        used = app.screen
        assert numbers[0] in first
        await press(pilot, "escape", "down", "enter")
        assert app.screen is used
        await wait_until(pilot, lambda: numbers[1] in screen_text(app))
        second = screen_text(app)
        assert numbers[0] not in second
        app.open_detail("no such ticket")
        assert app.screen is not used
        await wait_for_refresh(pilot)
        assert numbers[1] not in screen_text(app).split("\n", 1)[1]
        assert await press(pilot, "escape") == second
        assert app.screen is used
