"""The broker: a Redis or Valkey that holds bells, and nothing else.

Losing all that it holds costs only time: the timekeeper rings again.
"""

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dramatiq
import redis
from dramatiq.broker import Consumer
from dramatiq.brokers.redis import RedisBroker
from dramatiq.encoder import JSONEncoder, MessageData
from dramatiq.middleware import ShutdownNotifications, TimeLimit
from redis.backoff import NoBackoff
from redis.retry import Retry

from models.i18n import render
from models.rules.limits import BELL_BYTES, BELL_NAME_BYTES
from models.rules.queues import DELIVERY, EMERGENCY, ESCALATION, QUEUES
from workers.bell_watch import BellWatch, add_rung, rung_key
from workers.broker_errors import BrokerUrlUnusable, broker_fault, is_refusal, require_queues
from workers.broker_keys import mend_keys, namespace_of
from workers.consumers import BellConsumer, ClockConsumer

log = logging.getLogger("hotline.broker")

TIME_LIMIT_MS = 300_000
"""A batch that takes longer has hung; its rows are rung for again."""

_MAX_IDS_PER_BELL = {ESCALATION: 1_000, DELIVERY: 1_000, EMERGENCY: 50}
"""Rows that one bell rings for at most: a clock's levels come by the ten thousand."""

_REFILLED = (ESCALATION, DELIVERY)
_MAX_IDS_ELSEWHERE = 500
_MAX_WAITING_BELLS = 16
"""Bells that may wait in one queue.

What is due beyond that stays in the store until they are answered, so that a broker holds no more
of a flood than of a quiet day.
"""


def connect_client(url: str) -> redis.Redis:
    """Return a client of the server at `url`, which is not asked for anything yet.

    Nothing is retried blindly: after a cut connection a script may have run, and a second bell
    costs less than a wrong guess. Raises BrokerUrlUnusable.
    """
    try:
        client = redis.Redis.from_url(
            url, socket_timeout=15, socket_connect_timeout=5, retry=Retry(NoBackoff(), 0)
        )
        # it opens no connection, but says at once which option it does not take
        client.connection_pool.make_connection()
    except (TypeError, ValueError) as error:
        raise BrokerUrlUnusable from error
    return client


def require_broker(url: str) -> None:
    """Ask the server at `url` what it is; one that cannot be reached is logged, with the reason.

    Raises BrokerUrlUnusable, and BrokerUnsuitable for a server that holds no queues.
    """
    with connect_client(url) as client:
        try:
            require_queues(client)
        except redis.RedisError as error:
            log.warning("the broker cannot be reached: %s", _explain(client, error))


def connect(url: str, store_id: str) -> "BellBroker":
    """Return a broker for the bells of a store on the server at `url`.

    There is no Retries middleware, since a failure is a row that is rung for again. Raises
    BrokerUrlUnusable.
    """
    middleware = [TimeLimit(time_limit=TIME_LIMIT_MS), ShutdownNotifications()]
    dramatiq.set_encoder(BellEncoder())
    return BellBroker(  # type: ignore[no-untyped-call]
        client=connect_client(url),
        namespace=namespace_of(store_id),
        heartbeat_timeout=15_000,
        maintenance_chance=100_000,
        middleware=middleware,
    )


class BellEncoder(JSONEncoder):
    """Reads bells without the options that somebody else may have put into them.

    A bell has none: one with a time to wait for would keep a worker from fetching others.
    """

    def decode(self, data: bytes) -> MessageData:
        """Return the message in `data`."""
        message = super().decode(data)
        options = message.get("options")
        name = options.get("redis_message_id") if isinstance(options, dict) else None
        return {**message, "options": {"redis_message_id": name}}


class BellBroker(RedisBroker):
    """A broker that throws away what is no bell, and mends keys that others have overwritten.

    Dramatiq logs why it is cut off, in the client's words, which have the address: they are
    replaced by our own. With a `watch`, who fetches bells waits for them.
    """

    watch: BellWatch | None = None

    def start_watch(self) -> None:
        """Let all who fetch bells wait for them, until the watch is stopped."""
        self.watch = BellWatch(self.client, self.namespace)

    def stop_watch(self) -> None:
        """Let nobody fetch bells any more."""
        if self.watch is not None:
            self.watch.stop()

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """Return who takes bells from a queue and holds at most `prefetch`, of clocks one more.

        `timeout` is in ms.
        """
        kind = ClockConsumer if queue_name == ESCALATION else BellConsumer
        return kind(super().consume(queue_name, prefetch + 1, timeout), prefetch, timeout / 1000)

    def _dispatch(self, command: str) -> Callable[..., Any]:
        run = super()._dispatch(command)  # type: ignore[no-untyped-call]

        def run_or_explain(*arguments: object) -> Any:
            with _explaining(self.client):
                return run(*arguments)

        return run_or_explain

    def do_fetch(self, queue_name: str, prefetch: int) -> list[bytes]:
        """Return the next message of a queue; with a watch, wait until there is one.

        It is one at a time, whatever the `prefetch`: what it took besides, no other worker could
        begin with. It returns none once the watch was stopped.
        """
        if (watch := self.watch) is None:
            return self._fetch(queue_name)
        while not watch.is_stopped:
            rung = watch.times_rung(queue_name)
            if messages := self._fetch(queue_name):
                return messages
            watch.wait(queue_name, rung)
        return []

    def _fetch(self, queue_name: str) -> list[bytes]:
        """Return the next bell of a queue, if there is one; what is none is thrown away."""
        while message := self._fetch_any(queue_name):
            if (data := message[0]) and self._is_bell(queue_name, data):
                return [data]
            _log_thrown_away(queue_name, 1)
        return []

    def _fetch_any(self, queue_name: str) -> list[bytes | None]:
        """Return the next message of a queue that is not too large to be a bell."""
        queue = f"{self.namespace}:{queue_name}"
        keys = (queue, f"{queue}.msgs")
        limits = (_REMOVED_AT_ONCE, BELL_NAME_BYTES, BELL_BYTES)
        removed = _REMOVED_AT_ONCE
        try:
            while removed == _REMOVED_AT_ONCE:
                with _explaining(self.client):
                    removed = self.client.eval(_REMOVE_HUGE, len(keys), *keys, *limits)
                if removed:
                    _log_thrown_away(queue_name, removed)
            message: list[bytes | None] = self._dispatch("fetch")(queue_name, 1)
        except redis.ResponseError:
            if not mend_keys(self.client, self.namespace):
                raise
            return []
        return message

    def _is_bell(self, queue_name: str, data: bytes) -> bool:
        """Return whether a message is a bell of this queue, which Dramatiq can also put away.

        One that can only be put away is put away.
        """
        try:
            message: Any = dramatiq.Message.decode(data)
        except dramatiq.errors.DecodeError:
            return False
        name, is_for = message.options["redis_message_id"], (message.queue_name, message.actor_name)
        if not isinstance(name, str):
            return False
        if isinstance(message.message_id, str) and is_for == (queue_name, actor_name(queue_name)):
            return True
        self._dispatch("ack")(queue_name, name)
        return False


