"""Workers and timekeeper as real processes: nothing lost, nothing twice."""

import threading
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis
from sqlalchemy import func, select, text

from models.clock import system_clock
from models.database import Store
from models.operations.advance import advance
from models.rulebook import load_rulebook
from models.tables.core import BELL, EVENT, INBOX, NOTICE, PROCESS, TICKET
from tests.servers.key_value import KeyValueServer
from tests.store.factories import feed, letter, log_of, prepared_store, row_of
from tests.workers.processes import environment, process, wait_until
from workers.broker import Bells, connect
from workers.timekeeper import Timekeeper

LONG_AGO = "2026-03-02T09:00:00+08:00"

FAST_POLICY = {
    'accept = "1 workday"': 'accept = "1 second"',
    'complaint = "7 workdays"': 'complaint = "4 seconds"',
    'at = "workday -1"\nto': 'at = "-2s"\nto',
    'at = "workday +1"\nto': 'at = "+1s"\nto',
    'at = "workday +2"\nto': 'at = "+2s"\nto',
    'ask_by = "workday -1"': 'ask_by = "-3s"',
}


def _letters(count: int) -> list[dict[str, object]]:
    return [letter(f"T{n:04}", LONG_AGO, content=f"第{n}封来信，路灯坏了。") for n in range(count)]


def _count_red(store: Store) -> int:
    with store.reading() as session:
        red = select(func.count()).select_from(TICKET).where(TICKET.c.level == "red")
        return session.scalar(red) or 0


def _check_everything_once(store: Store, count: int) -> None:
    """Check that every ticket is red, with each level and its notice once, no gap, no queue."""
    with store.reading() as session:
        events = session.execute(
            select(EVENT.c.ticket_id, EVENT.c.seq, EVENT.c.name, EVENT.c.data)
        ).all()
        waiting = session.scalar(
            select(func.count()).select_from(INBOX).where(INBOX.c.state != "applied")
        )
        unsent = session.scalar(
            select(func.count())
            .select_from(NOTICE)
            .where(NOTICE.c.state.not_in(("sent", "dropped")))
        )
    assert (waiting, unsent) == (0, 0)
    seqs: dict[int, list[int]] = {}
    levels: Counter[tuple[int, str]] = Counter()
    cards: Counter[tuple[int, str]] = Counter()
    for event in events:
        seqs.setdefault(event.ticket_id, []).append(event.seq)
        if event.name == "alert.raised":
            levels[event.ticket_id, event.data["level"]] += 1
        if event.name == "notice.queued" and event.data["kind"] in ("prewarning", "yellow", "red"):
            cards[event.ticket_id, event.data["kind"]] += 1
    assert all(sorted(lines) == list(range(1, len(lines) + 1)) for lines in seqs.values())
    assert len(seqs) == count
    assert len(levels) == 3 * count
    assert set(levels.values()) == {1}
    assert set(cards.values()) == {1}
    assert {level for _, level in cards} == {"red"}


def _is_done(store: Store, count: int) -> bool:
    if _count_red(store) < count:
        return False
    with store.reading() as session:
        queued = select(func.count()).select_from(NOTICE).where(NOTICE.c.state == "queued")
        return not session.scalar(queued)


