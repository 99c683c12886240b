"""The faults: each breaks one thing and says when it is undone."""

import os
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import select

from models.rules.queues import DELIVERY, ESCALATION, QUEUES
from models.tables.core import INBOX, NOTICE, TICKET
from tests.chaos.cluster import Cluster, ServiceProcess
from tests.chaos.crash_points import POINTS
from workers.broker import Bells, connect

Fault = Callable[[Cluster, float], str]
"""Breaks something for about this many seconds and says what."""

_OF_TIMEKEEPERS = ("ringing", "rung")


def killed(cluster: Cluster, _seconds: float) -> str:
    """SIGKILL for one process."""
    return _signal(cluster.rng.choice(cluster.processes), signal.SIGKILL)


def all_killed(cluster: Cluster, _seconds: float) -> str:
    """SIGKILL for all processes at the same moment."""
    return ", ".join(_signal(process, signal.SIGKILL) for process in cluster.processes)


def terminated(cluster: Cluster, _seconds: float) -> str:
    """SIGTERM for a process in the middle of its work."""
    return _signal(cluster.process(cluster.rng.choice(("worker", "timekeeper"))), signal.SIGTERM)


def killed_at_crash_point(cluster: Cluster, _seconds: float) -> str:
    """A process that kills itself at an exact point, such as between commit and acknowledgement.

    It replaces a killed one.
    """
    point = cluster.rng.choice(list(POINTS))
    process = cluster.process("timekeeper" if point in _OF_TIMEKEEPERS else "worker")
    count = cluster.rng.randint(1, 12)
    process.once = ["tests.chaos.crash_points", point, str(count)]
    _signal(process, signal.SIGKILL)
    return f"{process.name}, when {point} the {count}. time"


def frozen(cluster: Cluster, seconds: float) -> str:
    """SIGSTOP for longer than the patience of the timekeepers, then SIGCONT."""
    return _freeze(cluster, cluster.rng.choice(cluster.processes), seconds)


def timekeeper_frozen(cluster: Cluster, seconds: float) -> str:
    """The same for one of the timekeepers."""
    return _freeze(cluster, cluster.process("timekeeper"), seconds)


def clock_jumps(cluster: Cluster, _seconds: float) -> str:
    """One process goes on with a clock that is hours ahead or behind."""
    process = cluster.process(cluster.rng.choice(("worker", "timekeeper")))
    hours = cluster.rng.choice((-36, -3, 3, 36))
    start = cluster.clock.start + timedelta(hours=hours)
    process.clock = replace(cluster.clock, start=start)
    _signal(process, signal.SIGKILL)

    def right() -> None:
        process.clock = None
        _signal(process, signal.SIGKILL)

    cluster.undo_later(2.0, right)
    return f"{process.name} by {hours} h"


def broker_flushed(cluster: Cluster, _seconds: float) -> str:
    """FLUSHALL and SCRIPT FLUSH."""
    with _client(cluster) as client:
        client.flushall()
        client.script_flush()
    return "FLUSHALL"


def broker_restarted(cluster: Cluster, seconds: float) -> str:
    """The key-value server is killed, and later restarted with its data on disk."""
    return _broker_away(cluster, seconds, empty=False)


def broker_emptied(cluster: Cluster, seconds: float) -> str:
    """The key-value server is killed, and later restarted empty."""
    return _broker_away(cluster, seconds, empty=True)


def broker_full(cluster: Cluster, seconds: float) -> str:
    """maxmemory is reached, and the server refuses all writes."""
    _configure(cluster, "1")
    cluster.undo_later(seconds, lambda: _configure(cluster, "0"))
    return f"maxmemory 1 for {seconds:.1f} s"


def broker_slow(cluster: Cluster, seconds: float) -> str:
    """Each reply of the key-value server takes a fifth of a second."""
    cluster.proxy.delay = 0.2

    def fast() -> None:
        cluster.proxy.delay = 0.0

    cluster.undo_later(seconds, fast)
    return f"0.2 s a reply for {seconds:.1f} s"


def replies_lost(cluster: Cluster, seconds: float) -> str:
    """Some of the server's replies are lost after it has carried out the command."""
    cluster.proxy.cuts = 0.05

    def whole() -> None:
        cluster.proxy.cuts = 0.0

    cluster.undo_later(seconds, whole)
    return f"one in twenty for {seconds:.1f} s"


