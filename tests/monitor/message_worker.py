"""A real worker beside a monitor in a test: it decides about what the operator sends."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dramatiq.worker import Worker

from models.clock import Now
from models.database import Store
from models.rules.queues import DELIVERY, QUEUES
from tests.servers.key_value import KeyValueServer
from workers.actors import WorkerContext, register_actors
from workers.broker import Bells, connect
from workers.notices.dispatcher import NoticeDispatcher
from workers.timekeeper import Timekeeper


@contextmanager
def deciding_worker(
    store: Store, now: Now, folder: Path, server: KeyValueServer
) -> Iterator[Timekeeper]:
    """Run a worker of all queues but that of notices; the timekeeper rings when it is told to."""
    broker = connect(server.url, store.cipher.store_id)
    context = WorkerContext(store, now, NoticeDispatcher(store, now, folder, None, "zh"))
    register_actors(broker, context, [queue for queue in QUEUES if queue != DELIVERY])
    broker.start_watch()
    worker = Worker(broker, worker_timeout=50, worker_threads=1)
    worker.start()
    try:
        yield Timekeeper(store, Bells(broker), now)
    finally:
        broker.stop_watch()
        worker.stop()
        broker.close()
