"""In which order a worker answers the bells that it has fetched."""

from functools import cached_property
from pathlib import Path

from dramatiq.worker import Worker

from models.clock import system_clock
from models.rules.queues import DELIVERY, EMERGENCY, ESCALATION, QUEUES
from tests.store.staging import prepared
from tests.workers.running import until
from workers.actors import Desk, register
from workers.broker import Bells, connect
from workers.channels.post import Post
from workers.embedded import EmbeddedServer


class _Noting(Desk):
    """A desk that notes with which queues it was busy, in order."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "doing" and value:
            self.order.append(str(value).split()[0])
        super().__setattr__(name, value)

    @cached_property
    def order(self) -> list[str]:
        return []


def test_clocks_go_before_letters_and_notices_after(tmp_path: Path) -> None:
    """A bell of each queue waits before the worker's only thread looks at any (Regulation 3.4)."""
    with (
        prepared(f"sqlite:///{tmp_path / 'order.db'}") as store,
        EmbeddedServer(tmp_path / "valkey") as server,
    ):
        broker = connect(server.url)
        desk = _Noting(store, system_clock, Post(store, system_clock, tmp_path, None, "en"))
        register(broker, desk)
        worker = Worker(broker, worker_timeout=50, worker_threads=1)
        worker.start()
        try:
            (thread,) = worker.workers
            thread.pause()
            thread.paused_event.wait()
            Bells(broker).ring({queue: [1] for queue in QUEUES})
            until(lambda: worker.work_queue.qsize() == len(QUEUES), 30, "all bells are fetched")
            thread.resume()
            until(lambda: len(desk.order) == len(QUEUES), 30, "all are answered")
        finally:
            worker.stop()
            broker.close()
        assert desk.order[:2] == [EMERGENCY, ESCALATION]
        assert desk.order[-1] == DELIVERY