def bells_disordered(cluster: Cluster, _seconds: float) -> str:
    """Bells twice, late, in another order, and for rows that are done or do not exist."""
    with cluster.store.reading() as session:
        rung: dict[str, list[int]] = {
            queue: list(session.scalars(select(INBOX.c.id).where(INBOX.c.queue == queue)))
            for queue in QUEUES
        }
        rung[ESCALATION] = list(session.scalars(select(TICKET.c.id)))
        rung[DELIVERY] = list(session.scalars(select(NOTICE.c.id)))
    for ids in rung.values():
        cluster.rng.shuffle(ids)
        ids += [10**9 + n for n in range(3)]
    broker = connect(cluster.valkey.url, cluster.store.cipher.store_id)
    bells = Bells(broker).ring(rung) + Bells(broker).ring(rung)
    for queue in QUEUES:
        key = f"{broker.namespace}:{queue}"
        with broker.client.pipeline(transaction=True) as pipe:
            waiting = broker.client.lrange(key, 0, -1)
            cluster.rng.shuffle(waiting)
            pipe.delete(key)
            if waiting:
                pipe.rpush(key, *waiting)
            pipe.execute()
    broker.close()
    return f"{bells} more"


def database_crashes(cluster: Cluster, seconds: float) -> str:
    """PostgreSQL is stopped in the middle of its transactions, and later restarted."""
    assert cluster.postgres is not None
    cluster.postgres.crash()
    cluster.undo_later(seconds, cluster.postgres.serve)
    return f"for {seconds:.1f} s"


def connections_cut(cluster: Cluster, _seconds: float) -> str:
    """All connections to PostgreSQL are terminated."""
    assert cluster.postgres is not None
    with psycopg.connect(cluster.postgres.url(), autocommit=True) as connection:
        cut = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchone()
    return f"{cut[0] if cut else 0} of them"


def disk_full(cluster: Cluster, seconds: float) -> str:
    """The store's file system is full."""
    assert cluster.disk is not None
    ballast = cluster.disk / "ballast"
    piece = bytes(4096)
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        # The error is expected: there is no space left.
        while file.write(piece):
            pass
    taken = ballast.stat().st_size
    cluster.undo_later(seconds, ballast.unlink)
    return f"{taken // 1024} KiB taken for {seconds:.1f} s"


ANYWHERE: tuple[Fault, ...] = (
    killed,
    all_killed,
    terminated,
    killed_at_crash_point,
    frozen,
    timekeeper_frozen,
    clock_jumps,
    broker_flushed,
    broker_restarted,
    broker_emptied,
    broker_full,
    broker_slow,
    replies_lost,
    bells_disordered,
)
ON_POSTGRESQL: tuple[Fault, ...] = (database_crashes, connections_cut)


def faults_for(cluster: Cluster) -> tuple[Fault, ...]:
    """The faults that are possible in this cluster; a full disk only where one was mounted."""
    of_database = ON_POSTGRESQL if cluster.postgres is not None else ()
    return (*ANYWHERE, *of_database, *((disk_full,) if cluster.disk is not None else ()))


def _signal(process: ServiceProcess, number: signal.Signals) -> str:
    if process.pid is not None:
        os.kill(process.pid, number)
    return process.name


def _freeze(cluster: Cluster, process: ServiceProcess, seconds: float) -> str:
    pid = process.pid
    if pid is None:
        return f"{process.name} was not there"
    os.kill(pid, signal.SIGSTOP)

    def wake() -> None:
        if process.pid == pid:
            os.kill(pid, signal.SIGCONT)

    cluster.undo_later(seconds, wake)
    return f"{process.name} for {seconds:.1f} s"


def _broker_away(cluster: Cluster, seconds: float, *, empty: bool) -> str:
    cluster.valkey.stop(timeout=0)

    def back() -> None:
        if empty:
            shutil.rmtree(cluster.valkey.data / "appendonlydir", ignore_errors=True)
        cluster.valkey.start()

    cluster.undo_later(seconds, back)
    return f"for {seconds:.1f} s"


def _configure(cluster: Cluster, most: str) -> None:
    if cluster.valkey.pid is not None:
        with _client(cluster) as client:
            client.config_set("maxmemory", most)


def _client(cluster: Cluster) -> redis.Redis:
    return redis.Redis.from_url(cluster.valkey.url, retry=Retry(NoBackoff(), 0))