def _log_thrown_away(queue_name: str, messages: int) -> None:
    log.warning("threw away what is no bell", extra={"queue": queue_name, "of": messages})


@contextmanager
def _explaining(client: redis.Redis) -> Iterator[None]:
    """Give an outage our words."""
    try:
        yield
    except redis.RedisError as error:
        if not is_refusal(error):
            raise
        raise redis.ConnectionError(_explain(client, error)) from error


def _explain(client: redis.Redis, error: redis.RedisError) -> str:
    with_tls = issubclass(client.connection_pool.connection_class, redis.SSLConnection)
    return render(broker_fault(error, with_tls=with_tls))


_REMOVE_HUGE = """\
local removed = 0
while removed < tonumber(ARGV[1]) do
  local id = redis.call('lindex', KEYS[1], 0)
  if not id then break end
  if #id <= tonumber(ARGV[2]) and redis.call('hstrlen', KEYS[2], id) <= tonumber(ARGV[3]) then
    break
  end
  redis.call('lpop', KEYS[1])
  redis.call('hdel', KEYS[2], id)
  removed = removed + 1
end
return removed
"""
"""What is too large is removed unread: a worker would hold it in memory several times."""

_REMOVED_AT_ONCE = 1_000
"""The most messages that one call of the script removes: nobody can interrupt it."""


class Bells:
    """Rings bells: enqueues many Dramatiq messages in one round trip."""

    def __init__(self, broker: BellBroker) -> None:
        self._client, self._namespace = broker.client, broker.namespace

    def ring(self, ids: Mapping[str, Sequence[int]]) -> int:
        """Ring for these rows, by queue, emergencies first; returns the number of bells.

        Raises redis.RedisError where the server cannot be reached; a bell is then rung or not.
        """
        pipe = self._client.pipeline(transaction=True)
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
                pipe.hset(f"{self._namespace}:{queue}.msgs", name, message.encode())
                pipe.rpush(f"{self._namespace}:{queue}", name)
                bells += 1
        if bells:
            add_rung(pipe, self._namespace, ids)
            try:
                pipe.execute()
            except redis.ResponseError:
                # what was not rung for is rung for again; a stream may be at its last possible id
                mend_keys(self._client, self._namespace)
                self._client.delete(rung_key(self._namespace))
                raise
        return bells

    def is_reachable(self) -> bool:
        """Return whether the server answers."""
        try:
            return bool(self._client.ping())
        except redis.RedisError:
            return False

    def fault(self, error: redis.RedisError) -> str:
        """Say why the server could not be used, and what to do, without its address."""
        return _explain(self._client, error)

    def free_capacity(self) -> dict[str, int]:
        """Return for how many rows of each queue bells may be rung now. Raises redis.RedisError.

        Where rows come by the ten thousand, for none until half of the queue is free: they are
        claimed many at a time.
        """
        rows = {}
        for queue, bells in self.waiting().items():
            free = max(0, _MAX_WAITING_BELLS - bells)
            if queue in _REFILLED and bells > _MAX_WAITING_BELLS // 2:
                free = 0
            rows[queue] = free * max_ids_per_bell(queue)
        return rows

    def waiting(self) -> dict[str, int]:
        """Return how many bells wait in each queue. Raises redis.RedisError."""
        pipe = self._client.pipeline(transaction=False)
        for queue in QUEUES:
            pipe.llen(f"{self._namespace}:{queue}")
        try:
            lengths = pipe.execute()
        except redis.ResponseError:
            if not mend_keys(self._client, self._namespace):
                raise
            lengths = [0] * len(QUEUES)
        return dict(zip(QUEUES, lengths, strict=True))


def max_ids_per_bell(queue: str) -> int:
    """Return how many rows one bell of this queue rings for at most."""
    return _MAX_IDS_PER_BELL.get(queue, _MAX_IDS_ELSEWHERE)


def actor_name(queue: str) -> str:
    """Return the name of the actor that answers this queue's bells."""
    return f"answer_{queue}"
