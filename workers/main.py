"""What runs a worker or a timekeeper as a process of its own, from start to orderly end."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

import dramatiq
from dramatiq.worker import Worker

from models.clock import Now, monotonic, speed_of, system_clock
from models.database import Store, is_busy
from models.operations.processes import leave, report
from models.operations.samples import sample
from models.queries.queues import EVERY
from models.rules.queues import DELIVERY, QUEUES
from workers.actors import Desk, register
from workers.broker import Bells, connect
from workers.channels.post import Post
from workers.timekeeper import PATIENCE, Timekeeper

log = logging.getLogger("hotline.main")

BEAT_EVERY = 2.0
"""Real seconds between two reports that a process is there."""

SAMPLE_EVERY = EVERY.total_seconds() + 0.1
"""Real seconds between two samples: never two in the same span of time."""

TIDY_EVERY = 600.0
"""Real seconds between two looks of SQLite at how its tables are filled."""

_WORKER_TIMEOUT_MS = 50
_SHUTDOWN_MS = 8_000


class Beat:
    """Tells the store now and then that this process is there, and what it does."""

    def __init__(self, store: Store, role: str) -> None:
        self._store = store
        self.name = f"{role}@{socket.gethostname()}:{os.getpid()}"
        self._role = role
        self._started_at: datetime = system_clock()
        self._next = 0.0

    def __call__(
        self, doing: str = "", lateness: float = 0.0, done: int = 0, failed: int = 0
    ) -> None:
        """Report, if it is time to; a store that is away is passed over, the next beat tells."""
        if monotonic() < self._next:
            return
        self._next = monotonic() + BEAT_EVERY
        try:
            with self._store.writing() as session:
                report(
                    session,
                    system_clock(),
                    name=self.name,
                    role=self._role,
                    started_at=self._started_at,
                    doing=doing,
                    lateness_ms=round(lateness * 1000),
                    done=done,
                    failed=failed,
                )
        except Exception as wrong:
            if not is_busy(wrong):
                raise
            log.warning("the store cannot be reached (%s)", type(wrong).__name__)

    def leave(self) -> None:
        """Say that this process ends in order."""
        try:
            with self._store.writing() as session:
                leave(session, self.name, system_clock())
        except Exception as wrong:
            if not is_busy(wrong):
                raise


class Sampler:
    """Leaves a sample of the queues in the store every few seconds, for those who watch them."""

    def __init__(self, desk: Desk, name: str) -> None:
        self._desk = desk
        self._name = name
        self._next = monotonic() + SAMPLE_EVERY
        self._sent = self._given_up = 0
        self._tidy_at = self._next

    def __call__(self) -> None:
        """Leave one, if it is time to; what could not be told is told with the next."""
        if monotonic() < self._next:
            return
        self._next = monotonic() + SAMPLE_EVERY
        desk = self._desk
        sent, given_up = desk.post.sent, desk.post.failed
        letters, vain = sent - self._sent, given_up - self._given_up
        self._sent, self._given_up = sent, given_up
        desk.tally.add({DELIVERY: letters + vain}, {DELIVERY: vain})
        dealt, failed = desk.tally.take()
        try:
            with desk.store.writing() as session:
                wall, speed = system_clock(), speed_of(desk.now)
                sample(session, self._name, dealt, failed, desk.now(), wall, speed, PATIENCE)
            if monotonic() >= self._tidy_at:
                self._tidy_at = monotonic() + TIDY_EVERY
                desk.store.tidy()
        except Exception as wrong:
            if not is_busy(wrong):
                raise
            desk.tally.add(dealt, failed)


def stop_on_signals(parent: int | None) -> threading.Event:
    """An event that is set by SIGTERM or SIGINT, or when the process `parent` is gone."""
    stop = threading.Event()

    def told(number: int, _frame: object) -> None:
        log.info("told to stop (%s)", signal.Signals(number).name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    if parent is not None:
        threading.Thread(target=_watch, args=(parent, stop), daemon=True).start()
    return stop


def _watch(parent: int, stop: threading.Event) -> None:
    # a killed supervisor must not leave workers behind that nobody restarts or ends
    while not stop.wait(0.5):
        if os.getppid() != parent:
            log.warning("the supervisor is gone")
            stop.set()


def run_worker(
    store: Store,
    broker_url: str,
    now: Now,
    post: Post,
    *,
    queues: Sequence[str] = QUEUES,
    threads: int = 2,
    parent: int | None = None,
) -> int:
    """Answer bells until told to stop; what is unfinished by then is rung for again elsewhere.

    Returns the exit code: 1 where a consumer has died, so that a supervisor starts anew.
    """
    stop = stop_on_signals(parent)
    broker = connect(broker_url)
    dramatiq.set_broker(broker)
    desk = Desk(store, now, post)
    register(broker, desk, queues)
    worker = Worker(
        broker, queues=set(queues), worker_timeout=_WORKER_TIMEOUT_MS, worker_threads=threads
    )
    worker.start()
    beat = Beat(store, "worker")
    sampler = Sampler(desk, beat.name)
    code = 0
    while not stop.wait(0.2):
        sampler()
        beat(desk.doing, done=desk.done, failed=desk.failed + post.failed)
        if not all(consumer.is_alive() for consumer in worker.consumers.values()):
            log.error("a consumer has died; starting anew")
            code = 1
            break
    worker.stop(timeout=_SHUTDOWN_MS)
    post.close()
    beat.leave()
    broker.close()
    return code


def run_timekeeper(
    store: Store,
    broker_url: str,
    now: Now,
    *,
    patience: timedelta = PATIENCE,
    parent: int | None = None,
) -> int:
    """Ring for what is due until told to stop; again after `patience` (real time)."""
    stop = stop_on_signals(parent)
    keeper = Timekeeper(store, Bells(connect(broker_url)), now, patience)
    beat = Beat(store, "timekeeper")

    def tell() -> None:
        doing = "" if keeper.broker_ok else "broker away"
        beat(doing, lateness=keeper.lateness, done=keeper.rung, failed=keeper.failed)

    keeper.run(stop, tell)
    beat.leave()
    return 0
