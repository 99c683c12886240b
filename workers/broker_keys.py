"""The keys of a store in the key-value server, and those of other stores and earlier releases.

Every key of ours, and every one that Dramatiq makes, begins with `hotline:` and the store's id, so
that stores can share a server.
"""

import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import redis

from models.rules.queues import QUEUES
from workers.bell_watch import rung_key

log = logging.getLogger("hotline.broker")

_OWNER = "hotline"
_HEARTBEATS = ":__heartbeats__"
_KEY = re.compile(rf"{_OWNER}:([0-9a-f]{{16}}):".encode())
_QUEUE_KEYS = rf"(?:{'|'.join(QUEUES)})(?:\.DQ)?(?:\.XQ)?(?:\.msgs)?"
_OLD_KEY = re.compile(
    rf"{_OWNER}:(?:__heartbeats__|__acks__\..*|{_QUEUE_KEYS})".encode(), re.DOTALL
)
_UNUSED_AFTER = timedelta(hours=1)

_TYPES = (
    *((".XQ.msgs", "hash"), (".msgs", "hash"), (".XQ", "zset"), (_HEARTBEATS, "zset")),
    (rung_key(""), "stream"),
)


class OtherStore(NamedTuple):
    """Another store with keys in the server, and when one of its workers last asked for bells."""

    store_id: str
    used_at: datetime | None


def namespace_of(store_id: str) -> str:
    """Return what all keys of a store begin with, without the colon after it."""
    return f"{_OWNER}:{store_id}"


def other_stores(client: redis.Redis, store_id: str) -> list[OtherStore]:
    """Return the other stores that have keys in this server. Raises redis.RedisError."""
    store_ids = {match[1].decode() for key in _keys(client, _OWNER) if (match := _KEY.match(key))}
    others = sorted(store_ids - {store_id})
    return [OtherStore(other, _used_at(client, namespace_of(other))) for other in others]


def old_keys(client: redis.Redis) -> list[bytes]:
    """Return the keys of releases that gave all stores the same. Raises redis.RedisError."""
    return [key for key in _keys(client, _OWNER) if _OLD_KEY.fullmatch(key)]


def remove_old_keys(client: redis.Redis) -> int:
    """Remove the keys of earlier releases an hour after their last process asked for bells.

    Nothing is lost with them: the rows of their bells are rung for again. Returns how many were
    removed. Raises redis.RedisError.
    """
    keys = old_keys(client)
    if not keys:
        return 0
    seconds, _micros = client.time()
    used_at = _used_at(client, _OWNER)
    if used_at and used_at > datetime.fromtimestamp(seconds, UTC) - _UNUSED_AFTER:
        return 0
    client.delete(*keys)
    log.info("removed the broker's keys of an earlier release", extra={"keys": len(keys)})
    return len(keys)


def mend_keys(client: redis.Redis, namespace: str) -> bool:
    """Remove keys of the namespace that have a wrong type; returns whether there were any.

    Somebody who can write to the broker has put them there, and they stop all ringing. Nothing is
    lost with them: the timekeeper rings again. Raises redis.RedisError.
    """
    mended = False
    for key in _keys(client, namespace):
        kind = client.type(key).decode()  # type: ignore[union-attr]
        if kind not in ("none", _right_type(key)):
            client.delete(key)
            log.error(
                "removed a key of the broker that had a wrong type: somebody else writes to it",
                extra={"key": key.decode("utf-8", "replace"), "type": kind},
            )
            mended = True
    return mended


def _keys(client: redis.Redis, namespace: str) -> Iterator[bytes]:
    # by the bytes: somebody else's key need not be a text
    yield from client.scan_iter(match=f"{namespace}:*", count=1_000)


def _right_type(key: bytes) -> str:
    """Return the type of this key of a namespace."""
    if b":__acks__." in key:
        return "set"
    return next((kind for ending, kind in _TYPES if key.endswith(ending.encode())), "list")


def _used_at(client: redis.Redis, namespace: str) -> datetime | None:
    """Return when a worker of this namespace last asked for bells, by its own clock.

    None where nothing says so, or where our user may not look.
    """
    key = f"{namespace}{_HEARTBEATS}"
    try:
        if client.type(key) != b"zset":
            return None
        newest: Any = client.zrevrange(key, 0, 0, withscores=True)
    except redis.exceptions.NoPermissionError:
        return None
    return datetime.fromtimestamp(newest[0][1] / 1000, UTC) if newest else None
