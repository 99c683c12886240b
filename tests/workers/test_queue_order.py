"""The order in which a worker answers the bells that it has fetched."""

from functools import cached_property
from pathlib import Path

from dramatiq.worker import Worker

from models.clock import system_clock
from models.rules.queues import DELIVERY, EMERGENCY, ESCALATION, QUEUES
from tests.servers.key_value import KeyValueServer
from tests.store.factories import prepared_store
from tests.workers.processes import wait_until
from workers.actors import WorkerContext, register_actors
from workers.broker import Bells, connect
from workers.notices.dispatcher import NoticeDispatcher


class _RecordingContext(WorkerContext):
    """A worker context that records which queues were answered, in order."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "doing" and value:
            self.order.append(str(value).split()[0])
        super().__setattr__(name, value)

    @cached_property
    def order(self) -> list[str]:
        """The queues, in the order in which they were answered."""
        return []


def test_clocks_go_before_letters_and_notices_after(
    tmp_path: Path, key_value_server: KeyValueServer
) -> None:
    """A bell of each queue waits before the worker's only thread looks at any (Regulation 3.4)."""
    with (
        prepared_store(f"sqlite:///{tmp_path / 'order.db'}") as store,
        key_value_server as server,
    ):
        broker = connect(server.url, store.cipher.store_id)
        context = _RecordingContext(
            store, system_clock, NoticeDispatcher(store, system_clock, tmp_path, None, "en")
        )
        register_actors(broker, context)
        worker = Worker(broker, worker_timeout=50, worker_threads=1)
        worker.start()
        try:
            (thread,) = worker.workers
            thread.pause()
            thread.paused_event.wait()
            Bells(broker).ring({queue: [1] for queue in QUEUES})
            wait_until(
                lambda: worker.work_queue.qsize() == len(QUEUES), 30, "all bells are fetched"
            )
            thread.resume()
            wait_until(lambda: len(context.order) == len(QUEUES), 30, "all are answered")
        finally:
            worker.stop()
            broker.close()
        assert context.order[:2] == [EMERGENCY, ESCALATION]
        assert context.order[-1] == DELIVERY
