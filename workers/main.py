"""What runs a worker or a timekeeper as a process of its own, from start to orderly end."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import dramatiq
import redis
from dramatiq.worker import Worker

from models.clock import Now, clock_speed, monotonic, system_clock
from models.database import Store, is_transient
from models.operations.processes import remove_process, report_process
from models.operations.pruning import NoticePruner
from models.operations.samples import record_sample
from models.queries.queues import SAMPLE_SPAN
from models.rulebook import RulebookCache
from models.rules.policy import in_force
from models.rules.queues import DELIVERY, EMERGENCY, QUEUES
from models.shared_clock import store_clock
from workers.actors import WorkerContext, register_actors
from workers.broker import Bells, connect
from workers.notices.dispatcher import NoticeDispatcher
from workers.similar import SimilarityScan
from workers.timekeeper import PATIENCE, Timekeeper

log = logging.getLogger("hotline.main")

HEARTBEAT_INTERVAL = 2.0
"""Real seconds between two reports that a process is there."""

SAMPLE_INTERVAL = SAMPLE_SPAN.total_seconds() + 0.1
"""Real seconds between two samples: never two in the same span of time."""

TIDY_INTERVAL = 600.0
"""Real seconds between two looks of SQLite at how its tables are filled."""

SWEEP_INTERVAL = 86_400.0
"""Real seconds between two sweeps of what need not be kept."""

_FIRST_SWEEP = 600.0
_SWEEP_PAUSE = 1.0
_WORKER_TIMEOUT_MS = 50
_SHUTDOWN_MS = 8_000
_END_WITHIN = 9.0
_LATEST = 9.8


class Heartbeat:
    """Tells the store now and then that this process is there, and what it does."""

    def __init__(self, store: Store, role: str) -> None:
        self._store = store
        # by the system's time also in a demo: it tells who is alive
        self._now = store_clock(store)
        self.name = f"{role}@{socket.gethostname()}:{os.getpid()}"
        self._role = role
        self._started_at: datetime = self._now()
        self._next = 0.0

    def __call__(
        self, doing: str = "", lateness: float = 0.0, done: int = 0, failed: int = 0
    ) -> None:
        """Report, if it is time to; a store that is away is passed over, the next beat tells."""
        if monotonic() < self._next:
            return
        self._next = monotonic() + HEARTBEAT_INTERVAL
        try:
            with self._store.writing(skip_queue=True) as session:
                report_process(
                    session,
                    self._now(),
                    name=self.name,
                    role=self._role,
                    started_at=self._started_at,
                    doing=doing,
                    lateness_ms=round(lateness * 1000),
                    done=done,
                    failed=failed,
                )
        except Exception as wrong:
            if not is_transient(wrong):
                raise
            log.warning("the store cannot be reached (%s)", type(wrong).__name__)

    def remove_process(self) -> None:
        """Say that this process ends in order."""
        try:
            with self._store.writing(skip_queue=True) as session:
                remove_process(session, self.name, self._now())
        except Exception as wrong:
            if not is_transient(wrong):
                raise


class Sampler:
    """Leaves a sample of the queues in the store every few seconds, for those who watch them."""

    def __init__(self, context: WorkerContext, name: str) -> None:
        self._desk = context
        self._name = name
        self._next = monotonic() + SAMPLE_INTERVAL
        self._sent = self._given_up = 0
        self._tidy_at = self._next

    def __call__(self) -> None:
        """Leave one, if it is time to; what could not be told is told with the next."""
        if monotonic() < self._next:
            return
        self._next = monotonic() + SAMPLE_INTERVAL
        context = self._desk
        sent, given_up = context.dispatcher.sent, context.dispatcher.failed
        letters, vain = sent - self._sent, given_up - self._given_up
        self._sent, self._given_up = sent, given_up
        context.counters.add({DELIVERY: letters + vain}, {DELIVERY: vain})
        dealt, failed = context.counters.take()
        try:
            with context.store.writing(skip_queue=True) as session:
                wall, speed = system_clock(), clock_speed(context.now)
                record_sample(
                    session, self._name, dealt, failed, context.now(), wall, speed, PATIENCE
                )
            if monotonic() >= self._tidy_at:
                self._tidy_at = monotonic() + TIDY_INTERVAL
                context.store.analyze()
        except Exception as wrong:
            if not is_transient(wrong):
                raise
            context.counters.add(dealt, failed)


class Sweeper:
    """Has what need not be kept removed, once a day, a little at a time."""

    def __init__(self, store: Store, now: Now) -> None:
        self._store = store
        self._now = now
        self._rulebooks = RulebookCache()
        self._broom = NoticePruner()
        self._next = monotonic() + _FIRST_SWEEP

    def __call__(self) -> None:
        """Sweep on, if it is time to; a store that is away is swept another time."""
        if monotonic() < self._next:
            return
        self._next = monotonic() + _SWEEP_PAUSE
        try:
            with self._store.writing() as session:
                now = self._now()
                policies = self._rulebooks.current(session).policies
                more = self._broom.sweep(session, now, in_force(list(policies.values()), now))
        except Exception as wrong:
            if not is_transient(wrong):
                raise
            return
        if not more:
            log.info("%d notices removed", self._broom.swept)
            self._broom = NoticePruner()
            self._next = monotonic() + SWEEP_INTERVAL


def stop_on_signals(parent: int | None) -> threading.Event:
    """An event that is set by SIGTERM or SIGINT, or when the process `parent` is gone.

    A process that is held up where it cannot see the event, as by a store that hangs, ends a
    little later as it stands: a transaction that is open is rolled back.
    """
    stop = threading.Event()
    latest = threading.Timer(_LATEST, _end_as_it_stands)
    latest.daemon = True

    def halt() -> None:
        if not stop.is_set():
            stop.set()
            latest.start()

    def told(number: int, _frame: object) -> None:
        log.info("told to stop (%s)", signal.Signals(number).name)
        halt()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    if parent is not None:
        threading.Thread(target=_watch, args=(parent, stop, halt), daemon=True).start()
    return stop


def _end_as_it_stands() -> None:
    log.warning("could not end in order; what was under way is rung for again")
    os._exit(1)


def _watch(parent: int, stop: threading.Event, halt: Callable[[], None]) -> None:
    # a killed supervisor must not leave workers behind that nobody restarts or ends
    while not stop.wait(0.5):
        if os.getppid() != parent:
            log.warning("the supervisor is gone")
            halt()


def run_worker(
    store: Store,
    broker_url: str,
    now: Now,
    dispatcher: NoticeDispatcher,
    *,
    queues: Sequence[str] = QUEUES,
    threads: int = 2,
    parent: int | None = None,
) -> int:
    """Answer bells until told to stop; what is unfinished by then is rung for again elsewhere.

    Emergencies have a thread of their own beside the `threads` of all other queues, so that none
    waits for a batch to end. Returns the exit code: 1 where a consumer has died, so that a
    supervisor starts anew.
    """
    stop = stop_on_signals(parent)
    context = WorkerContext(store, now, dispatcher)
    urgent, others = [q for q in queues if q == EMERGENCY], [q for q in queues if q != EMERGENCY]
    workers = [
        _started(broker_url, context, own, count)
        for own, count in ((urgent, 1), (others, threads))
        if own
    ]
    beat = Heartbeat(store, "worker")
    matters = SimilarityScan(store, now)
    sampler = Sampler(context, beat.name)
    code = 0
    while not stop.wait(0.2):
        sampler()
        beat(context.doing, done=context.done, failed=context.failed + dispatcher.failed)
        matters(context.done)
        if not all(c.is_alive() for worker in workers for c in worker.consumers.values()):
            log.error("a consumer has died; starting anew")
            code = 1
            break
    _end([*(partial(_stop, worker) for worker in workers), dispatcher.close, beat.remove_process])
    return code


def _started(
    broker_url: str, context: WorkerContext, queues: Sequence[str], threads: int
) -> Worker:
    """A worker of Dramatiq's with a broker of its own: it takes all of a broker's queues."""
    broker = connect(broker_url)
    dramatiq.set_broker(broker)
    register_actors(broker, context, queues)
    worker = Worker(broker, worker_timeout=_WORKER_TIMEOUT_MS, worker_threads=threads)
    worker.start()
    return worker


def _end(tasks: Sequence[Callable[[], None]]) -> None:
    """End in order, but in time: a broker or a store that hangs would keep the process for ever."""
    ending = [threading.Thread(target=task, daemon=True) for task in tasks]
    for thread in ending:
        thread.start()
    until = monotonic() + _END_WITHIN
    for thread in ending:
        thread.join(max(0.0, until - monotonic()))
    if any(thread.is_alive() for thread in ending):
        log.warning("not everything could be ended in order; its rows are rung for again")


def _stop(worker: Worker) -> None:
    try:
        worker.stop(timeout=_SHUTDOWN_MS)
        worker.broker.close()
    except (redis.RedisError, dramatiq.errors.ConnectionError) as wrong:
        log.warning("the broker cannot be reached (%s)", type(wrong).__name__)


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
    beat = Heartbeat(store, "timekeeper")

    sweeper = Sweeper(store, now)

    def tell() -> None:
        sweeper()
        doing = "" if keeper.broker_ok else "broker away"
        beat(doing, lateness=keeper.lateness, done=keeper.rung, failed=keeper.failed)

    keeper.run(stop, tell)
    beat.remove_process()
    return 0
