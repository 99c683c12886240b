"""Wait for bells, instead of asking for each queue again and again whether there are any."""

import logging
from collections import Counter
from collections.abc import Iterable
from threading import Condition, Event, Thread
from typing import Any

import redis

from models.rules.queues import QUEUES

log = logging.getLogger("hotline.broker")

LONGEST_WAIT = 1.0
"""Seconds after which bells are asked for in any case: Dramatiq rings for what it puts back."""

_BLOCK_MS = 1_000
_AFTER_AN_ERROR = 1.0
_RUNG = "__rung__"
_QUEUES = frozenset(QUEUES)
_KEPT = 100
"""Entries of the stream: more than are added while a reader takes the last ones."""


def rung_key(namespace: str) -> str:
    """Return the key of the stream that says for which queues of a store bells were rung."""
    return f"{namespace}:{_RUNG}"


def add_rung(pipe: "redis.client.Pipeline", namespace: str, queues: Iterable[str]) -> None:
    """Say that bells of these queues were rung, in the transaction that rings them."""
    fields: Any = dict.fromkeys(queues, "")
    pipe.xadd(rung_key(namespace), fields, maxlen=_KEPT, approximate=True)


class BellWatch:
    """Follows for all consumers of a worker what is rung, with one connection; thread-safe.

    `longest_wait` is in seconds.
    """

    def __init__(
        self, client: redis.Redis, namespace: str, longest_wait: float = LONGEST_WAIT
    ) -> None:
        self._client, self._key = client, rung_key(namespace)
        self._longest_wait = longest_wait
        self._changed = Condition()
        self._rung: Counter[str] = Counter()
        self._stop = Event()
        self._thread = Thread(target=self._follow, daemon=True)
        self._thread.start()

    @property
    def is_stopped(self) -> bool:
        """Whether nobody is to wait any more."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Let nobody wait any more."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    def times_rung(self, queue: str) -> int:
        """Return how often bells of a queue have been rung; to be asked before fetching them."""
        return self._rung[queue]

    def wait(self, queue: str, times_rung: int) -> None:
        """Wait until bells of a queue have been rung more often than that, or long enough."""
        with self._changed:
            self._changed.wait_for(
                lambda: self.is_stopped or self._rung[queue] != times_rung, self._longest_wait
            )

    def _follow(self) -> None:
        last: bytes | str = "$"
        failed = False
        while not self.is_stopped:
            try:
                read: Any = self._client.xread({self._key: last}, block=_BLOCK_MS)
                entries = _entries(read)
                failed = False
            except Exception as error:
                # bells are fetched all the same, a little later; nothing else may end this thread
                if not (failed or self.is_stopped):
                    log.warning("bells are looked for each second: %s", type(error).__name__)
                failed = True
                self._stop.wait(_AFTER_AN_ERROR)
                continue
            # where nothing came, what comes next: a server's clock may have gone back
            last = entries[-1][0] if entries else "$"
            rung = {name.decode("ascii", "replace") for _id, fields in entries for name in fields}
            with self._changed:
                self._rung.update(rung & _QUEUES)
                self._changed.notify_all()


def _entries(read: Any) -> list[Any]:
    """Return the entries of the one stream in an answer, whatever the client makes of that."""
    if isinstance(read, dict):
        # protocol 3: a list of lists for each stream
        return [entry for parts in read.values() for part in parts for entry in part]
    return [entry for _key, entries in read or () for entry in entries]
