"""Run a worker or a timekeeper as a process of its own, from start to orderly end."""

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Thread

import dramatiq
import redis
from dramatiq.worker import Worker

from models.clock import Now
from models.database import Store
from models.queries.health import DEFAULT_PATIENCE
from models.rules.queues import DELIVERY, EMERGENCY, QUEUES
from models.schema import WrongSchema
from workers.actors import WorkerContext, register_actors
from workers.anchoring import Anchoring
from workers.broker import BellBroker, Bells, connect, require_broker
from workers.chores import Chore
from workers.events.event_sender import EventSender
from workers.heartbeat import Heartbeat
from workers.housekeeping import (
    CalendarWatch,
    MissingBells,
    OldKeys,
    PruneFiles,
    Pruning,
    QueueSampler,
)
from workers.memory import FreedMemory
from workers.notices.dispatcher import NoticeDispatcher
from workers.shutdown import end_together, stop_on_signals
from workers.similar import SimilarityScan
from workers.timekeeper import Timekeeper

log = logging.getLogger("hotline.main")

_LOOP_PAUSE = 0.2
_WORKER_TIMEOUT_MS = 250
"""Milliseconds for which a thread of Dramatiq waits for work before it looks whether it is to stop.

So long a consumer also waits at most that has fetched as many bells as it may hold.
"""

_SHUTDOWN_MS = 8_000


def run_worker(
    store: Store,
    broker_url: str,
    now: Now,
    dispatcher: NoticeDispatcher,
    *,
    queues: Sequence[str] = QUEUES,
    threads: int = 1,
    parent: int | None = None,
    anchors: Path | None = None,
    senders: Sequence[EventSender] = (),
    compares_letters: bool = True,
) -> int:
    """Answer bells until told to stop; what is unfinished by then is rung for again elsewhere.

    Emergencies have a thread of their own beside the `threads` of all other queues, so that none
    waits for a batch to end. One is fastest where the database is near: of two that compute each
    waits for Python's lock, and on SQLite everybody for the one that writes.

    `compares_letters` says whether it looks for similar ones when idle: of workers on one machine
    one is enough, and it takes 14 MB more. Returns the exit code: 1 where a thread has died, so
    that a supervisor starts the process again, and once a later release has upgraded the store.
    Raises BrokerUnsuitable and BrokerUrlUnusable.
    """
    stop = stop_on_signals(parent)
    require_broker(broker_url)
    context = WorkerContext(store, now, dispatcher)
    urgent, others = [q for q in queues if q == EMERGENCY], [q for q in queues if q != EMERGENCY]
    workers = [
        _start_worker(broker_url, context, served, count)
        for served, count in ((urgent, 1), (others, threads))
        if served
    ]
    heartbeat = Heartbeat(store, "worker")
    scan_similar = Chore("comparing letters", SimilarityScan(store, now))
    sample_queues = Chore("sampling the queues", QueueSampler(context, heartbeat.name))
    anchor = Chore("anchoring", Anchoring(store, now, anchors))
    chores = scan_similar, sample_queues, anchor
    give_back = FreedMemory()
    senders = senders if DELIVERY in queues else ()
    for sender in senders:
        sender.start()
    code = 0
    while not stop.wait(_LOOP_PAUSE):
        try:
            sample_queues()
            failed = context.failed + dispatcher.failed + sum(chore.failed for chore in chores)
            heartbeat(context.doing, done=context.done, failed=failed)
            if compares_letters:
                scan_similar(context.done, context.doing)
            anchor()
            give_back(context.done)
        except WrongSchema as error:
            log.error("%s", error)
            code = 1
            break
        if not all(thread.is_alive() for worker in workers for thread in _threads_of(worker)):
            log.error("a thread has died; starting anew")
            code = 1
            break
    stops = (partial(_stop_worker, worker) for worker in workers)
    closing = (sender.close for sender in senders)
    end_together([*stops, dispatcher.close, *closing, heartbeat.sign_off])
    return code


def run_timekeeper(
    store: Store,
    broker_url: str,
    now: Now,
    *,
    patience: timedelta = DEFAULT_PATIENCE,
    parent: int | None = None,
    prune_files: PruneFiles | None = None,
) -> int:
    """Ring for what is due until told to stop; again after `patience` (real time).

    Raises BrokerUnsuitable and BrokerUrlUnusable.
    """
    stop = stop_on_signals(parent)
    require_broker(broker_url)
    broker = connect(broker_url, store.cipher.store_id)
    keeper = Timekeeper(store, Bells(broker), now, patience)
    heartbeat = Heartbeat(store, "timekeeper", patience)
    prune = Chore("pruning", Pruning(store, now, prune_files))
    missing, remove_old_keys = MissingBells(store, now), OldKeys(broker.client)
    set_missing = Chore("looking for missing bells", missing)
    watch_calendar = Chore("looking at working days", CalendarWatch(store, now))
    chores = prune, set_missing, watch_calendar
    mended = 0

    def on_turn() -> None:
        nonlocal mended
        prune()
        if keeper.mended > mended:
            mended = keeper.mended
            missing.begin_anew()
        if not keeper.is_rushed:
            set_missing()
        remove_old_keys()
        watch_calendar()
        doing = "" if keeper.broker_ok else "broker away"
        failed = keeper.failed + sum(chore.failed for chore in chores)
        heartbeat(doing, lateness=keeper.lateness, done=keeper.rung, failed=failed)

    keeper.run(stop, on_turn)
    heartbeat.sign_off()
    return 0


def _start_worker(
    broker_url: str, context: WorkerContext, queues: Sequence[str], threads: int
) -> Worker:
    """Start a Dramatiq worker with a broker of its own: it takes all of a broker's queues."""
    broker = connect(broker_url, context.store.cipher.store_id)
    dramatiq.set_broker(broker)
    register_actors(broker, context, queues)
    broker.start_watch()
    worker = Worker(broker, worker_timeout=_WORKER_TIMEOUT_MS, worker_threads=threads)
    # what a worker holds and does not do, another would have done; clocks are an exception
    worker.queue_prefetch = threads
    worker.start()
    return worker


def _threads_of(worker: Worker) -> Iterator[Thread]:
    """Return the threads that take bells and those that answer them."""
    yield from worker.consumers.values()
    yield from worker.workers


def _stop_worker(worker: Worker) -> None:
    assert isinstance(worker.broker, BellBroker)
    worker.broker.stop_watch()
    try:
        worker.stop(timeout=_SHUTDOWN_MS)
        worker.broker.close()
    except (redis.RedisError, dramatiq.errors.ConnectionError) as error:
        log.warning("the broker cannot be reached (%s)", type(error).__name__)
