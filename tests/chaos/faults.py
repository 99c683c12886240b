"""What can go wrong with a city's service, each by itself; a fault says when it is undone."""

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
from tests.chaos.cluster import City, Member
from tests.chaos.crash_points import POINTS
from workers.broker import NAMESPACE, Bells, connect

Fault = Callable[[City, float], str]
"""Breaks something for about so many seconds and says what."""

_OF_TIMEKEEPERS = ("ringing", "rung")


def killed(city: City, _seconds: float) -> str:
    """SIGKILL for one process."""
    return _signal(city.dice.choice(city.members), signal.SIGKILL)


def all_killed(city: City, _seconds: float) -> str:
    """SIGKILL for everybody at the same moment."""
    return ", ".join(_signal(member, signal.SIGKILL) for member in city.members)


def told_to_end(city: City, _seconds: float) -> str:
    """SIGTERM for a process in the middle of its work."""
    return _signal(city.member(city.dice.choice(("worker", "timekeeper"))), signal.SIGTERM)


def killed_at_a_point(city: City, _seconds: float) -> str:
    """A process that dies by itself at an exact point, such as between commit and acknowledgement.

    It takes the place of a killed one.
    """
    point = city.dice.choice(list(POINTS))
    member = city.member("timekeeper" if point in _OF_TIMEKEEPERS else "worker")
    count = city.dice.randint(1, 12)
    member.once = ["tests.chaos.crash_points", point, str(count)]
    _signal(member, signal.SIGKILL)
    return f"{member.name}, when {point} the {count}. time"


def frozen(city: City, seconds: float) -> str:
    """SIGSTOP for longer than the patience of the timekeepers, then SIGCONT."""
    return _freeze(city, city.dice.choice(city.members), seconds)


def timekeeper_frozen(city: City, seconds: float) -> str:
    """The same for one of several timekeepers."""
    return _freeze(city, city.member("timekeeper"), seconds)


def clock_jumps(city: City, _seconds: float) -> str:
    """One process goes on by a clock that is hours ahead or behind."""
    member = city.member(city.dice.choice(("worker", "timekeeper")))
    hours = city.dice.choice((-36, -3, 3, 36))
    start = city.clock.start + timedelta(hours=hours)
    member.clock = replace(city.clock, start=start)
    _signal(member, signal.SIGKILL)

    def right() -> None:
        member.clock = None
        _signal(member, signal.SIGKILL)

    city.later(2.0, right)
    return f"{member.name} by {hours} h"


def broker_flushed(city: City, _seconds: float) -> str:
    """FLUSHALL and SCRIPT FLUSH."""
    with _client(city) as client:
        client.flushall()
        client.script_flush()
    return "FLUSHALL"


def broker_restarted(city: City, seconds: float) -> str:
    """The key-value server is killed, and later comes back with what it had on the disk."""
    return _broker_away(city, seconds, empty=False)


def broker_emptied(city: City, seconds: float) -> str:
    """The key-value server is killed, and later comes back with nothing."""
    return _broker_away(city, seconds, empty=True)


def broker_full(city: City, seconds: float) -> str:
    """maxmemory is reached, and the server refuses whatever could take more."""
    _configure(city, "1")
    city.later(seconds, lambda: _configure(city, "0"))
    return f"maxmemory 1 for {seconds:.1f} s"


def broker_slow(city: City, seconds: float) -> str:
    """Each reply of the key-value server takes a fifth of a second."""
    city.proxy.delay = 0.2

    def fast() -> None:
        city.proxy.delay = 0.0

    city.later(seconds, fast)
    return f"0.2 s a reply for {seconds:.1f} s"


def replies_lost(city: City, seconds: float) -> str:
    """Some of the server's replies get lost, after it has done what was asked."""
    city.proxy.cuts = 0.05

    def whole() -> None:
        city.proxy.cuts = 0.0

    city.later(seconds, whole)
    return f"one in twenty for {seconds:.1f} s"


def bells_disordered(city: City, _seconds: float) -> str:
    """Bells twice, late, in another order, for rows that are long done or never were."""
    with city.store.reading() as session:
        rung: dict[str, list[int]] = {
            queue: list(session.scalars(select(INBOX.c.id).where(INBOX.c.queue == queue)))
            for queue in QUEUES
        }
        rung[ESCALATION] = list(session.scalars(select(TICKET.c.id)))
        rung[DELIVERY] = list(session.scalars(select(NOTICE.c.id)))
    for ids in rung.values():
        city.dice.shuffle(ids)
        ids += [10**9 + n for n in range(3)]
    broker = connect(city.valkey.url)
    bells = Bells(broker).ring(rung) + Bells(broker).ring(rung)
    for queue in QUEUES:
        key = f"{NAMESPACE}:{queue}"
        with broker.client.pipeline(transaction=True) as pipe:
            waiting = broker.client.lrange(key, 0, -1)
            city.dice.shuffle(waiting)
            pipe.delete(key)
            if waiting:
                pipe.rpush(key, *waiting)
            pipe.execute()
    broker.close()
    return f"{bells} more"


def database_crashes(city: City, seconds: float) -> str:
    """PostgreSQL is stopped in the middle of its transactions, and later started again."""
    assert city.postgres is not None
    city.postgres.crash()
    city.later(seconds, city.postgres.serve)
    return f"for {seconds:.1f} s"


def connections_cut(city: City, _seconds: float) -> str:
    """All connections to PostgreSQL are terminated."""
    assert city.postgres is not None
    with psycopg.connect(city.postgres.url(), autocommit=True) as connection:
        cut = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchone()
    return f"{cut[0] if cut else 0} of them"


def disk_full(city: City, seconds: float) -> str:
    """Not a byte is left on the store's file system."""
    assert city.disk is not None
    ballast = city.disk / "ballast"
    piece = bytes(4096)
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        # the error is what is wanted: there is no space left
        while file.write(piece):
            pass
    taken = ballast.stat().st_size
    city.later(seconds, ballast.unlink)
    return f"{taken // 1024} KiB taken for {seconds:.1f} s"


ANYWHERE: tuple[Fault, ...] = (
    killed,
    all_killed,
    told_to_end,
    killed_at_a_point,
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


def faults_for(city: City) -> tuple[Fault, ...]:
    """What can be broken in this city; a disk only where one could be mounted."""
    own = ON_POSTGRESQL if city.postgres is not None else ()
    return (*ANYWHERE, *own, *((disk_full,) if city.disk is not None else ()))


def _signal(member: Member, number: signal.Signals) -> str:
    if member.pid is not None:
        os.kill(member.pid, number)
    return member.name


def _freeze(city: City, member: Member, seconds: float) -> str:
    pid = member.pid
    if pid is None:
        return f"{member.name} was not there"
    os.kill(pid, signal.SIGSTOP)

    def wake() -> None:
        if member.pid == pid:
            os.kill(pid, signal.SIGCONT)

    city.later(seconds, wake)
    return f"{member.name} for {seconds:.1f} s"


def _broker_away(city: City, seconds: float, *, empty: bool) -> str:
    city.valkey.stop(timeout=0)

    def back() -> None:
        if empty:
            shutil.rmtree(city.valkey.data / "appendonlydir", ignore_errors=True)
        city.valkey.start()

    city.later(seconds, back)
    return f"for {seconds:.1f} s"


def _configure(city: City, most: str) -> None:
    if city.valkey.pid is not None:
        with _client(city) as client:
            client.config_set("maxmemory", most)


def _client(city: City) -> redis.Redis:
    return redis.Redis.from_url(city.valkey.url, retry=Retry(NoBackoff(), 0))