def test_killed_workers_leave_every_effect_exactly_once(
    store: Store, tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """Two workers are killed in mid-work, the key-value server is flushed, then killed."""
    count = 600
    with key_value_server as server:
        env = environment(tmp_path / "home", store.url, server.url)
        log = tmp_path / "log"
        keeper = Timekeeper(
            store,
            Bells(connect(server.url, store.cipher.store_id)),
            system_clock,
            timedelta(seconds=2),
        )
        stop = threading.Event()
        ringing = threading.Thread(target=keeper.run, args=(stop, lambda: None))
        with ExitStack() as stack:
            first = stack.enter_context(process("worker", env=env, log=log))
            second = stack.enter_context(process("worker", env=env, log=log))
            feed(store, _letters(count), system_clock())
            ringing.start()
            try:
                wait_until(lambda: _count_red(store) > 0, 30, "the first effects")
                first.kill()
                with redis.Redis.from_url(server.url) as client:
                    client.flushall()
                stack.enter_context(process("worker", env=env, log=log))
                wait_until(lambda: _count_red(store) > count // 3, 40, "a third")
                second.kill()
                server.stop(timeout=0)
                server.start()
                stack.enter_context(process("worker", env=env, log=log))
                wait_until(lambda: _is_done(store, count), 60, log.read_text()[-2000:])
            finally:
                stop.set()
                ringing.join()
        _check_everything_once(store, count)
        notices = (tmp_path / "home" / "notices.jsonl").read_text(encoding="utf-8")
    assert notices.count('"kind":"red"') >= count


def test_levels_come_on_time_to_the_second(
    tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """Under a policy in seconds a ticket fed now turns yellow and red, each within its second."""
    policy = (Path(__file__).parents[2] / "models/policy/haojiang.toml").read_text("utf-8")
    for before, after in FAST_POLICY.items():
        assert before in policy
        policy = policy.replace(before, after)
    url = f"sqlite:///{tmp_path / 'fast.db'}"
    with prepared_store(url, policy) as store, key_value_server as server:
        env = environment(tmp_path / "home", url, server.url)
        log = tmp_path / "log"
        with (
            process("worker", env=env, log=log),
            process("timekeeper", env=env, log=log),
        ):
            wait_until(lambda: _count_processes(store) == 2, 20, "both report")
            now = datetime.now(UTC)
            feed(store, [letter("F1", now.isoformat())], now)
            wait_until(lambda: _count_red(store) == 1, 20, log.read_text())
        events = log_of(store, "F1")
    raised = [e for e in events if e.name == "alert.raised"]
    assert [e.data["level"] for e in raised] == ["prewarning", "yellow", "red"]
    accepted = now + timedelta(seconds=1)
    due = accepted + timedelta(seconds=4)
    moments = [due - timedelta(seconds=2), due + timedelta(seconds=1), due + timedelta(seconds=2)]
    for event, moment in zip(raised, moments, strict=True):
        assert event.moment == moment
        assert timedelta() <= event.at - moment < timedelta(seconds=1)


def _count_processes(store: Store) -> int:
    with store.reading() as session:
        return session.scalar(select(func.count()).select_from(PROCESS)) or 0


def test_sigterm_ends_a_worker_in_order(tmp_path: Path, key_value_server: KeyValueServer) -> None:
    """A worker ends within ten seconds with exit code 0, and removes its row."""
    url = f"sqlite:///{tmp_path / 'term.db'}"
    with prepared_store(url) as store, key_value_server as server:
        env = environment(tmp_path / "home", url, server.url)
        with process("worker", env=env, log=tmp_path / "log") as worker:
            wait_until(lambda: _count_processes(store) == 1, 20, "the worker reports")
            worker.terminate()
            assert worker.wait(10) == 0
        assert _count_processes(store) == 0


def test_bells_that_were_deleted_are_set_again(
    store: Store, store_url: str, tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """A service that starts looks for what waits without a bell, and its log says so."""
    feed(store, _letters(3), system_clock())
    with store.writing() as session:
        advance(session, ["T0000"], load_rulebook(session), system_clock())
        session.execute(BELL.delete())
    log = tmp_path / "log"
    with key_value_server as server:
        env = environment(tmp_path / "home", store_url, server.url)
        with process("worker", env=env, log=log), process("timekeeper", env=env, log=log):
            wait_until(lambda: _is_done(store, 3), 60, log.read_text())
    assert "rows waited without a bell" in log.read_text()


def test_a_bell_that_nobody_can_read_stops_no_timekeeper(
    tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """The others are rung, and where it was missing it is set again."""
    url, log = f"sqlite:///{tmp_path / 'garbage.db'}", tmp_path / "log"
    with prepared_store(url) as store, key_value_server as server:
        feed(store, _letters(3), system_clock())
        with store.writing() as session:
            first = "(SELECT min(row_id) FROM bell)"
            session.execute(text(f"UPDATE bell SET ring_at = 'soon' WHERE row_id = {first}"))
        env = environment(tmp_path / "home", store.url, server.url)
        with process("worker", env=env, log=log), process("timekeeper", env=env, log=log):
            wait_until(lambda: _is_done(store, 3), 60, log.read_text())
    assert "bells that could not be read are set anew: 1" in log.read_text()


def test_rows_stay_due_while_the_broker_is_away(
    tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """Nothing is lost when no bell can be rung: the rows are rung for when the broker is back."""
    url = f"sqlite:///{tmp_path / 'away.db'}"
    server = key_value_server
    with prepared_store(url) as store:
        bells = Bells(connect(server.url, store.cipher.store_id))
        keeper = Timekeeper(store, bells, system_clock, timedelta(seconds=30))
        feed(store, _letters(3), system_clock())
        assert (keeper.ring_due(), keeper.broker_ok) == (0, False)
        with server:
            assert (keeper.ring_due(), keeper.broker_ok) == (3, True)
            assert bells.waiting()["intake"] == 1
            assert keeper.ring_due() == 0


def test_a_ticket_that_cannot_be_carried_on_is_quarantined(
    store: Store, tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """A ticket whose stored state is broken fails alone; the rest of its batch goes on."""
    with key_value_server as server:
        feed(store, _letters(2), system_clock())
        with store.writing() as session:
            advance(session, ["T0000"], load_rulebook(session), system_clock())
            session.execute(
                TICKET.update().where(TICKET.c.number == "T0000").values(state="{broken")
            )
        more = {"id": "again", "at": LONG_AGO, "type": "unit.urged", "ticket": "T0000"}
        feed(store, [more | {"unit": "城管局", "text": "快", "by": "王"}], system_clock())
        keeper = Timekeeper(
            store,
            Bells(connect(server.url, store.cipher.store_id)),
            system_clock,
            timedelta(seconds=30),
        )
        env = environment(tmp_path / "home", store.url, server.url)
        with process("worker", env=env, log=tmp_path / "log"):
            keeper.ring_due()
            wait_until(lambda: row_of(store, "T0001") is not None, 20, "the healthy ticket")
            wait_until(lambda: row_of(store, "T0000").quarantined_at, 20, "the broken ticket")
        # its message waits until the row is what it was
        assert _count_refused(store) == 0


def test_a_missing_table_is_no_message_s_fault(
    store: Store, tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """While a table is missing nothing is refused; when it is back, the letters are applied."""
    with key_value_server as server:
        feed(store, _letters(2), system_clock())
        with store.writing() as session:
            session.execute(text("ALTER TABLE trace RENAME TO trace_elsewhere"))
        patience = timedelta(seconds=1)
        keeper = Timekeeper(
            store, Bells(connect(server.url, store.cipher.store_id)), system_clock, patience
        )
        env = environment(tmp_path / "home", store.url, server.url)
        with process("worker", env=env, log=tmp_path / "log"):
            keeper.ring_due()
            wait_until(lambda: _failures(store) > 0, 20, "the worker fails")
            assert _count_refused(store) == 0
            assert "busy" not in (tmp_path / "log").read_text()
            with store.writing() as session:
                session.execute(text("ALTER TABLE trace_elsewhere RENAME TO trace"))
            wait_until(lambda: keeper.ring_due() > 0, 20, "the letters are rung for again")
            wait_until(lambda: row_of(store, "T0001") is not None, 20, "the letters")
            assert _count_refused(store) == 0


def _failures(store: Store) -> int:
    with store.reading() as session:
        return session.scalar(select(func.sum(PROCESS.c.failed))) or 0


def _count_refused(store: Store) -> int:
    with store.reading() as session:
        refused = select(func.count()).select_from(INBOX).where(INBOX.c.state == "refused")
        return session.scalar(refused) or 0


def test_two_threads_race_for_the_same_tickets(store: Store) -> None:
    """The second thread finds the work done or the row held; every effect happens once."""
    count = 60
    feed(store, _letters(count), system_clock())
    numbers = [f"T{n:04}" for n in range(count)]
    errors: list[Exception] = []

    def race() -> None:
        try:
            for _ in range(4):
                with store.writing() as session:
                    advance(session, numbers, load_rulebook(session), system_clock())
                time.sleep(0.01)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=race) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert _count_red(store) == count
    with store.reading() as session:
        raised = session.scalar(
            select(func.count()).select_from(EVENT).where(EVENT.c.name == "alert.raised")
        )
    assert raised == 3 * count
