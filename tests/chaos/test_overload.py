"""A feed faster than the workers: bounded bells, bounded memory, and no emergency waits."""

import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
from sqlalchemy import func, select

from models.clock import system_clock
from models.database import Store
from models.rules.queues import QUEUES
from models.tables.core import EVENT, INBOX, PROCESS, TICKET
from tests.servers.key_value import KeyValueServer
from tests.store.factories import feed, letter, log_of, prepared_store, row_of
from tests.workers.processes import environment, process, wait_until
from workers.broker import Bells, connect, max_ids_per_bell

LONG_AGO = "2026-03-02T09:00:00+08:00"
_FLOOD = 4_000
_MOST_MEMORY = 150 * 2**20
"""Bytes that a worker may grow by; the letters of a flood that it held at once would take more."""


def _waiting(store: Store) -> int:
    with store.reading() as session:
        waiting = select(func.count()).select_from(INBOX).where(INBOX.c.state == "waiting")
        return session.scalar(waiting) or 0


def _alive(store: Store) -> int:
    with store.reading() as session:
        return session.scalar(select(func.count()).select_from(PROCESS)) or 0


def test_an_emergency_goes_before_a_flood(
    store: Store, tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """One worker with one thread for all the rest; the emergency that came last is done first."""
    letters = [letter(f"T{n:04}", LONG_AGO, content=f"第{n}封来信") for n in range(_FLOOD)]
    with key_value_server as server, ExitStack() as stack:
        env = environment(tmp_path / "home", store.url, server.url)
        log = tmp_path / "log"
        worker = stack.enter_context(process("worker", "--threads", "1", env=env, log=log))
        stack.enter_context(process("timekeeper", env=env, log=log))
        wait_until(lambda: _alive(store) == 2, 30, "both report")
        before = psutil.Process(worker.pid).memory_info().rss
        feed(store, letters, system_clock())
        wait_until(lambda: _waiting(store) < _FLOOD, 60, "the first batch of the flood")
        feed(store, [letter("URGENT", LONG_AGO, emergency="utilities")], system_clock())
        broker = connect(server.url, store.cipher.store_id)
        most = dict.fromkeys(QUEUES, 0)
        while row_of(store, "URGENT") is None:
            for queue, bells in Bells(broker).waiting().items():
                most[queue] = max(most[queue], bells)
            time.sleep(0.01)
        left = _waiting(store)
        assert any(e.name == "ticket.dispatched" for e in log_of(store, "URGENT"))
        assert left > _FLOOD // 4, "the flood was over before the emergency was looked at"
        grown = psutil.Process(worker.pid).memory_info().rss - before
        assert grown < _MOST_MEMORY
        # two timekeepers may each have found the same room
        assert all(bells <= 32 for bells in most.values()), most
        broker.close()


def test_two_processes_race_for_the_same_tickets(
    store: Store, tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """Every ticket is rung for eight times at once; each effect happens once."""
    count = 200
    feed(
        store, [letter(f"T{n:04}", LONG_AGO, content=f"{n}") for n in range(count)], system_clock()
    )
    with store.reading() as session:
        ids = list(session.scalars(select(INBOX.c.id)))
    assert max_ids_per_bell("intake") >= count
    with key_value_server as server:
        env = environment(tmp_path / "home", store.url, server.url)
        log = tmp_path / "log"
        broker = connect(server.url, store.cipher.store_id)
        for turn in range(8):
            Bells(broker).ring({"intake": ids[turn:] + ids[:turn]})
        broker.close()
        with (
            process("worker", env=env, log=log),
            process("worker", env=env, log=log),
            # what one could not have since the other held it is rung for again
            process("timekeeper", "--patience", "1", env=env, log=log),
        ):
            wait_until(lambda: _waiting(store) == 0, 60, "everything applied")
    with store.reading() as session:
        rows = session.execute(
            select(EVENT.c.name, func.count()).group_by(EVENT.c.name).order_by(EVENT.c.name)
        )
        counts = {row[0]: row[1] for row in rows}
        assert session.scalar(select(func.count()).select_from(TICKET)) == count
    assert counts["ticket.received"] == counts["ticket.dispatched"] == count
    assert counts["alert.raised"] == 3 * count


def test_a_worker_ends_in_time_though_its_broker_hangs(
    tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """Told to end in mid-work while the key-value server is frozen; its work is done elsewhere."""
    count = 1_500
    url = f"sqlite:///{tmp_path / 'end.db'}"
    with prepared_store(url) as store, key_value_server as server:
        env = environment(tmp_path / "home", url, server.url)
        log = tmp_path / "log"
        letters = [letter(f"T{n:04}", LONG_AGO, content=f"{n}") for n in range(count)]
        with (
            process("worker", env=env, log=log) as worker,
            process("timekeeper", "--patience", "2", env=env, log=log),
        ):
            wait_until(lambda: _alive(store) == 2, 30, "both report")
            feed(store, letters, system_clock())
            wait_until(lambda: _waiting(store) < count, 30, "work has begun")
            assert server.pid is not None
            os.kill(server.pid, signal.SIGSTOP)
            try:
                worker.terminate()
                # ten seconds by its own word, and some for a busy machine
                # 0 in order, 1 as it stood; never by force from outside
                assert worker.wait(20) in (0, 1)
            finally:
                os.kill(server.pid, signal.SIGCONT)
            with process("worker", env=env, log=log):
                wait_until(lambda: _waiting(store) == 0, 60, log.read_text()[-2000:])
