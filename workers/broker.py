"""The broker: a Redis or Valkey that holds bells, and nothing else.

Losing all that it holds costs only time: the timekeeper rings again.
"""

import uuid
from collections.abc import Mapping, Sequence

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import ShutdownNotifications, TimeLimit
from redis.backoff import NoBackoff
from redis.retry import Retry

from models.rules.queues import DELIVERY, EMERGENCY, ESCALATION, QUEUES

NAMESPACE = "hotline"
TIME_LIMIT_MS = 300_000
"""A batch that takes longer has hung; its rows are rung for again."""

_MAX_IDS_PER_BELL = {ESCALATION: 1_000, DELIVERY: 1_000, EMERGENCY: 50}
"""Rows that one bell rings for at most: a clock's levels come by the ten thousand."""

_MAX_IDS_ELSEWHERE = 500
_MAX_WAITING_BELLS = 16
"""Bells that may wait in one queue.

What is due beyond that stays in the store until they are answered, so that a broker holds no more
of a flood than of a quiet day.
"""


def connect(url: str) -> RedisBroker:
    """Return a broker on the server at `url`.

    Nothing is retried blindly: after a cut connection a script may have run, and a second bell
    costs less than a wrong guess. There is no Retries middleware, since a failure is a row that is
    rung for again.
    """
    client = redis.Redis.from_url(
        url, socket_timeout=15, socket_connect_timeout=5, retry=Retry(NoBackoff(), 0)
    )
    middleware = [TimeLimit(time_limit=TIME_LIMIT_MS), ShutdownNotifications()]
    return RedisBroker(  # type: ignore[no-untyped-call]
        client=client,
        namespace=NAMESPACE,
        heartbeat_timeout=15_000,
        maintenance_chance=100_000,
        middleware=middleware,
    )


class Bells:
    """Rings bells: enqueues many Dramatiq messages in one round trip."""

    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker

    def ring(self, ids: Mapping[str, Sequence[int]]) -> int:
        """Ring for these rows, by queue, emergencies first; returns the number of bells.

        Raises redis.RedisError where the server cannot be reached; a bell is then rung or not.
        """
        pipe = self._broker.client.pipeline(transaction=True)
        bells = 0
        for queue in sorted(ids, key=QUEUES.index):
            size = max_ids_per_bell(queue)
            for start in range(0, len(ids[queue]), size):
                message: dramatiq.Message[None] = dramatiq.Message(
                    queue_name=queue,
                    actor_name=actor_name(queue),
                    args=(list(ids[queue][start : start + size]),),
                    kwargs={},
                    options={"redis_message_id": (name := str(uuid.uuid4()))},
                )
                # as RedisBroker's own script does it for one message
                pipe.hset(f"{NAMESPACE}:{queue}.msgs", name, message.encode())
                pipe.rpush(f"{NAMESPACE}:{queue}", name)
                bells += 1
        if bells:
            pipe.execute()
        return bells

    def is_reachable(self) -> bool:
        """Return whether the server answers."""
        try:
            return bool(self._broker.client.ping())
        except redis.RedisError:
            return False

    def free_capacity(self) -> dict[str, int]:
        """Return for how many rows of each queue bells may be rung now. Raises redis.RedisError."""
        return {
            queue: max(0, _MAX_WAITING_BELLS - bells) * max_ids_per_bell(queue)
            for queue, bells in self.waiting().items()
        }

    def waiting(self) -> dict[str, int]:
        """Return how many bells wait in each queue. Raises redis.RedisError."""
        pipe = self._broker.client.pipeline(transaction=False)
        for queue in QUEUES:
            pipe.llen(f"{NAMESPACE}:{queue}")
        return dict(zip(QUEUES, pipe.execute(), strict=True))


def max_ids_per_bell(queue: str) -> int:
    """Return how many rows one bell of this queue rings for at most."""
    return _MAX_IDS_PER_BELL.get(queue, _MAX_IDS_ELSEWHERE)


def actor_name(queue: str) -> str:
    """Return the name of the actor that answers this queue's bells."""
    return f"answer_{queue}"
