"""The order in which a worker answers the bells that it has fetched."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from dramatiq.worker import Worker

from models.clock import system_clock
from models.rules.queues import DELIVERY, EMERGENCY, ESCALATION, QUEUES
from tests.servers.key_value import KeyValueServer
from tests.store.factories import prepared_store
from tests.workers.processes import wait_until
from workers.actors import WorkerContext, register_actors
from workers.broker import BellBroker, Bells, connect, max_ids_per_bell
from workers.notices.dispatcher import NoticeDispatcher


class _RecordingContext(WorkerContext):
    """A worker context that records which queues were answered, in order.

    Each answer takes as long as a small batch: until then the next bell has been fetched.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name == "doing" and value:
            self.order.append(str(value).split()[0])
            time.sleep(0.02)
        super().__setattr__(name, value)

    @cached_property
    def order(self) -> list[str]:
        """The queues, in the order in which they were answered."""
        return []


@contextmanager
def _one_thread(
    folder: Path, server: KeyValueServer
) -> Iterator[tuple[BellBroker, _RecordingContext, Worker]]:
    """Give a worker as the service has it, with one thread for all queues, not yet started."""
    with prepared_store(f"sqlite:///{folder / 'order.db'}") as store, server as running:
        broker = connect(running.url, store.cipher.store_id)
        dispatcher = NoticeDispatcher(store, system_clock, folder, None, "en")
        context = _RecordingContext(store, system_clock, dispatcher)
        register_actors(broker, context)
        broker.start_watch()
        worker = Worker(broker, worker_timeout=50, worker_threads=1)
        worker.queue_prefetch = 1
        yield broker, context, worker


def _stop(broker: BellBroker, worker: Worker) -> None:
    broker.stop_watch()
    worker.stop()
    broker.close()


def test_clocks_go_before_letters_and_notices_after(
    tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """Bells of each queue wait before the worker's only thread looks at any (Regulation 3.4).

    It holds one bell of each, and one more of clocks: no letters come between two of these.
    """
    with _one_thread(tmp_path, key_value_server) as (broker, context, worker):
        worker.start()
        try:
            (thread,) = worker.workers
            thread.pause()
            thread.paused_event.wait()
            for _twice in range(2):
                Bells(broker).ring({queue: [1] for queue in QUEUES})
            wait_until(
                lambda: worker.work_queue.qsize() == len(QUEUES) + 1, 30, "all bells are fetched"
            )
            thread.resume()
            wait_until(lambda: len(context.order) == 2 * len(QUEUES), 30, "all are answered")
        finally:
            _stop(broker, worker)
        assert context.order[0] == EMERGENCY
        others = [queue for queue in context.order if queue != EMERGENCY]
        assert others[:2] == [ESCALATION, ESCALATION]
        assert others[-1] == DELIVERY


def test_a_rush_of_clocks_leaves_turns_to_others(
    tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """After some clocks in a row letters and notices have a turn, though clocks still wait."""
    with _one_thread(tmp_path, key_value_server) as (broker, context, worker):
        for _each in range(60):
            Bells(broker).ring({ESCALATION: [1]})
        Bells(broker).ring({queue: [1] for queue in QUEUES})
        worker.start()
        try:
            wait_until(lambda: len(context.order) == 60 + len(QUEUES), 30, "all are answered")
        finally:
            _stop(broker, worker)
        last_other = max(n for n, queue in enumerate(context.order) if queue != ESCALATION)
        assert last_other < 60
        assert context.order[:20].count(ESCALATION) > 10


def test_no_small_transaction_follows_a_large_one(tmp_path: Path) -> None:
    """A bell on SQLite is answered by transactions of one size: workers would fall into step."""
    with prepared_store(f"sqlite:///{tmp_path / 'size.db'}") as store:
        for queue in set(QUEUES) - {EMERGENCY}:
            assert max_ids_per_bell(queue) % store.batch_size == 0
